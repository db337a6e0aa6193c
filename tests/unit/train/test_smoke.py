"""The judgement of a smoke test."""

from __future__ import annotations

from typing import Any

import pytest

from overnight.train import smoke

HEALTHY = {"loss_n": 10, "loss_first": 2.0, "loss_last": 1.0, "nonfinite": None, "step_time_s": 0.1}


def judge(progress: dict[str, Any] = HEALTHY, **changes: Any) -> smoke.Verdict:
    record = {
        "exit_code": 0,
        "cause": None,
        "ended_at": 110.0,
        "progress": progress,
        "outputs": {"outputs": 3},
        **changes.pop("record", {}),
    }
    state = {"state": "finished", "attempts": [{"started_at": 100.0}], **changes.pop("state", {})}
    settings: dict[str, Any] = {
        "outputs": ["outputs"],
        "gpu_totals_mib": {},
        "same_command": False,
        **changes,
    }
    return smoke.judge(state=state, record=record, **settings)


def test_a_healthy_run_passes() -> None:
    """Exit code 0, a falling loss, outputs where declared."""
    verdict = judge()
    assert verdict.passed
    assert verdict.step_time_s == 0.1
    assert verdict.full_run_s is None


@pytest.mark.parametrize(
    ("progress", "word"),
    [
        ({"loss_n": 0}, "no loss was seen"),
        ({**HEALTHY, "nonfinite": {"name": "loss", "step": 7}}, "not finite at step 7"),
        ({**HEALTHY, "loss_last": 3.0}, "the loss rises"),
    ],
)
def test_a_sick_loss_does_not_pass(progress: dict[str, Any], word: str) -> None:
    """Missing, not finite, or rising."""
    verdict = judge(progress)
    assert not verdict.passed
    assert word in verdict.problems[0]


def test_few_losses_are_not_called_rising() -> None:
    """Two noisy values say nothing about a direction."""
    assert judge({**HEALTHY, "loss_n": 2, "loss_last": 3.0}).passed


def test_a_negative_loss_may_fall() -> None:
    """A log-likelihood from -1 to -2 falls; from -2 to -1 it rises."""
    assert judge({**HEALTHY, "loss_first": -1.0, "loss_last": -2.0}).passed
    assert not judge({**HEALTHY, "loss_first": -2.0, "loss_last": -1.0}).passed


def test_missing_outputs_do_not_pass() -> None:
    """A declared output that stayed empty; but not where the time box cut the run short."""
    assert not judge(record={"outputs": {"outputs": 0}}).passed
    assert judge(record={"outputs": {"outputs": 0}, "cause": "time_box"}).passed


def test_a_failed_run_says_why() -> None:
    """The reason of the server is the problem."""
    verdict = judge(state={"state": "failed", "reason": "ValueError: no"})
    assert verdict.problems[0] == "ValueError: no"


def test_gpu_memory_is_set_against_what_there_is() -> None:
    """The peak with its share, and a warning near the top."""
    verdict = judge(record={"gpu_peak_mib": {"GPU-1": 950}}, gpu_totals_mib={"GPU-1": 1000})
    assert verdict.findings == ("GPU memory peak 950 of 1000 MiB (95 %); a longer run may not fit",)


def test_the_length_of_the_full_run() -> None:
    """The time box: so far plus what was left. To the end: what it took."""
    boxed = judge({**HEALTHY, "eta_s": 90.0}, record={"cause": "time_box"}, same_command=True)
    assert boxed.full_run_s == 100.0
    assert judge(same_command=True).full_run_s == 10.0


@pytest.mark.parametrize(
    ("primary", "seen", "told"),
    [
        ("val_acc", {"loss": 1.0, "acc": 0.5}, True),
        ("val_acc", {"val/acc": 0.5}, False),
        ("Val-Acc", {"val_acc": 0.5}, False),
        ("val_acc", {}, False),
        (None, {"loss": 1.0}, False),
    ],
)
def test_a_primary_metric_that_nobody_prints(
    primary: str | None, seen: dict[str, float], told: bool
) -> None:
    """It is worth a line before the night, with the names that were seen; it still passes."""
    verdict = judge({**HEALTHY, "metrics": seen}, primary=primary)
    assert verdict.passed
    assert (
        any("'val_acc' was not seen; its output has acc, loss" in f for f in verdict.findings)
        is told
    )
