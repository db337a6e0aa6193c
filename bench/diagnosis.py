"""How good and how fast the diagnosis is: python -m bench.diagnosis CORPUS [--json]

The corpus is JSON lines: `log`, `label`, `alt_label` (counts as right too), `exit_code`, `signal`,
and `facts`, of which only `last_output_age_s` of a living process is used. Everything is told
twice where that age is known for some: with it, and without.
"""

from __future__ import annotations

import argparse
import json
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from overnight.core import diagnosis
from overnight.node import policy

PIECE = b"step 100 loss 0.25 lr 0.001 | 12.5 it/s | some words about the batch\n"
TRACEBACK = (
    b'Traceback (most recent call last):\n  File "train.py", line 9, in <module>\n    step()\n'
    b"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.\n"
)
SPEED_RUNS = 15
TIME_TARGET_MS, MEMORY_TARGET_MIB = 50.0, 64.0
F1_TARGET, WRONG_TARGET = 0.95, 0.01


class Judged(NamedTuple):
    """One log: what it is (labels), what it was taken for, what would have been done."""

    id: str
    label: str
    other: str | None
    said: str
    repair: str

    def is_right(self) -> bool:
        return self.said in (self.label, self.other)

    def truth(self) -> str:
        return self.said if self.is_right() else self.label

    def is_false_alarm(self) -> bool:
        healthy = policy.HEALTHY & {self.label, self.other}
        return bool(healthy) and self.said not in policy.HEALTHY and not self.is_right()

    def is_wrong_repair(self) -> bool:
        """An automatic action that the true class does not allow."""
        if self.repair not in policy.AUTOMATIC:
            return False
        return not any(allows(kind, self.repair) for kind in (self.label, self.other) if kind)


def allows(kind: str, action: str) -> bool:
    rule = policy.DEFAULTS.get(kind)
    return rule is not None and action in (rule.action, *rule.choices)


def main() -> int:
    arguments = parse()
    cases = [json.loads(line) for line in arguments.corpus.read_text().splitlines() if line]
    told = {"corpus": str(arguments.corpus), "logs": len(cases)}
    told["quality"] = quality(judged(cases, with_age=True))
    if any(age_of(case) is not None for case in cases):
        told["quality_without_age"] = quality(judged(cases, with_age=False))
    told["speed"] = {"ms_for_100_kb": speed_ms(), **one_gigabyte()}
    print(json.dumps(told, indent=2) if arguments.json else text(told))
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.diagnosis", description=__doc__)
    parser.add_argument("corpus", type=Path, help="JSON lines with labelled logs")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if not arguments.corpus.is_file():
        parser.error(f"there is no corpus {arguments.corpus}; make bench-diagnosis CORPUS=path")
    return arguments


def judged(cases: list[dict[str, Any]], *, with_age: bool) -> list[Judged]:
    return [judge(case, age_of(case) if with_age else None) for case in cases]


def judge(case: dict[str, Any], age_s: float | None) -> Judged:
    name = case.get("signal")
    told = diagnosis.of(
        diagnosis.read_bytes(case["log"].encode("utf-8", "surrogatepass")),
        exit_code=case.get("exit_code"),
        killed_by=int(signal.Signals[name]) if name else None,
        silent_s=age_s,
    )
    return Judged(case["id"], case["label"], case.get("alt_label"), told["class"], told["repair"])


def age_of(case: dict[str, Any]) -> float | None:
    facts = case.get("facts") or {}
    return facts.get("last_output_age_s") if facts.get("alive") else None


def quality(results: list[Judged]) -> dict[str, Any]:
    scores = f1_by_class(results)
    confusion = Counter((one.label, one.said) for one in results if not one.is_right())
    return {
        "accuracy": round(statistics.mean(one.is_right() for one in results), 4),
        "macro_f1": round(statistics.mean(scores.values()), 4),
        "f1": {kind: round(score, 3) for kind, score in sorted(scores.items())},
        "wrong_repairs": [one._asdict() for one in results if one.is_wrong_repair()],
        "wrong_repair_rate": round(statistics.mean(one.is_wrong_repair() for one in results), 4),
        "false_alarms": [one._asdict() for one in results if one.is_false_alarm()],
        "confusion": [
            {"is": label, "taken_for": said, "times": times}
            for (label, said), times in confusion.most_common()
        ],
        "mistakes": [one._asdict() for one in results if not one.is_right()],
    }


def f1_by_class(results: list[Judged]) -> dict[str, float]:
    """F1 of every class that occurs as a truth; a second label that was met counts as the truth."""
    right = Counter(one.said for one in results if one.is_right())
    missed = Counter(one.label for one in results if not one.is_right())
    wrong = Counter(one.said for one in results if not one.is_right())
    kinds = {one.truth() for one in results}
    return {
        kind: 2 * right[kind] / (2 * right[kind] + missed[kind] + wrong[kind]) for kind in kinds
    }


def speed_ms() -> float:
    """Median time for 100 KB of progress that end in a traceback."""
    log = (PIECE * (100_000 // len(PIECE) + 1))[: 100_000 - len(TRACEBACK)] + b"\n" + TRACEBACK
    times = []
    for _ in range(SPEED_RUNS):
        began = time.perf_counter()
        diagnosis.of(diagnosis.read_bytes(log), exit_code=1)
        times.append((time.perf_counter() - began) * 1000)
    return round(statistics.median(times), 1)


def one_gigabyte() -> dict[str, float]:
    """Time and peak memory of the command on a log of 1 GB, in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="ov-bench-") as folder:
        path = Path(folder) / "output.log"
        block = PIECE * (1_000_000 // len(PIECE))
        with path.open("wb") as file:
            for _ in range(1_000_000_000 // len(block)):
                file.write(block)
            file.write(TRACEBACK)
        began = time.monotonic()
        argv = [sys.executable, "-m", "overnight", "diagnose", "--json", str(path)]
        said = subprocess.run(argv, capture_output=True, check=True, text=True).stdout
        took_s = time.monotonic() - began
    if json.loads(said)["class"] != "cuda_oom":
        raise RuntimeError(f"the log of 1 GB was taken for {said[:200]}")
    # the largest child that was waited for; there is no other
    peak_kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return {"s_for_1_gb": round(took_s, 2), "mib_for_1_gb": round(peak_kib / 1024, 1)}


def text(told: dict[str, Any]) -> str:
    lines = [f"{told['logs']} logs of {told['corpus']}", ""]
    lines += shown(told["quality"])
    if "quality_without_age" in told:
        bare = told["quality_without_age"]
        lines += [
            "",
            "without the age of the last output (a hang then reads like a run):",
            f"  accuracy {bare['accuracy']:.3f}   macro-F1 {bare['macro_f1']:.3f}   "
            f"wrong repairs {len(bare['wrong_repairs'])}   "
            f"false alarms {len(bare['false_alarms'])}",
        ]
    speed = told["speed"]
    return "\n".join(
        [
            *lines,
            "",
            f"100 KB: {speed['ms_for_100_kb']} ms (at most {TIME_TARGET_MS:g})   1 GB: "
            f"{speed['s_for_1_gb']} s, {speed['mib_for_1_gb']} MiB (at most {MEMORY_TARGET_MIB:g})",
        ]
    )


def shown(found: dict[str, Any]) -> list[str]:
    rate = found["wrong_repair_rate"]
    lines = [
        f"accuracy       {found['accuracy']:.3f}",
        f"macro-F1       {found['macro_f1']:.3f}   (at least {F1_TARGET})",
        f"wrong repairs  {len(found['wrong_repairs'])} = {rate:.1%}   (at most {WRONG_TARGET:.0%})",
        f"false alarms   {len(found['false_alarms'])}   (0)",
        "",
        *(f"  F1 {score:.2f}  {kind}" for kind, score in found["f1"].items()),
    ]
    if found["confusion"]:
        lines += ["", "mistaken:"]
    for row in found["confusion"]:
        names = [
            one["id"]
            for one in found["mistakes"]
            if one["label"] == row["is"] and one["said"] == row["taken_for"]
        ]
        lines.append(
            f"  {row['times']:>3} x {row['is']} taken for {row['taken_for']}   {', '.join(names)}"
        )
    return lines


if __name__ == "__main__":
    sys.exit(main())
