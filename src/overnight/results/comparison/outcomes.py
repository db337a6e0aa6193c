"""A run as a comparison needs it: from its records, its series and what it has set. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from overnight.core import config, views
from overnight.results import names
from overnight.results.comparison import settings
from overnight.results.comparison.arms import Measured, Outcome, Place
from overnight.results.series import Point, Series, best_place

SHOWN_PACKAGES = (
    "torch", "numpy", "transformers", "lightning", "pytorch-lightning", "accelerate", "tensorflow",
    "keras", "jax", "jaxlib", "flax", "timm", "datasets", "deepspeed", "triton", "xformers",
    "flash-attn", "scikit-learn", "torchvision",
)  # fmt: skip


def outcome(
    run: str,
    *,
    state: Mapping[str, Any],
    spec: Mapping[str, Any],
    series: Sequence[Series],
    metrics: config.Metrics | None,
    files: Mapping[str, str | None] | None = None,
    held: Mapping[str, Any] | None = None,
    environment: Mapping[str, Any] | None = None,
    summaries: Mapping[str, Summary] | None = None,
) -> Outcome:
    """`state` and `spec`: state.json and spec.json, `environment`: environment.json of its last
    attempt. `files`: see `settings.of_run`. `held`: settings that its metric files hold; of a run
    without a command they stand in its spec. `summaries`, by metric, in place of `series`.

    Never raises on what the records hold: what is missing or of another kind is left out.
    """
    attempts = [each for each in listed(state, "attempts") if isinstance(each, Mapping)]
    repairs = views.repair_views(listed(state, "repairs"))
    provenance = mapping(spec, "provenance")
    sweep = mapping(spec, "sweep")
    variant = next((each for each in listed(spec, "variants") if isinstance(each, Mapping)), {})
    env = {str(key): str(value) for key, value in mapping(spec, "env").items()}
    argv = [str(word) for word in listed(variant, "argv")]
    settled = {} if argv else mapping(spec, "settings")
    return Outcome(
        run=run,
        server=str(provenance.get("server") or ""),
        state=str(state.get("state") or "unknown"),
        seed=settings.whole(sweep.get("seed")),
        config={
            **settings.flat({**settled, **(held or {})}),
            **mapping(sweep, "point"),
            **settings.of_run(argv, env, files or {}),
        },
        metrics=(
            measured_all(series, metrics)
            if summaries is None
            else {name: of_summary(each) for name, each in summaries.items()}
        ),
        primary=metrics.primary if metrics else None,
        repairs=repairs,
        altered=altered(repairs),
        provenance={
            **provenance,
            "snapshot": spec.get("snapshot"),
            "gpus": listed(attempts[-1], "gpus") if attempts else [],
            "versions": versions(
                environment or {}, listed(attempts[-1], "gpus") if attempts else []
            ),
        },
        reason=str(state.get("reason") or ""),
        duration_s=duration(attempts),
        point=mapping(sweep, "point") or None,
        is_base=bool(sweep.get("base")),
        index=settings.whole(sweep.get("index")) or 0,
    )


def listed(value: Mapping[str, Any], key: str) -> list[Any]:
    found = value.get(key)
    return list(found) if isinstance(found, (list, tuple)) else []


def mapping(value: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = value.get(key)
    return dict(found) if isinstance(found, Mapping) else {}


def altered(repairs: Sequence[views.Repair]) -> tuple[str, ...]:
    """Why it is another experiment than was asked for; law 7."""
    return tuple(f"{each.failure}: {each.change}" for each in repairs if each.changes_science)


def duration(attempts: Sequence[Mapping[str, Any]]) -> float | None:
    """Seconds of its attempts, without what lay between; None where none has ended."""
    spans = [
        float(each["ended_at"]) - float(each["started_at"])
        for each in attempts
        if is_number(each.get("ended_at")) and is_number(each.get("started_at"))
    ]
    return math.fsum(spans) if spans else None


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def versions(environment: Mapping[str, Any], gpus: Sequence[Any]) -> dict[str, str]:
    """Python, driver, models of the GPUs that it had, packages; what was recorded of them."""
    packages = mapping(environment, "packages")
    shown = [name for name in SHOWN_PACKAGES if name in packages]
    others = sorted(set(packages) - set(shown))
    cards = [each for each in listed(environment, "gpus") if isinstance(each, Mapping)]
    used = [each for each in cards if each.get("uuid") in gpus] or cards
    models = sorted({str(each.get("name")) for each in used if each.get("name")})
    variables = mapping(environment, "variables")
    told = {
        "python": environment.get("python"),
        "driver": environment.get("driver"),
        "GPU": ", ".join(models),
        **{name: packages[name] for name in [*shown, *others]},
        **{f"env {name}": value for name, value in variables.items() if name not in _PLACING},
    }
    return {key: str(value) for key, value in told.items() if value}


_PLACING = frozenset(("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"))


# -- metrics ----------------------------------------------------------------------------------


def measured_all(series: Sequence[Series], metrics: config.Metrics | None) -> dict[str, Measured]:
    """The primary metric first, under the name and with the goal that the user gave it."""
    primary = find(series, metrics.primary) if metrics else None
    told = [(each.name, each.goal or names.goal(each.name), each) for each in series]
    if metrics and primary is not None:
        told = [(metrics.primary, metrics.goal, primary), *(t for t in told if t[2] is not primary)]
    judge = judging(told)
    return {name: measured(name, goal, each, judge) for name, goal, each in told if each.n}


Told = tuple[str, str | None, Series]


def find(series: Sequence[Series], name: str) -> Series | None:
    """The series that `name` means, in any spelling; never one of another split."""
    known = {each.name: each for each in series}
    for candidate in (name, names.spelled(name), names.fold(name)[1]):
        if candidate in known:
            return known[candidate]
    wanted = names.same(name)
    for ending in ("", "_epoch", "_step"):
        for each in series:
            if names.same(each.name.removesuffix(ending)) == wanted:
                return each
    return None


def judging(told: Sequence[Told]) -> dict[str, Told]:
    """For each metric the validation metric by which its value may be chosen.

    The primary one where that is of the validation, else the metric's own counterpart
    (`val_acc` for `test_acc`), else `val_loss`.
    """
    able = [each for each in told if each[2].split == names.VAL and each[1] and each[2].n > 1]
    if not able:
        return {}
    by_metric = {_bare(each[0]): each for each in reversed(able)}
    is_primary = told[0] is able[0]
    found: dict[str, Told] = {}
    for each in told:
        chosen = able[0] if is_primary else by_metric.get(_bare(each[0]), by_metric.get("loss"))
        if chosen is not None:
            found[each[0]] = chosen
    return found


def _bare(name: str) -> str:
    return names.same(name)[1]


def measured(
    name: str, goal: str | None, series: Series, judge: Mapping[str, Told] | None = None
) -> Measured:
    """`series` has a value that counts."""
    places = series.kept
    values = series.value[places]
    best = best_place(values, goal)
    at, judged_by = at_best(series, (judge or {}).get(name), name)
    return Measured(
        best=float(values[best]) if best is not None else None,
        best_place=place(series, int(places[best])) if best is not None else None,
        last=float(values[-1]),
        last_place=place(series, int(places[-1])),
        n=int(values.size),
        goal=goal,
        split=series.split,
        nonfinite=int(values.size - np.isfinite(values).sum()),
        source=place(series, int(places[-1])).source,
        at_best=float(series.value[at]) if at is not None else None,
        at_best_place=place(series, at) if at is not None else None,
        chosen_by=judged_by if at is not None else None,
    )


class Summary(Protocol):
    """What is kept of a curve where the curve itself is not read."""

    @property
    def best(self) -> Point | None: ...

    @property
    def last(self) -> Point: ...

    @property
    def n(self) -> int: ...

    @property
    def goal(self) -> str | None: ...

    @property
    def split(self) -> str: ...

    @property
    def nonfinite(self) -> int: ...


def of_summary(told: Summary) -> Measured:
    """Without the value at the best validation, for which the curves are needed."""
    best, last = told.best, told.last
    return Measured(
        best=best.value if best else None,
        best_place=Place(best.step, best.epoch, best.source, best.line) if best else None,
        last=last.value,
        last_place=Place(last.step, last.epoch, last.source, last.line),
        n=told.n,
        goal=told.goal,
        split=told.split,
        nonfinite=told.nonfinite,
        source=last.source,
    )


def at_best(series: Series, judge: Told | None, name: str) -> tuple[int | None, str | None]:
    """Where the series stood when its judge was best: at the same step, else the same epoch.

    None where it was not measured then, and for a metric of one value, which nobody chose.
    """
    if judge is None or judge[0] == name or series.n < 2:
        return None, None
    judged_by, goal, other = judge
    best = best_place(other.value[other.kept], goal)
    if best is None:
        return None, None
    moment = int(other.kept[best])
    for mine, theirs in ((series.step, other.step), (series.epoch, other.epoch)):
        if np.isfinite(theirs[moment]):
            found = series.kept[mine[series.kept] == theirs[moment]]
            if found.size:
                return int(found[-1]), judged_by
    return None, None


def place(series: Series, at: int) -> Place:
    found = series.point(at)
    return Place(found.step, found.epoch, found.source, found.line)
