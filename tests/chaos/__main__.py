"""`python -m tests.chaos [FAULT …]`: the whole campaign, or the faults named."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.chaos import campaign
from tests.chaos.case import Case
from tests.testbed import lab as labs
from tests.testbed import needs

ROW = "{:<22} {:>8}  {:<32} {:<15} {}"


def main(names: list[str]) -> int:
    if reason := needs.missing():
        print(reason, file=sys.stderr)
        return 1
    known = [campaign.name_of(each) for each in campaign.TIMES]
    if unknown := set(names) - set(known):
        print(f"no fault {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    faults = [each for each in campaign.whole() if not names or campaign.name_of(each) in names]
    print(ROW.format("fault", "attempts", "taken for", "ended", ""))
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        outcomes = list(live(faults, Path(folder)))
    attempts = sum(each.attempts for each in outcomes)
    wrong = [each for each in outcomes if each.problem]
    took_s = time.monotonic() - began
    print(f"{len(outcomes)} runs, {attempts} attempts in {took_s:.0f} s")
    print(f"{len(wrong)} not as the table says")
    for each in wrong:
        print(f"\n{each.fault}\n{each.problem}")
    return 1 if wrong or not outcomes else 0


def live(faults: Sequence[Callable[[Case], None]], folder: Path) -> Iterator[campaign.Outcome]:
    """One after the other, each on a server that is as new."""
    with labs.Lab(folder / "lab") as lab:
        lab.enter()
        for number, fault in enumerate(faults):
            place = folder / str(number)
            found = campaign.tried(fault, lab, place, folder / "rt")
            said = "NOT AS THE TABLE SAYS" if found.problem else ""
            classes = ", ".join(found.classes) or "-"
            print(ROW.format(found.fault, found.attempts, classes, found.state, said), flush=True)
            yield found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
