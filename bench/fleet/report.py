"""What the simulated labs say: figures of one decider over all seeds, and the table of them."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.fleet.simulation import Outcome
from bench.fleet.workloads import HOUR_S, Lab

COLUMNS = (
    "GPUs", "lab", "estimates", "queue", "busy share", "worst seed", "against EASY",
    "worst", "makespan", "wait", "95 %", "largest", "delayed", "twice", "per s",
)  # fmt: skip
LEGEND = """\
busy share    of the GPUs that could be had, while anything waited: mean over the seeds
worst seed    the smallest busy share of a seed
against EASY  busy share less that of EASY with the same estimates: mean over the seeds, and worst
makespan      against the lower bound: all work spread over all GPUs, or the last run alone
wait          hours from arrival to first start: mean, 95th percentile, largest of any seed
delayed       runs that started later than had been reserved for them, of all reservations
twice         starts on a GPU that was in use or not to be had, or of the wrong width
per s         decisions"""


@dataclass(frozen=True)
class Row:
    """One decider on one lab with one seed. Waits in hours."""

    busy_share: float
    makespan: float
    wait_h: float
    wait_95_h: float
    wait_max_h: float
    delayed: int
    reserved: int
    wrong: int
    unfinished: int
    decisions_per_s: float


def row_of(lab: Lab, outcome: Outcome) -> Row:
    waits = sorted(wait / HOUR_S for wait in outcome.waits_s.values()) or [0.0]
    return Row(
        busy_share=outcome.busy_share,
        makespan=outcome.makespan_s / lower_bound_s(lab),
        wait_h=statistics.mean(waits),
        wait_95_h=waits[int(0.95 * (len(waits) - 1))],
        wait_max_h=waits[-1],
        delayed=outcome.delayed,
        reserved=outcome.reserved,
        wrong=len(outcome.wrong),
        unfinished=outcome.unfinished,
        decisions_per_s=outcome.decisions / max(outcome.deciding_s, 1e-9),
    )


def lower_bound_s(lab: Lab) -> float:
    """Nobody can be done sooner: all the work on all GPUs, or the last run if it never waits."""
    return max(lab.work_s / lab.gpus, max(job.arrives + job.lasts_s for job in lab.jobs))


@dataclass(frozen=True)
class Case:
    """One lab over all seeds; `rows` by decider, in the order of the seeds."""

    kind: str
    gpus: int
    runs: int
    misjudged: bool
    rows: Mapping[str, Sequence[Row]]

    def against_easy(self, name: str) -> list[float]:
        pairs = zip(self.rows[name], self.rows["easy"], strict=True)
        return [ours.busy_share - easy.busy_share for ours, easy in pairs]

    def cells(self, name: str) -> tuple[str, ...]:
        rows, gains = self.rows[name], self.against_easy(name)
        mean = statistics.mean
        return (
            str(self.gpus),
            self.kind,
            "0.3-3x off" if self.misjudged else "true",
            name,
            f"{mean(row.busy_share for row in rows):.4f}",
            f"{min(row.busy_share for row in rows):.4f}",
            f"{mean(gains):+.4f}" if name != "easy" else "",
            f"{min(gains):+.4f}" if name != "easy" else "",
            f"{mean(row.makespan for row in rows):.3f}",
            f"{mean(row.wait_h for row in rows):.1f} h",
            f"{mean(row.wait_95_h for row in rows):.1f} h",
            f"{max(row.wait_max_h for row in rows):.1f} h",
            f"{sum(row.delayed for row in rows)}/{sum(row.reserved for row in rows)}",
            str(sum(row.wrong for row in rows)),
            f"{mean(row.decisions_per_s for row in rows):.0f}",
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "lab": self.kind,
            "gpus": self.gpus,
            "runs": self.runs,
            "misjudged": self.misjudged,
            "seeds": {name: [asdict(row) for row in rows] for name, rows in self.rows.items()},
        }

    def broken(self) -> list[str]:
        """What must never be, in words."""
        where = f"{self.gpus} GPUs, {self.kind}"
        found = []
        for name, rows in self.rows.items():
            if any(row.wrong for row in rows):
                found.append(f"{where}: {name} gave a GPU twice or wrongly")
            if any(row.unfinished for row in rows):
                found.append(f"{where}: {name} did not finish every run")
            if not self.misjudged and any(row.delayed for row in rows):
                found.append(f"{where}: {name} delayed a reservation with true estimates")
        return found


def widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(len(row[n]) for row in rows) for n in range(len(COLUMNS))]


def line(cells: Sequence[str], columns: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, columns, strict=True)).rstrip()


def render(cases: Sequence[Case]) -> str:
    rows = [case.cells(name) for case in cases for name in case.rows]
    columns = widths([COLUMNS, *rows])
    rule = "  ".join("-" * width for width in columns)
    return "\n".join(
        [line(COLUMNS, columns), rule, *(line(row, columns) for row in rows), "", LEGEND]
    )
