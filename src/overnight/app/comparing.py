"""Runs, or those of a sweep, side by side: fetched, read, and made one comparison."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from overnight.app import (
    Overnight,
    code_changes,
    evaluating,
    fetching,
    imported,
    series,
    sweep_results,
)
from overnight.app.code_changes import Snapshots
from overnight.app.series import Told
from overnight.core import config, errors, invocation, places
from overnight.results import names
from overnight.results.comparison import grouping, outcomes, pooling, settings, sweeps
from overnight.results.comparison.arms import Comparison, Outcome, Swept, Which
from overnight.results.comparison.pooling import Number

NOTHING = Told({}, {})


def compared(
    o: Overnight,
    runs: Sequence[str] = (),
    *,
    sweep: str | None = None,
    baseline: str | None = None,
    by: str = grouping.SEED,
    metric: str | None = None,
    which: Which | None = None,
    server: str | None = None,
) -> Comparison:
    """`runs`, and those of `sweep`, fetched first; what is here of servers that are away.

    `baseline`: an arm (see `grouping.meant`), a run of this project, which joins the table, or a
    number. None:
    the sweep's own base, else the number of [metrics] baseline in overnight.toml. Raises
    `errors.UsageError` for what is not there, with what is.
    """
    if not runs and sweep is None:
        raise errors.UsageError(
            "nothing to compare", hint="overnight compare train01 train02   or   --sweep NAME"
        )
    known = Snapshots(o)
    found, swept = gathered(known, runs, sweep, server)
    wanted = baseline if baseline and is_among(found, baseline, by) else number(baseline)
    if isinstance(wanted, str) and not is_among(found, wanted, by):
        mine = {each.run for each in found}
        more = known_run(known, wanted, server)
        found = [*found, *(each for each in more if each.run not in mine)]
    found = with_code(known, evened(found))
    return pooling.compare(
        found,
        metric=meant(found, metric),
        which=which,
        by=by,
        baseline=wanted if wanted is not None else planned(o, found, metric),
        sweep=swept,
    )


# -- gathering --------------------------------------------------------------------------------


def gathered(
    known: Snapshots, runs: Sequence[str], sweep: str | None, server: str | None
) -> tuple[list[Outcome], Swept | None]:
    """The runs of the sweep in its order, then those that were named, each once; fetched first."""
    o = known.o
    told = sweep_results.compared(o, sweep) if sweep is not None else None
    swept = {each.run: each for each in sweeps.in_order(told)} if told else {}
    named = [run for run in dict.fromkeys(runs) if run not in swept]
    ended = {run: each.server for run, each in swept.items() if each.has_ended}
    failed = fetching.fetch(o, {**ended, **dict.fromkeys(named, server)})
    for run in named:
        if run in failed:
            fetching.tell(o, run, failed[run])
    here = [*(run for run in ended if fetching.is_kept(o, run)), *named]
    read = dict(zip(here, all_of(known, here), strict=True))
    for run in ended:
        if run in failed:
            o.talk.say(f"{run}: {failed[run].message}; as its server told of it")
    found = [of_swept(each, read.get(run)) for run, each in swept.items()]
    return [*found, *(read[run] for run in named)], told.sweep if told else None


def of_swept(told: Outcome, found: Outcome | None) -> Outcome:
    """A run of a sweep with what its files say, where these are here; else as its server tells."""
    if found is None:
        return told
    if not found.metrics:
        found = dataclasses.replace(found, metrics=told.metrics)
    return dataclasses.replace(
        found,
        server=told.server,
        state=told.state,
        seed=told.seed if told.seed is not None else found.seed,
        config={**(told.point or {}), **found.config},
        primary=found.primary or told.primary,
        altered=found.altered or told.altered,
        point=told.point,
        is_base=told.is_base,
        index=told.index,
        age_s=told.age_s,
        told=told.told,
    )


def all_of(known: Snapshots, runs: Sequence[str]) -> list[Outcome]:
    """From .overnight/results alone; curves are read only of runs for which these are needed."""
    told = series.told(known.o, runs)
    return [read(known, run, told.get(run, NOTHING)) for run in runs]


def read(known: Snapshots, run: str, told: Told) -> Outcome:
    """`told`: what the store tells of it. What was measured on test data is taken where the
    validation was best, for which the curves are read.
    """
    o = known.o
    folder = places.results_folder(o.root, run)
    state = evaluating.record(folder / "state.json")
    spec = evaluating.record(folder / "spec.json") if (folder / "spec.json").exists() else {}
    is_tested = any(each.split == names.TEST for each in told.metrics.values())
    found = outcomes.outcome(
        run,
        state=state,
        spec=spec,
        series=series.of_run(o, run) if is_tested else (),
        summaries=None if is_tested else told.metrics,
        metrics=o.config.metrics,
        files=config_files(known, spec),
        environment=environment(folder),
    )
    if found.seed is not None:
        return found
    seeds = grouping.seeds_held(told.settings, found.config)
    return dataclasses.replace(found, config={**seeds, **found.config})


def environment(folder: Path) -> dict[str, Any]:
    """What the newest attempt ran in; empty where that was not recorded."""
    attempts = sorted(
        (each for each in folder.glob("attempts/*/environment.json")),
        key=lambda path: int(path.parent.name) if path.parent.name.isdecimal() else -1,
    )
    if not attempts:
        return {}
    try:
        return evaluating.record(attempts[-1])
    except errors.UsageError:
        return {}


def config_files(known: Snapshots, spec: Mapping[str, Any]) -> dict[str, str | None]:
    """The text of the configuration files that the command names, as the run had them.

    Those that it edited are in its spec; the others as its snapshot has them.
    """
    variant = next(iter(outcomes.listed(spec, "variants")), None)
    variant = variant if isinstance(variant, Mapping) else {}
    edited = {str(path): str(text) for path, text in outcomes.mapping(variant, "files").items()}
    argv = [str(word) for word in outcomes.listed(variant, "argv")]
    named = invocation.named_files(argv) if argv else []
    commit = outcomes.mapping(spec, "provenance").get("commit")
    snapshot = str(spec.get("snapshot") or "")
    found: dict[str, str | None] = {
        path: known.text_of(snapshot, path, commit) for path in named if path not in edited
    }
    return {**found, **edited}


# -- what they are measured against -----------------------------------------------------------


def number(baseline: str | None) -> str | Number | None:
    """A number that was typed is one from elsewhere; `nan` and `inf` are none, but may be names."""
    if baseline is None:
        return None
    try:
        value = float(baseline)
    except ValueError:
        return baseline
    return Number(value, "as typed") if math.isfinite(value) else baseline


def planned(o: Overnight, found: Sequence[Outcome], metric: str | None) -> Number | None:
    """The number of overnight.toml for the metric; None where a sweep has its own base."""
    metrics = o.config.metrics
    if metrics is None or metrics.baseline is None or any(each.is_base for each in found):
        return None
    wanted = names.same(metric or metrics.primary)
    for name, value in metrics.baseline.values.items():
        if names.same(name) == wanted:
            return Number(value, metrics.baseline.source or "overnight.toml")
    return None


def is_among(found: Sequence[Outcome], wanted: str, by: str) -> bool:
    return bool(grouping.meant(grouping.grouped(found, by), wanted))


def known_run(known: Snapshots, run: str, server: str | None) -> list[Outcome]:
    """Another run of the project as the baseline, or the seeds that are called so and lie here
    (`base-s0`, `base-s1` of `base`); none where there is none of that name.
    """
    try:
        return gathered(known, [run], None, server)[0]
    except errors.UsageError:
        here = sorted(imported.names_here(known.o))
        seeds = [name for name in here if grouping.seedless(name) == run != name]
        return gathered(known, seeds, None, server)[0]


def meant(found: Iterable[Outcome], metric: str | None) -> str | None:
    """The metric as the runs call it, in any spelling."""
    if metric is None:
        return None
    known = dict.fromkeys(name for each in found for name in each.metrics)
    if metric in known:
        return metric
    return next((name for name in known if names.same(name) == names.same(metric)), metric)


def evened(found: Sequence[Outcome]) -> list[Outcome]:
    configs = settings.evened([each.config for each in found])
    return [
        dataclasses.replace(each, config=kept) for each, kept in zip(found, configs, strict=True)
    ]


# -- code -------------------------------------------------------------------------------------


def with_code(known: Snapshots, found: Sequence[Outcome]) -> list[Outcome]:
    """With words for how the code differs. Files whose keys are compared are no code."""
    apart = sorted({path for each in found for path in read_key_by_key(each, known)})
    told = code_changes.told(known, found, apart)
    return [
        dataclasses.replace(each, provenance={**each.provenance, **more})
        for each, more in zip(found, told, strict=True)
    ]


def read_key_by_key(outcome: Outcome, known: Snapshots) -> set[str]:
    files = known.files(code_changes.snapshot(outcome.provenance))
    told = {key.partition(" ")[0] for key in outcome.config}
    return {path for path in told if path in files}


def metrics_of(
    o: Overnight, why: str = "overnight.toml does not say by which metric"
) -> config.Metrics:
    """What the plan measures by; an error with `why` and what to write where it says nothing."""
    if o.config.metrics is None:
        raise errors.ConfigError(
            why,
            hint='write primary = "val_acc" and goal = "max" under [metrics] in overnight.toml',
        )
    return o.config.metrics
