"""What runs have shown, and what to run next: a verdict for each arm, and proposals."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from overnight.app import Overnight, comparing, series, sweep_results, sweep_views
from overnight.core import command, errors
from overnight.results import health
from overnight.results.advice import knob_effects, proposal_file, proposals, verdict
from overnight.results.advice.curve_words import Findings
from overnight.results.advice.knob_effects import Effect
from overnight.results.advice.proposals import Proposal
from overnight.results.advice.verdict import Verdict
from overnight.results.comparison.arms import Comparison, strict


@dataclasses.dataclass(frozen=True, kw_only=True)
class Advice:
    """`nothing`: why there are no proposals; "" where there are. `effects`: what each knob makes,
    the largest first.
    """

    comparison: Comparison
    verdicts: tuple[Verdict, ...]
    proposals: tuple[Proposal, ...]
    nothing: str
    effects: tuple[Effect, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "verdicts": [each.to_json() for each in self.verdicts],
            "proposals": [strict(each.to_json()) for each in self.proposals],
            "nothing": self.nothing or None,
            "effects": [strict(knob_effects.told(each)) for each in self.effects],
            "metric": self.comparison.metric,
            "sweep": self.comparison.sweep.name if self.comparison.sweep else None,
            "runs": [each.run for each in self.comparison.outcomes],
            "notes": list(self.comparison.notes),
        }


def advised(
    o: Overnight,
    runs: Sequence[str] = (),
    *,
    sweep: str | None = None,
    baseline: str | None = None,
) -> Advice:
    """Of these runs, or of a sweep; of neither: of the sweep that was begun last."""
    comparing.metrics_of(o)
    if not runs and sweep is None:
        sweep = newest(o)
    found = comparing.compared(o, runs, sweep=sweep, baseline=baseline)
    return advice(o, found, findings(o, found))


def advice(o: Overnight, found: Comparison, told: Findings) -> Advice:
    asked = verdict.criterion(o.config.metrics, found.metric)
    made = proposals.proposed(found, told)
    return Advice(
        comparison=found,
        verdicts=tuple(verdict.judged(found, asked, told)),
        proposals=tuple(made),
        nothing="" if made else proposals.nothing(found),
        effects=tuple(knob_effects.effects(found)),
    )


def findings(o: Overnight, found: Comparison) -> Findings:
    """What calls for something to be done, by run, of those that have ended and lie here."""
    judged = {
        each.run: health.judge(series.of_run(o, each.run), remaining=0.0)
        for each in found.outcomes
        if each.has_ended
    }
    return {run: [each for each in told if each.is_loud] for run, told in judged.items()}


def newest(o: Overnight) -> str:
    names = sweep_results.named(o)
    return names[0] if names else sweep_views.newest(o, cached=False)


# -- a proposal as a file ---------------------------------------------------------------------


def written(o: Overnight, found: Advice, path: Path, pick: int | None = None) -> Proposal:
    """Writes a proposal as a sweep file: `pick` (from 1), else the first that can be one.

    Raises `errors.UsageError` where there is none, and where the file is there already.
    """
    chosen = picked(found, pick)
    lead = next(each for each in found.comparison.outcomes if each.run == chosen.based_on)
    stem = found.comparison.sweep.name if found.comparison.sweep else lead.run
    name = proposal_file.name_of(chosen, stem, tuple(sweep_results.named(o)))
    text = proposal_file.written(chosen, lead, name)
    try:
        with open(path, "x", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except FileExistsError:
        raise errors.UsageError(
            f"{command.visible(os.fspath(path))} is there already",
            hint="another name, or remove it first",
        ) from None
    except OSError as error:
        raise errors.UsageError(
            f"{command.visible(os.fspath(path))} cannot be written: {error.strerror}",
            hint="another name",
        ) from error
    return chosen


def picked(found: Advice, pick: int | None) -> Proposal:
    if pick is not None and not 1 <= pick <= len(found.proposals):
        raise errors.UsageError(
            f"there is no proposal {pick}: {len(found.proposals)} in all", hint="overnight next"
        )
    if pick is not None:
        chosen = found.proposals[pick - 1]
        if not chosen.is_sweep:
            raise errors.UsageError(
                f"proposal {pick} is no sweep: {chosen.what}",
                hint=chosen.command or "overnight next",
            )
        return chosen
    able = [each for each in found.proposals if each.is_sweep]
    if not able:
        raise errors.UsageError(
            "no proposal can be written as a sweep"
            if found.proposals
            else f"nothing to write: {found.nothing}",
            hint="overnight next   shows them",
        )
    return able[0]
