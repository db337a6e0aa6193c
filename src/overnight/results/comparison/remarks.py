"""What the numbers of a comparison do not say: differences, what is left out or not proven."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from overnight.results import wording
from overnight.results.comparison import grouping
from overnight.results.comparison.arms import (
    FINISHED,
    IMPORTED,
    Arm,
    Comparison,
    Difference,
    Kind,
    LeftOut,
    Outcome,
)
from overnight.results.comparison.arms import family as family_of
from overnight.results.comparison.plain import code_of

OTHER_SCALE = "one of the two looks like a fraction, the other like percent: not compared"
SURVIVORS = "runs that failed are in no mean, which makes their arm look better than it may be"
ONE_SEED = "one seed each: no difference here is proven"
OPTIMISTIC = (
    "ours are the best values of curves, chosen by the data that they are measured on: is the "
    "number that they are held against such a value, too?"
)
MANY = 5  # values of one arm that are written out
UNEVEN = 1.5  # times as many evaluations, from which on the best of them is not comparable
MOST_NAMED = 6
HOW: Mapping[Kind, str] = {"welch": "Welch's t", "paired": "paired by seed"}


# -- what differed ----------------------------------------------------------------------------


def differences(groups: Sequence[grouping.Group]) -> tuple[Difference, ...]:
    """Key by key, for each arm what its runs have; seeds and names are no differences."""
    configs = [each for group in groups for each in group.settings]
    rows = [
        Difference(
            kind="config",
            key=key,
            values={group.label: _values(_set(key, group.settings)) for group in groups},
        )
        for key in grouping.varying(configs)
        if key != grouping.CODE
    ]
    return (*rows, *_code(groups), *_environment(groups), *_repairs(groups))


def _set(key: str, configs: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for config in configs:
        yield grouping.shown(config[key]) if key in config else "not set"


def _values(shown: Iterable[str]) -> str:
    known = list(dict.fromkeys(shown))
    more = f" and {len(known) - MANY} more" if len(known) > MANY else ""
    return ", ".join(known[:MANY]) + more


def _rows(
    kind: Any, groups: Sequence[grouping.Group], read: Callable[[Outcome], Mapping[str, str]]
) -> Iterator[Difference]:
    """The keys whose words differ between runs that have any."""
    told = {id(each): read(each) for group in groups for each in group.outcomes}
    for key in dict.fromkeys(key for each in told.values() for key in each):
        if len({each.get(key, "") for each in told.values() if each}) > 1:
            values = {
                group.label: _values(told[id(each)].get(key) or "-" for each in group.outcomes)
                for group in groups
            }
            yield Difference(kind=kind, key=key, values=values)


def _code(groups: Sequence[grouping.Group]) -> Iterator[Difference]:
    outcomes = [each for group in groups for each in group.outcomes]
    if len({code_of(each) for each in outcomes}) < 2:
        return
    yield from _rows("code", groups, _code_of)


def _code_of(outcome: Outcome) -> dict[str, str]:
    known = outcome.provenance
    words, commit = known.get("code_words"), known.get("commit")
    told = {"snapshot": str(known.get("snapshot") or "")[:12]}
    if words is not None:
        told["files"] = str(words) or "as the first run"
    if commit:
        told["commit"] = f"{str(commit)[:10]}{' and changes' if known.get('dirty') else ''}"
    return {key: value for key, value in told.items() if value}


def _environment(groups: Sequence[grouping.Group]) -> Iterator[Difference]:
    """Of a run that has not begun nothing is known, which is no difference."""
    yield from _rows("environment", groups, lambda outcome: {"server": outcome.server})
    yield from _rows("environment", groups, _versions)


def _versions(outcome: Outcome) -> dict[str, str]:
    told = outcome.provenance.get("versions")
    return {str(k): str(v) for k, v in told.items()} if isinstance(told, Mapping) else {}


def _repairs(groups: Sequence[grouping.Group]) -> Iterator[Difference]:
    values = {group.label: "; ".join(_repaired(group.outcomes)) for group in groups}
    if any(values.values()):
        yield Difference(kind="repairs", key="repairs", values=values)


def _repaired(outcomes: Iterable[Outcome]) -> Iterator[str]:
    for each in outcomes:
        if each.repairs:
            yield f"{each.run}: {', '.join(wording.repair(repair) for repair in each.repairs)}"


# -- what has to be known before a number is believed -----------------------------------------


def notes(found: Comparison) -> Iterator[str]:
    """The most important first. `found` is whole but for its notes."""
    yield from seeds(found)
    yield from left_out(found)
    yield from tests(found)
    yield from curves(found)
    yield from settings(found)
    yield from incomplete(found)


def seeds(found: Comparison) -> Iterator[str]:
    stats = {arm.label: stat for arm in found.arms if (stat := found.stat(arm))}
    single = [label for label, stat in stats.items() if stat.n == 1]
    if stats and len(single) == len(stats):
        yield ONE_SEED
    elif single:
        yield (
            f"n = 1 ({named(single)}): one seed, so its spread is not known and no difference to "
            "it is proven"
        )
    if any(stat.sd == 0 for stat in stats.values()):
        yield "some seeds change nothing at all (sd 0): does the command use its seed?"
    unknown = [
        arm.label
        for arm in found.arms
        if len(arm.pooled) > 1 and any(run.seed is None for run in arm.pooled)
    ]
    if unknown:
        yield f"no seed is told of the repeated runs of {named(unknown)}: are they independent?"


def left_out(found: Comparison) -> Iterator[str]:
    """What of the runs that went well is in no number; the others need no words."""
    listed = [each for arm in found.arms for each in arm.left_out]
    altered = [each.outcome.run for each in listed if each.outcome.is_altered]
    if altered:
        yield f"changed by a repair, so in no number: {named(altered)}"
    for why, runs in reasons(listed).items():
        yield f"{why}, not counted: {named(runs)}"
    failed = [each for each in listed if each.outcome.state == "failed"]
    if failed and any(found.stat(arm) for arm in found.arms):
        yield SURVIVORS


def reasons(listed: Sequence[LeftOut]) -> dict[str, list[str]]:
    known: dict[str, list[str]] = {}
    for each in listed:
        if not each.outcome.is_altered and each.outcome.state in (FINISHED, IMPORTED):
            known.setdefault(each.why, []).append(each.outcome.run)
    return known


def tests(found: Comparison) -> Iterator[str]:
    base = next((arm for arm in found.arms if arm.is_baseline), None)
    if base is not None and found.stat(base) is None:
        yield f"the baseline {base.label} has no number, so that nothing is measured against it"
    strange = [each.arm for each in found.tests if each.note == OTHER_SCALE]
    if strange:
        yield f"{named(strange)} against {found.tests[0].against}: {OTHER_SCALE}"
    yield from methods(found)


def methods(found: Comparison) -> Iterator[str]:
    """What a caption tells in other words."""
    kinds = Counter(each.kind for each in found.tests)
    if kinds["number"]:
        source = found.baseline.source if found.baseline and found.baseline.source else "its source"
        yield f"the baseline is a number ({source}): no test is claimed against it"
    tested = kinds["welch"] + kinds["paired"]
    if not tested:
        return
    used = " and ".join(words for kind, words in HOW.items() if kinds[kind])
    yield f"intervals: 95 %, {used}; one that holds 0 proves no difference"
    if tested > 1:
        yield f"p is corrected for {family(found)} (Holm), the intervals are not"


def family(found: Comparison) -> str:
    """`3 comparisons`, or what else the p values of the table are corrected for."""
    return best_family(found) if found.is_picked else f"{found.compared} comparisons"


def best_family(found: Comparison) -> str:
    """The same for the tests against the best."""
    many = family_of(sum(each.p is not None for each in found.to_best), is_picked=True)
    return f"all {many} pairs of arms, as the best was picked by the same numbers"


def curves(found: Comparison) -> Iterator[str]:
    if found.metric is None:
        return
    if found.goal is None and any(found.stat(arm) for arm in found.arms):
        yield (
            f"which way {found.metric} is better is not known, or not the same for all runs: "
            "nothing is called best"
        )
    if found.split == "test":
        yield f"{found.metric}: {found.why_which}"
    splits = {m.split for each in found.outcomes if (m := each.metrics.get(found.metric))}
    if len(splits) > 1:
        yield f"{found.metric} was not measured on the same data: {', '.join(sorted(splits))}"
    is_number = found.baseline is not None and found.baseline.value is not None
    if is_number and found.which == "best" and any(found.stat(arm) for arm in found.arms):
        yield OPTIMISTIC
    yield from uneven(found, found.metric)


def uneven(found: Comparison, metric: str) -> Iterator[str]:
    """The best of many is better than the best of few, by chance alone."""
    counts = [
        (n, arm.label) for arm in found.arms for run in arm.pooled if (n := run.metrics[metric].n)
    ]
    if found.which != "best" or len(counts) < 2:
        return
    (low, few), (high, many) = min(counts), max(counts)
    if high > UNEVEN * low:
        yield (
            f"the best of {high} evaluations ({many}) beside the best of {low} ({few}): more of "
            "them make a better best; the last values are fairer (--which last)"
        )


def settings(found: Comparison) -> Iterator[str]:
    codes = {code for each in found.outcomes if (code := code_of(each))}
    if len(codes) > 1:
        yield f"the runs have different code: {len(codes)} snapshots"
    if found.by not in (grouping.SEED, grouping.NONE):
        mixed = [arm.label for arm in found.arms if _is_mixed(arm)]
        if mixed:
            yield (
                f"runs that differ in more than {found.by} and their seed are pooled: "
                f"{named(mixed)}; their spread is not that of seeds"
            )


def _is_mixed(arm: Arm) -> bool:
    _, configs = grouping.told(arm.pooled)
    return bool(grouping.varying(configs))


def incomplete(found: Comparison) -> Iterator[str]:
    outcomes = found.outcomes
    total = max(found.sweep.total if found.sweep else 0, len(outcomes))
    active = sum(not each.has_ended for each in outcomes)
    if active:
        yield f"{active} of {total} runs have not ended yet"
    if len(outcomes) < total:
        yield f"{total - len(outcomes)} of {total} runs are not known here"
    for server in sorted(found.sweep.away if found.sweep else ()):
        yield f"{server} did not answer; its runs are shown as last seen"


def named(listed: Sequence[str]) -> str:
    more = f" and {len(listed) - MOST_NAMED} more" if len(listed) > MOST_NAMED else ""
    return " ".join(listed[:MOST_NAMED]) + more
