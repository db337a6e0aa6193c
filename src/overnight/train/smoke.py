"""The smoke test: does this code, in this environment, on this server, really train? Pure.

`judge` looks at what the supervisor recorded of a short run and says what it saw, what is wrong,
and how long the full run will take.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ENOUGH_LOSSES = 6
RISE = 1.2  # the last losses' mean over the first ones', above which the loss counts as rising
FULL = 0.92  # share of the GPU's memory above which a longer run is at risk


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`problems` is empty where the smoke test passed; `findings` are worth a line either way.

    `memory_mib` is the most that one GPU held; None where nobody could see it.
    """

    passed: bool
    problems: tuple[str, ...]
    findings: tuple[str, ...]
    step_time_s: float | None
    full_run_s: float | None
    memory_mib: int | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "passed": self.passed,
            "problems": list(self.problems),
            "findings": list(self.findings),
            "step_time_s": self.step_time_s,
            "full_run_s": self.full_run_s,
            "memory_mib": self.memory_mib,
        }


def judge(
    *,
    state: Mapping[str, Any],
    record: Mapping[str, Any],
    outputs: Sequence[str],
    gpu_totals_mib: Mapping[str, int],
    same_command: bool,
    primary: str | None = None,
) -> Verdict:
    """`state` is the run's last row, `record` its exit.json, `primary` the metric that decides.

    `same_command`: the smoke command is the training command itself, so that what it says of
    its length is the length of the full run.
    """
    progress = record.get("progress") or {}
    # What failed says nothing about losses and outputs.
    problems = list(exit_problems(state, record)) or [
        *loss_problems(progress),
        *output_problems(record.get("outputs") or {}, outputs, record.get("cause")),
    ]
    full_run_s = duration(state, record) if same_command else None
    return Verdict(
        passed=not problems,
        problems=tuple(problems),
        findings=(
            *findings(record, gpu_totals_mib),
            *metric_findings(primary, progress.get("metrics") or {}),
        ),
        step_time_s=progress.get("step_time_s"),
        full_run_s=full_run_s,
        memory_mib=max((record.get("gpu_peak_mib") or {}).values(), default=None),
    )


def exit_problems(state: Mapping[str, Any], record: Mapping[str, Any]) -> Iterator[str]:
    """It must have ended by itself with exit code 0, or healthy at the end of its time box."""
    if state.get("state") == "finished":
        return
    if state.get("state") == "stopped":
        yield "it was stopped before it could show anything"
        return
    yield str(state.get("reason") or f"it ended with exit code {record.get('exit_code')}")


def loss_problems(progress: Mapping[str, Any]) -> Iterator[str]:
    """A loss was seen, finite and not rising."""
    seen = progress.get("loss_n") or 0
    if not seen:
        yield "no loss was seen in its output or in metrics.jsonl; print one, such as `loss 0.71`"
        return
    bad = progress.get("nonfinite")
    if bad:
        yield f"{bad.get('name', 'the loss')} was not finite at step {bad.get('step')}"
    first, last = progress.get("loss_first"), progress.get("loss_last")
    if seen >= ENOUGH_LOSSES and first is not None and last is not None and rising(first, last):
        yield f"the loss rises: {first:.4g} at first, {last:.4g} at the end"


def rising(first: float, last: float) -> bool:
    """Losses may be negative (log-likelihoods), so the tolerance is on the size of the first."""
    return last - first > (RISE - 1.0) * max(abs(first), 1e-9)


def output_problems(
    found: Mapping[str, int], declared: Sequence[str], cause: object
) -> Iterator[str]:
    """Outputs appeared where declared. A run that the time box ended may not have come so far."""
    if cause == "time_box":
        return
    for name in declared:
        if not found.get(name):
            yield f"nothing was written to {name!r}, which overnight.toml names as an output"


def findings(record: Mapping[str, Any], gpu_totals_mib: Mapping[str, int]) -> Iterator[str]:
    if record.get("cause") == "time_box":
        yield "the time box ended it; it was healthy so far"
    for uuid, peak in (record.get("gpu_peak_mib") or {}).items():
        total = gpu_totals_mib.get(uuid)
        if not total:
            yield f"GPU memory peak {peak} MiB"
            continue
        note = "; a longer run may not fit" if peak > FULL * total else ""
        yield f"GPU memory peak {peak} of {total} MiB ({100 * peak // total} %){note}"
    rss = (record.get("resources") or {}).get("max_rss_mib")
    if rss:
        yield f"host memory peak {rss} MiB"


def metric_findings(primary: str | None, seen: Mapping[str, Any]) -> Iterator[str]:
    """A name that is never printed would be noticed only in the morning."""
    if primary is None or not seen or plain(primary) in map(plain, seen):
        return
    yield (
        f"the primary metric {primary!r} was not seen; its output has {', '.join(sorted(seen))} "
        "([metrics] primary in overnight.toml; files are read by `overnight results`)"
    )


def plain(name: str) -> str:
    """`val/acc`, `Val-Acc` and `val_acc` are one name."""
    return "_".join(name.lower().replace("/", " ").replace("-", " ").replace("_", " ").split())


def duration(state: Mapping[str, Any], record: Mapping[str, Any]) -> float | None:
    """Seconds that the same command takes in full: so far, and what was left at its pace."""
    attempts = state.get("attempts") or []
    if not attempts or not record.get("ended_at"):
        return None
    so_far = float(record["ended_at"]) - float(attempts[0]["started_at"])
    if record.get("cause") != "time_box":
        return so_far
    left = (record.get("progress") or {}).get("eta_s")
    return so_far + float(left) if left is not None else None
