"""Which runs are one arm: those that differ in nothing but their seed. Pure.

What was set is a flat mapping: `--lr`, `env WIDTH`, `configs/base.yaml optim.lr`, or a sweep's key.
A key is the seed where its name says so and its value is a whole number. Keys that only say where a
run writes, what it is called, which port it has or when it was, tell no arms apart.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from overnight.core import errors
from overnight.results.comparison import aliases, settings
from overnight.results.comparison.arms import Outcome, Seed
from overnight.results.comparison.plain import ABSENT, code_of, plain

SEED, NONE = "seed", "none"
BASE = "base"
CODE = "code"
LONGEST, MOST_KEYS = 60, 4  # characters of a label, settings in it
_LAST = re.compile(r"[.:/ ]")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SEED_WORDS = _words("seed randomstate manualseed randomseed pythonhashseed")
_NO_SEED = _words("len length size num count path file dir list every frac ratio use fix")
# Keys that cannot change what is learnt, whatever they hold.
_IDLE = _words(
    "port masterport mainprocessport rdzvport rdzvendpoint rdzvid timestamp datetime startedat "
    "createdat cudavisibledevices localrank noderank runname runid jobid jobname expname expid "
    "wandbname wandbrunname wandbgroup wandbnotes wandbtags outputdir outdir savedir logdir "
    "loggingdir checkpointdir ckptdir resultsdir resultdir rundir defaultrootdir hydrarundir"
)
# Keys that may hold a name which only repeats what is known otherwise.
_NAMES = _words(
    "out output outputs outputpath save savepath log logs logpath results dir workdir modeldir "
    "exportdir ckpt name run experiment experimentname exp id tag tags group notes version comment"
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Group:
    """The runs of one arm, with their seeds; `config`: the keys in which the groups differ.

    `settings`: for each of the runs all that it has set which tells it from others.
    """

    label: str
    config: Mapping[str, Any]
    outcomes: tuple[Outcome, ...]
    settings: tuple[Mapping[str, Any], ...]


def grouped(outcomes: Sequence[Outcome], by: str = SEED) -> list[Group]:
    """In the order of their first runs. `by`: 'seed', 'none' (each run alone), or a key.

    Runs whose code differs are never one arm, unless a key was asked for. Raises
    `errors.UsageError` for a key that no run has.
    """
    seeded, configs = told(outcomes)
    shown = [chosen_key(by, configs)] if by not in (SEED, NONE) else varying(configs)
    members: dict[Any, list[int]] = {}
    for place, config in enumerate(configs):
        key = place if by == NONE else identity(config, shown)
        members.setdefault(key, []).append(place)
    groups = [
        Group(
            label="",
            config={key: configs[places[0]][key] for key in shown if key in configs[places[0]]},
            outcomes=tuple(seeded[place] for place in places),
            settings=tuple(configs[place] for place in places),
        )
        for places in members.values()
    ]
    return labelled(groups, shown, by)


def told(outcomes: Sequence[Outcome]) -> tuple[list[Outcome], list[dict[str, Any]]]:
    """Each run with its seed, and what it has set that tells it from others."""
    alike = aliases.unified(outcomes)
    seeds = seed_keys(alike)
    seeded = with_seeds(alike, seeds)
    return seeded, [telling(each, seeds) for each in seeded]


# -- seeds ------------------------------------------------------------------------------------


def seed_keys(outcomes: Sequence[Outcome]) -> list[str]:
    """The keys whose name says seed, and whose every value is a whole number."""
    values: dict[str, list[Any]] = {}
    for each in outcomes:
        for key, value in each.config.items():
            if key in values or is_called_seed(key):
                values.setdefault(key, []).append(value)
    return [
        key
        for key, seen in values.items()
        if all(settings.whole(each) is not None for each in seen)
    ]


@functools.lru_cache(4096)
def is_called_seed(key: str) -> bool:
    words = set(re.split(r"[^a-z0-9]+", last(key).lower()))
    says = bool(words & _SEED_WORDS) or joined(key) in _SEED_WORDS
    return says and not words & _NO_SEED


def seeds_held(held: Mapping[str, Any], told: Iterable[str]) -> dict[str, Any]:
    """The seeds among the settings that a run's metric files hold, where its command (whose keys
    are `told`) says none. The other settings follow from its command, its code and where it ran.
    """
    if any(is_called_seed(key) for key in told):
        return {}
    flat = settings.flat(held)
    return {
        key: value
        for key, value in flat.items()
        if is_called_seed(key) and settings.whole(value) is not None
    }


def with_seeds(outcomes: Sequence[Outcome], keys: Sequence[str]) -> list[Outcome]:
    """Each with its seed; a sweep's own word comes first.

    Of several keys, those that never vary are no seeds of the comparison; what is left is joined
    where a run has different values (`seed=1 data_seed=7`).
    """
    moving = [key for key in keys if len({plain(each.config.get(key)) for each in outcomes}) > 1]
    counted = moving or keys
    return [
        each if each.seed is not None else dataclasses.replace(each, seed=_seed(each, counted))
        for each in outcomes
    ]


def _seed(outcome: Outcome, keys: Sequence[str]) -> Seed | None:
    values = {key: settings.whole(outcome.config[key]) for key in keys if key in outcome.config}
    if not values:
        return None
    if len(set(values.values())) == 1:
        return next(iter(values.values()))
    return " ".join(f"{last(key)}={value}" for key, value in values.items())


# -- what tells arms apart --------------------------------------------------------------------


def telling(outcome: Outcome, seeds: Collection[str]) -> dict[str, Any]:
    """The configuration without seeds, and without what only names or places the run.

    With its code: what `provenance` calls `code`, else its snapshot, else its commit.
    """
    kept = {
        key: _nameless(value, outcome) if joined(key) in _NAMES else value
        for key, value in outcome.config.items()
        if key not in seeds and joined(key) not in _IDLE
    }
    if code := code_of(outcome):
        kept[CODE] = code
    return kept


def _nameless(value: Any, outcome: Outcome) -> Any:
    """Without what repeats the run's name, its seed, another setting or a date."""
    if not isinstance(value, str):
        return value
    rest = value.replace(outcome.run, "*")
    rest = re.sub(
        r"(19|20)\d{2}[-_]?\d{2}[-_]?\d{2}([T_-]?\d{2}[-:_]?\d{2}([-:_]?\d{2})?)?", "*", rest
    )
    others = {str(other) for other in outcome.config.values() if not isinstance(other, bool)}
    for text in sorted({*others, str(outcome.seed)} - {value, "", "None"}, key=len, reverse=True):
        rest = re.sub(rf"(?<![0-9.]){re.escape(text)}(?![0-9A-Za-z.])", "*", rest)
    return re.sub(r"(?<![A-Za-z])(seed[-_]?|s)\*", "*", rest)


def varying(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The keys that not all have with the same value, in the order in which they came.

    Of keys of one name that part the runs alike (`lr` of the sweep, `--lr`), the first.
    """
    keys = dict.fromkeys(key for each in configs for key in each)
    found: dict[tuple[Any, ...], str] = {}
    for key in keys:
        parts = _parts(plain(each.get(key, ABSENT)) for each in configs)
        if max(parts, default=0) > 0:
            found.setdefault((joined(key), *parts), key)
    return list(found.values())


def _parts(values: Iterable[str]) -> list[int]:
    """The values as numbers, in the order in which each came first: 0, 0, 1, 0, 2."""
    known: dict[str, int] = {}
    return [known.setdefault(value, len(known)) for value in values]


def identity(config: Mapping[str, Any], keys: Iterable[str]) -> tuple[str, ...]:
    return tuple(plain(config.get(key, ABSENT)) for key in keys)


def chosen_key(wanted: str, configs: Sequence[Mapping[str, Any]]) -> str:
    """The key called so, or whose last part is: `lr` finds `--lr` and `optim.lr`."""
    keys = list(dict.fromkeys(key for each in configs for key in each))
    if wanted in keys:
        return wanted
    near = [key for key in keys if last(key) == last(wanted)]
    if len(near) == 1:
        return near[0]
    known = ", ".join(near or varying(configs)) or "nothing differs between these runs"
    what = f"several keys are called {wanted!r}" if near else f"no run has a setting {wanted!r}"
    raise errors.UsageError(f"{what}: {known}", hint="--by seed, --by none, or one of these keys")


# -- labels -----------------------------------------------------------------------------------


DEFAULTS = "defaults"  # an arm that sets nothing of what sets others apart


def labelled(groups: Sequence[Group], keys: Sequence[str], by: str = SEED) -> list[Group]:
    """Each with a unique label, the same wherever these runs are shown.

    An arm of a sweep is called by its point, `lr=0.1 amp`, whatever stands beside it; beside one,
    others are called by the name of their runs. Without a sweep all are called by what sets them
    apart, or all by their names where that would be long. Each run alone has its name.
    """
    found: list[Group] = []
    for group, label in zip(groups, labels(groups, keys, by), strict=True):
        label = label or stem([each.run for each in group.outcomes])
        found.append(dataclasses.replace(group, label=_unused(label, [g.label for g in found])))
    return found


def labels(groups: Sequence[Group], keys: Sequence[str], by: str) -> list[str]:
    """Not unique yet; empty for the name of the runs."""
    if by == NONE:
        return [""] * len(groups)
    if by == SEED:
        points = [_of_point(group) for group in groups]
        if any(points):
            return with_code(groups, points) if CODE in keys else points
        if len(keys) > MOST_KEYS:
            return points
    short = short_names(keys)
    switches = {key for key in keys if any(group.config.get(key) is True for group in groups)}
    told = [_label(group, keys, short, switches) for group in groups]
    is_plain = len(set(told)) == len(told) and max(map(len, told), default=0) <= LONGEST
    return told if is_plain else [""] * len(groups)


def _of_point(group: Group) -> str:
    """What the sweep has set, but for seeds; empty for an arm that is of none, or a long one."""
    first = next((each for each in group.outcomes if each.point), None)
    if first is None or first.point is None:
        return ""
    short = short_names(list(first.point))
    parts = [
        _setting(short[key], value)
        for key, value in first.point.items()
        if value is not None and not is_called_seed(key)
    ]
    label = " ".join(parts)
    return label if len(label) <= LONGEST else ""


def with_code(groups: Sequence[Group], told: Sequence[str]) -> list[str]:
    """What points of equal label differ in."""
    return [
        f"{label} {_code(group)}".rstrip() if label and told.count(label) > 1 else label
        for group, label in zip(groups, told, strict=True)
    ]


def _label(
    group: Group, keys: Sequence[str], short: Mapping[str, str], switches: Collection[str]
) -> str:
    """What it sets, in the order of the keys; a switch that only others have is said as missing."""
    parts = []
    for key in keys:
        if key == CODE:
            parts.append(_code(group))
        elif key in group.config:
            parts.append(_setting(short[key], group.config[key]))
        elif key in switches:
            parts.append(f"no {short[key]}")
    label = " ".join(part for part in parts if part)
    return label or (DEFAULTS if any(key != CODE for key in keys) else "")


def _setting(name: str, value: Any) -> str:
    return name if value is True else f"{name}={shown(value)}"


def _code(group: Group) -> str:
    words = group.outcomes[0].provenance.get("code_words")
    code = str(group.config.get(CODE, "?"))
    return f"code {code[:8]}" if words is None else str(words)


def shown(value: Any) -> str:
    """A value as one would write it."""
    if isinstance(value, str):
        return value
    return f"{value:.6g}" if isinstance(value, float) else json.dumps(value, default=str)


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """The last part of each key where that tells them apart."""
    ends = {key: last(key) for key in keys}
    return {
        key: end if list(ends.values()).count(end) == 1 else key.strip("-")
        for key, end in ends.items()
    }


@functools.lru_cache(4096)
def last(key: str) -> str:
    """`lr` of `--lr`, `optim.lr` and `configs/base.yaml optim.lr`."""
    return _LAST.split(key.strip("-+"))[-1].strip("-") or key


def stem(runs: Sequence[str]) -> str:
    """What the names of the runs have in common: `lr-base` of `lr-base-s0`, `lr-base-s1`."""
    if len(runs) == 1:
        return runs[0]
    shortest = min(runs, key=len)
    common = next(
        (shortest[:end] for end in range(len(shortest), 0, -1)
         if all(run.startswith(shortest[:end]) for run in runs)),
        "",
    )  # fmt: skip
    return re.sub(r"([-_.](s|seed)?)?[-_.]?$", "", common) or runs[0]


def seedless(run: str) -> str:
    """`lr-base` of `lr-base-s0` and of `lr-base_1`."""
    return re.sub(r"[-_.](s|seed)?[0-9]+$", "", run)


def _unused(label: str, taken: Collection[str]) -> str:
    if label not in taken:
        return label
    return next(f"{label} ({n})" for n in range(2, len(taken) + 3) if f"{label} ({n})" not in taken)


# -- what a user calls them -------------------------------------------------------------------


class Named(Protocol):
    """A group, or the arm that it became."""

    @property
    def label(self) -> str: ...

    @property
    def outcomes(self) -> tuple[Outcome, ...]: ...


N = TypeVar("N", bound=Named)


def meant(arms: Sequence[N], wanted: str) -> list[N]:
    """Those called so: by label, by a run, by what the names of its runs have in common, as the
    base of the sweep, or by some of its settings (`lr=0.1` of `dropout=0.2 lr=0.1`).
    """
    tries: tuple[Callable[[N], bool], ...] = (
        lambda each: each.label == wanted,
        lambda each: any(run.run == wanted for run in each.outcomes),
        lambda each: all(seedless(run.run) == wanted for run in each.outcomes),
        lambda each: stem([run.run for run in each.outcomes]) == wanted,
        lambda each: wanted == BASE and any(run.is_base for run in each.outcomes),
        lambda each: "=" in wanted and set(wanted.split()) <= set(each.label.split()),
    )
    return next((found for fits in tries if (found := [a for a in arms if fits(a)])), [])


@functools.lru_cache(4096)
def joined(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "", last(key).lower())
