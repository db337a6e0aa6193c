from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from overnight.core import config
from overnight.results import summary
from tests.unit.results import folders


def against(value: float, goal: str = "max", primary: str = "val_acc") -> config.Metrics:
    return config.Metrics(
        primary=primary, goal=goal, baseline=config.Baseline(values={primary: value})
    )


def test_best_and_last_with_their_places(tmp_path: Path) -> None:
    """The JSON says best, where it was and from which line, and last."""
    found = folders.result(tmp_path / "train01", [90.0, 93.7, 93.5]).to_json()
    assert found["metrics"]["val_acc"] == {
        "best": 93.7,
        "best_at": {"step": None, "epoch": 2.0},
        "last": 93.5,
        "last_at": {"step": None, "epoch": 3.0},
        "source": "work/metrics.jsonl:2",
        "last_source": "work/metrics.jsonl:3",
        "attempt": None,
        "goal": "max",
        "split": "val",
        "written": "acc",
        "n": 3,
        "repeated": 0,
        "nonfinite": 0,
        "nonfinite_at": None,
        "nonfinite_source": None,
    }


def test_json_has_exactly_the_promised_keys(tmp_path: Path) -> None:
    """The shape is a contract, and it is strict JSON."""
    found = folders.result(tmp_path / "train01", [float("nan"), 93.5, float("inf")]).to_json()
    assert list(found) == [
        "run", "state", "metrics", "baseline", "repairs", "attempts", "provenance",
        "sources", "health",
    ]  # fmt: skip
    json.dumps(found, allow_nan=False)
    assert (found["run"], found["state"]) == ("train01", "finished")
    assert found["repairs"] == [
        {"class": "cuda_oom", "change": "batch 64 -> 32 x 2", "at": 1700000000.0, "attempt": 1,
         "changes_science": False},
    ]  # fmt: skip
    assert [each["n"] for each in found["attempts"]] == [1, 2]


def test_what_is_not_finite_is_counted_and_never_best(tmp_path: Path) -> None:
    """NaN and infinity do not win, and a last NaN is null."""
    found = folders.result(tmp_path / "a", [1.0, float("inf"), float("nan")]).to_json()
    metric = found["metrics"]["val_acc"]
    assert (metric["best"], metric["last"], metric["nonfinite"]) == (1.0, None, 2)


def test_curve_of_nothing_but_nan(tmp_path: Path) -> None:
    """Without any finite value there is no best and nothing to compare."""
    found = folders.result(tmp_path / "a", [float("nan")]).to_json()
    assert found["metrics"]["val_acc"]["best"] is None
    assert found["baseline"]["better"] is None
    assert found["baseline"]["note"] == summary.NO_VALUE


def test_provenance_traces_the_numbers(tmp_path: Path) -> None:
    """Commit, uncommitted changes, snapshot, server, GPUs, command and files are told."""
    told = folders.result(tmp_path / "a", [1.0]).to_json()["provenance"]
    assert (told["commit"], told["dirty"], told["server"]) == ("1a2b3c4", True, "gpu1")
    assert told["snapshot"] == "0123456789abcdef"
    assert told["command"] == ["python", "train.py", "--lr", "0.1"]
    assert told["gpus"] == ["0"]
    assert told["files"] == ["work/metrics.jsonl"]


def test_direction_of_other_metrics_is_known_or_unknown(tmp_path: Path) -> None:
    """Loss is better lower; of a metric without a known direction there is no best."""
    folder = tmp_path / "a"
    folders.jsonl(
        folder, {"step": 1, "loss": 2.0, "val_x": 1.0}, {"step": 2, "loss": 3.0, "val_x": 9.0}
    )
    found = summary.summarise(folder, {}, {}, None).to_json()["metrics"]
    assert (found["loss"]["best"], found["loss"]["last"]) == (2.0, 3.0)
    assert (found["val_x"]["best"], found["val_x"]["best_at"], found["val_x"]["last"]) == (
        None, None, 9.0,
    )  # fmt: skip


def test_goal_of_the_user_counts_for_the_primary_metric(tmp_path: Path) -> None:
    """The configured direction wins, also under another spelling of the name."""
    folder = tmp_path / "a"
    folders.jsonl(folder, {"step": 1, "eval_accuracy": 2.0}, {"step": 2, "eval_accuracy": 3.0})
    wanted = config.Metrics(primary="val_acc", goal="min")
    found = summary.summarise(folder, {}, {}, wanted).metrics
    assert list(found) == ["val_acc"]
    assert found["val_acc"].best is not None
    assert found["val_acc"].best.value == 2.0


@pytest.mark.parametrize(
    ("values", "wanted", "difference", "better"),
    [
        ([93.7], against(95.5), -1.8, False),
        ([96.0], against(95.5), 0.5, True),
        ([95.5], against(95.5), 0.0, False),
        ([0.2], against(0.3, "min"), -0.1, True),
        ([0.4], against(0.3, "min"), 0.1, False),
        ([0.93], against(95.5), None, None),
        ([93.0], against(0.955), None, None),
    ],
)
def test_difference_to_the_baseline(
    tmp_path: Path, values: list[float], wanted: config.Metrics, difference: Any, better: Any
) -> None:
    """Best minus baseline, judged by the goal; a fraction is not compared with percent."""
    found = folders.result(tmp_path / "a", values, metrics=wanted).baseline
    assert found is not None
    assert (found.difference, found.better) == (difference, better)
    assert found.note == (summary.NO_TEST if difference is not None else summary.OTHER_SCALE)


def test_resumed_run_counts_the_repeated_part_once(tmp_path: Path) -> None:
    """A best value in a part that was done again does not count."""
    folders.log(tmp_path, 1, "epoch 1/3 val_acc 0.5", "epoch 2/3 val_acc 0.9")
    folders.log(tmp_path, 2, "epoch 2/3 val_acc 0.6", "epoch 3/3 val_acc 0.7")
    metric = summary.summarise(tmp_path, {}, {}, folders.METRICS).metrics["val_acc"]
    assert metric.best is not None
    assert (metric.best.value, metric.best.source) == (0.7, "attempts/2/output.log")


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"attempts": None, "repairs": 5, "run": None},
        {"attempts": [None, 1, {}], "repairs": [None, 5, {}, {"at": "x"}], "state": 7},
        {"variants": [None], "provenance": [], "env": 5},
        {"variants": [{"argv": "text"}], "provenance": None},
    ],
)
def test_odd_records_do_no_harm(tmp_path: Path, broken: dict[str, Any]) -> None:
    """Whatever state.json and spec.json hold, there is a result."""
    found = summary.summarise(tmp_path, broken, broken, folders.METRICS)
    json.dumps(found.to_json())
    assert found.run == tmp_path.name
