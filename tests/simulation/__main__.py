"""Simulated nights from the command line.

python -m tests.simulation nights 2000 [--seed S]     many nights; exit code 1 on a violation
python -m tests.simulation night SEED                 the story of one
python -m tests.simulation mutants [NIGHTS]           breaks each law on purpose
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator

from tests.simulation import mutants, night, seams, shrink

SHOWN = 5


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    verbs = parser.add_subparsers(dest="verb", required=True)
    many = verbs.add_parser("nights")
    many.add_argument("count", type=int)
    many.add_argument("--seed", default="0", help="of the first night; others count up")
    one = verbs.add_parser("night")
    one.add_argument("seed")
    broken = verbs.add_parser("mutants")
    broken.add_argument("count", type=int, nargs="?", default=400)
    args = parser.parse_args()
    if args.verb == "nights":
        return nights(args.count, args.seed)
    if args.verb == "mutants":
        return mutated(args.count)
    with seams.installed():
        print(shrink.story(night.plan(args.seed)))
    return 0


# -- nights -----------------------------------------------------------------------------------


def seeds(count: int, first: str) -> Iterator[str]:
    number = int(first) if first.isdigit() else None
    for n in range(count):
        yield str(number + n) if number is not None else f"{first}-{n}"


def lived(seed: str) -> night.Result:
    with seams.installed():
        return night.live(night.plan(seed))


def nights(count: int, first: str) -> int:
    began = time.monotonic()
    totals: Counter[str] = Counter()
    bad: list[night.Result] = []
    with pool() as workers:
        for result in workers.imap_unordered(lived, seeds(count, first), chunksize=8):
            totals.update(result.counts)
            if result.violations:
                bad.append(result)
    took_s = time.monotonic() - began
    show(count, took_s, totals, bad)
    return 1 if bad else 0


def pool() -> contextlib.AbstractContextManager[multiprocessing.pool.Pool]:
    return multiprocessing.get_context("fork").Pool(os.cpu_count() or 1)


def show(count: int, took_s: float, totals: Counter[str], bad: list[night.Result]) -> None:
    print(f"nights      {count} in {took_s:.0f} s ({1000 * took_s / max(count, 1):.0f} ms each)")
    print(f"attempts    {totals['attempts']}")
    print(f"repairs     {totals['event repaired']}")
    for word in ("fault", "failure", "event", "refusal"):
        found = {k.split(" ", 1)[1]: n for k, n in totals.items() if k.startswith(f"{word} ")}
        table(f"{word}s", found)
    print(f"violations  {len(bad)}")
    for result in sorted(bad, key=lambda each: each.seed)[:SHOWN]:
        law = result.violations[0].law
        print(f"\n-- seed {result.seed}: law {law}, {result.violations[0].text}\n")
        with seams.installed():
            print(shrink.story(shrink.shrunken(night.plan(result.seed), law)))
    more = sorted(each.seed for each in bad)[SHOWN:]
    if more:
        print(f"\nalso broken: {' '.join(more)}")


def table(title: str, counts: dict[str, int]) -> None:
    words = [f"{name} {number}" for name, number in sorted(counts.items())]
    print(f"{title:<11} {sum(counts.values())}: {', '.join(words)}")


# -- mutants ----------------------------------------------------------------------------------


def mutated(count: int) -> int:
    with pool() as workers:
        found = workers.starmap(caught, [(m.name, count) for m in mutants.ALL], chunksize=1)
    print(f"{'law':<4} {'mutant':<52} {'caught at night':<16} as")
    missed = 0
    for mutant, (number, text) in zip(mutants.ALL, found, strict=True):
        when = "NOT CAUGHT" if number is None else str(number)
        missed += number is None
        print(f"{mutant.law:<4} {mutant.name:<52} {when:<16} {text[:90]}")
    print(f"{len(mutants.ALL) - missed} of {len(mutants.ALL)} caught within {count} nights each")
    return 1 if missed else 0


def caught(name: str, count: int) -> tuple[int | None, str]:
    """The first night (from 1) in which the breakage shows as one of its law."""
    mutant = mutants.named(name)
    with seams.installed(), mutant.applied():
        return first_caught(mutant, (str(n) for n in range(count)))


def first_caught(mutant: mutants.Mutant, names: Iterable[str]) -> tuple[int | None, str]:
    for number, seed in enumerate(names, start=1):
        for violation in night.live(night.plan(seed)).violations:
            if violation.law == mutant.law:
                return number, f"law {violation.law}: {violation.text.splitlines()[0]}"
    return None, ""


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # sets of texts have an order of their own
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]])
    sys.exit(main())
