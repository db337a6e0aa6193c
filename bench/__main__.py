"""The table of figures: python -m bench [PART…] [--json] [--repetitions N]

Parts that need the testbed are left out, and said to be, where this machine cannot have it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator

from bench import (
    crash_to_event,
    local_figures,
    queue,
    rig,
    run_start,
    startup,
    status_many,
    sync_unchanged,
    table,
    watch_50,
)

RTTS_MS = (0, 75)
OnRig = Callable[[rig.Rig, tuple[int, ...], int], Iterator[table.Figure]]
ON_RIG: dict[str, OnRig] = {
    "run-start": run_start.measure,
    "sync-unchanged": sync_unchanged.measure,
    "crash-to-event": crash_to_event.measure,
    "status-many": status_many.measure,
}
LOCAL: dict[str, Callable[[int], Iterator[table.Figure]]] = {
    "startup": startup.measure,
    "recovery": local_figures.recovered,
    "node-cost": local_figures.node_costs,
    "watch-50": watch_50.figures,
    "queue": queue.figures,
}


def main() -> int:
    arguments = parse()
    began = time.monotonic()
    figures = list(measured(arguments.parts or [*ON_RIG, *LOCAL], arguments.repetitions))
    print(table.written(figures, arguments.json))
    say(f"{time.monotonic() - began:.0f} s in all")
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join([*ON_RIG, *LOCAL]))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repetitions", type=int, default=7)
    arguments = parser.parse_args()
    unknown = set(arguments.parts) - {*ON_RIG, *LOCAL}
    if unknown:
        parser.error(f"there is no part {min(unknown)!r}")
    return arguments


def measured(parts: list[str], repetitions: int) -> Iterator[table.Figure]:
    on_rig = [name for name in parts if name in ON_RIG]
    if on_rig and (reason := rig.missing()):
        say(f"left out: {', '.join(on_rig)} ({reason})")
    elif on_rig:
        with rig.rig() as ready:
            for name in on_rig:
                yield from told(ON_RIG[name](ready, RTTS_MS, repetitions))
    for name in parts:
        if name in LOCAL:
            yield from told(LOCAL[name](repetitions))


def told(figures: Iterator[table.Figure]) -> Iterator[table.Figure]:
    """The same figures; each is named on standard error once it is there."""
    for figure in figures:
        say(f"{figure.name}: {table.spread(figure.ours, figure.unit)}")
        yield figure


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
