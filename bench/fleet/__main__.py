"""The queue on made-up labs, against two peers: python -m bench.fleet [--servers 1,8] [--json]

The real decision (overnight.node.queueing) starts the runs of a lab in virtual time; FIFO and
EASY backfill start the same runs with the same estimates.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence

from bench.fleet import peers, report, simulation, workloads
from overnight.node import queueing

DECIDERS: dict[str, simulation.Decider] = {
    "fifo": peers.fifo,
    "easy": peers.easy,
    "ours": queueing.decide,
}
DEFAULT_RUNS = {1: 600, 4: 2000, 8: 3000, 32: 3000}
MOST_RUNS = 10_000
DEFAULT_SEEDS = {1: 24, 4: 8}  # one wide gang moves the figures of a small lab


def main(argv: Sequence[str] | None = None) -> int:
    arguments = parse(argv)
    began = time.monotonic()
    cases = []
    for servers in arguments.servers:
        for kind in arguments.kinds:
            for misjudged in (False, True):
                runs = arguments.runs or DEFAULT_RUNS.get(servers, MOST_RUNS)
                seeds = arguments.seeds or DEFAULT_SEEDS.get(servers, 4)
                say(f"{servers} servers, {kind}, estimates {'off' if misjudged else 'true'}")
                cases.append(played(kind, servers, runs, misjudged, seeds))
    if arguments.json:
        print(json.dumps({"cases": [case.to_json() for case in cases]}, indent=2))
    else:
        print(report.render(cases))
    broken = [text for case in cases for text in case.broken()]
    for text in broken:
        say(f"BROKEN: {text}")
    say(f"{time.monotonic() - began:.0f} s in all")
    return 1 if broken else 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.fleet", description=__doc__)
    parser.add_argument("--servers", type=numbers, default=(1, 8), help="of 8 GPUs: 1,8,125")
    parser.add_argument("--runs", type=int, help="of each lab; default: by the number of servers")
    parser.add_argument("--seeds", type=int, help="labs of each kind; default: more of small ones")
    parser.add_argument("--kinds", type=names, default=workloads.KINDS, help="lab,heavy,rough")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(argv)


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(each) for each in text.split(","))


def names(text: str) -> tuple[str, ...]:
    unknown = set(text.split(",")) - set(workloads.KINDS)
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no kind {min(unknown)!r}")
    return tuple(text.split(","))


def played(kind: str, servers: int, runs: int, misjudged: bool, seeds: int) -> report.Case:
    rows: dict[str, list[report.Row]] = {name: [] for name in DECIDERS}
    for seed in range(seeds):
        lab = workloads.make(kind, servers, runs, misjudged, seed)
        for name, decide in DECIDERS.items():
            outcome = simulation.Simulation(lab, decide).play()
            rows[name].append(report.row_of(lab, outcome))
    return report.Case(kind, servers * workloads.CARDS, runs, misjudged, rows)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
