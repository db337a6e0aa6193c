"""How well hangs are told from patience: python -m bench.hangs [RUNS]

Simulated trainings (tests/unit/node/trainings.py): steps of 10 ms to 120 s with jitter and heavy
tails, set-up, compilation, evaluations and checkpoints of up to 20 steps, announced or silent.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence

from overnight.node import seeing
from tests.unit.node import trainings

FLOORS = {"default floors": seeing.DEFAULT, "small floors": trainings.SMALL_FLOORS}


def main(runs: int) -> int:
    wrong = 0
    for name, settings in FLOORS.items():
        healthy = [trainings.healthy(seed, settings) for seed in range(runs)]
        hung = [trainings.hung(seed, settings) for seed in range(runs)]
        kills = sum(each.killed is not None for each in healthy)
        missed = sum(each.limit_s is None for each in hung)
        print(f"{name}: {runs} healthy runs ({sum(each.signs for each in healthy)} signs)")
        print(f"  false kills        {kills}")
        print(f"  {runs} hung runs, missed {missed}")
        print(f"  {ratios(hung)}")
        print(f"  {waits(hung)}")
        wrong += kills + missed
    return 1 if wrong else 0


def ratios(hung: Sequence[trainings.Detection]) -> str:
    found = [each.ratio for each in hung if each.ratio]
    if not found:
        return "no deadline was longer than a floor"
    return (
        f"{len(found)} ended by what was learnt, after {statistics.median(found):.2f} "
        f"(at most {max(found):.2f}) times the interval"
    )


def waits(hung: Sequence[trainings.Detection]) -> str:
    by_floor = sorted(each.limit_s or 0.0 for each in hung if not each.ratio)
    if not by_floor:
        return "none ended by a floor"
    middle = by_floor[len(by_floor) // 2]
    return f"{len(by_floor)} ended by a floor, after {middle:.0f} s (median)"


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 1000))
