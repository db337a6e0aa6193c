"""Comparisons made by hand, so that the tables can be tested without the statistics."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from overnight.core import views
from overnight.results.comparison import arms

HALF = {2: 8.98, 3: 2.48, 4: 1.59, 5: 1.24}  # half of a t interval, in standard deviations


def outcome(run: str, value: float | None, **more: Any) -> arms.Outcome:
    """A finished run with one value of val_acc; other fields by name."""
    place = arms.Place(step=100, epoch=4.0, source="metrics.jsonl", line=7)
    measured = arms.Measured(
        best=value,
        best_place=place,
        last=value,
        last_place=place,
        n=5,
        goal="max",
        split="val",
        source="metrics.jsonl",
    )
    told = {"server": "gpu1", "state": "finished", "seed": 0, "config": {}}
    metrics = {"val_acc": measured} if value is not None else {}
    return arms.Outcome(run=run, **{**told, "metrics": metrics, "primary": "val_acc", **more})


def stat(runs: Sequence[str], values: Sequence[float]) -> arms.Stat:
    n, mean = len(values), statistics.fmean(values)
    sd = statistics.stdev(values) if n > 1 else None
    half = HALF[n] * sd if sd else None
    return arms.Stat(
        n=n,
        mean=mean,
        sd=sd,
        low=mean - half if half is not None else None,
        high=mean + half if half is not None else None,
        values=tuple(
            arms.Value(run, seed, value, None)
            for seed, (run, value) in enumerate(zip(runs, values, strict=True))
        ),
    )


def arm(
    label: str,
    values: Sequence[float],
    *,
    left_out: Sequence[arms.LeftOut] = (),
    stats: Mapping[str, arms.Stat] | None = None,
    **more: Any,
) -> arms.Arm:
    runs = [f"{label}-s{seed}" for seed in range(len(values))]
    own = {"val_acc": stat(runs, values)} if values else {}
    return arms.Arm(
        label=label,
        config=more.pop("config", {"lr": label}),
        pooled=more.pop(
            "pooled",
            tuple(outcome(run, value) for run, value in zip(runs, values, strict=True)),
        ),
        left_out=tuple(left_out),
        stats={**own, **(stats or {})},
        **more,
    )


def welch(label: str, against: str, difference: float, half: float, p: float) -> arms.Test:
    return arms.Test(
        arm=label,
        against=against,
        kind="welch",
        n=3,
        n_against=3,
        difference=difference,
        low=difference - half,
        high=difference + half,
        t=1.0,
        df=3.9,
        p=p,
        p_holm=min(1.0, 2 * p),
        is_clear=2 * p < 0.05,
        is_better=difference > 0,
    )


def comparison(listed: Sequence[arms.Arm], **more: Any) -> arms.Comparison:
    told: dict[str, Any] = {
        "metric": "val_acc",
        "goal": "max",
        "split": "val",
        "which": "best",
        "why_which": "the default",
        "baseline": None,
        "tests": (),
        "indistinguishable": frozenset(),
        "power": (),
        "differences": (),
        "metrics": ("val_acc",),
        "notes": (),
    }
    names = more.pop("metrics", told["metrics"])
    told["metrics"] = tuple(arms.Shown(name, "max", "val", "best", "the default") for name in names)
    return arms.Comparison(arms=tuple(listed), **{**told, **more})


def altered(run: str, value: float) -> arms.LeftOut:
    """A run whose batch a repair has changed."""
    repair = views.Repair(
        failure="cuda_oom", change="batch 64 -> 32", at=1.0, attempt=1, changes_science=True
    )
    found = outcome(run, value, repairs=(repair,), altered=("batch 64 -> 32",))
    return arms.LeftOut(found, "altered by a repair: batch 64 -> 32")


def failed(run: str) -> arms.LeftOut:
    return arms.LeftOut(outcome(run, None, state="failed"), "failed")


def three() -> arms.Comparison:
    """A good arm, its near equal with a run less, the baseline, and one of a single seed."""
    listed = [
        arm("cosine", [94.12, 94.31, 93.98], left_out=[altered("cosine-s3", 93.1)]),
        arm("step", [94.0, 94.2], left_out=[failed("step-s2")]),
        arm("constant", [92.8, 93.1, 92.95], is_baseline=True),
        arm("none", [92.5]),
    ]
    return comparison(
        listed,
        baseline=arms.Baseline(arm="constant", value=None, source="baseline of the plan"),
        tests=(
            welch("cosine", "constant", 1.187, 0.31, 0.0004),
            welch("step", "constant", 1.15, 1.21, 0.031),
            arms.Test(
                arm="none",
                against="constant",
                kind="none",
                n=1,
                n_against=3,
                difference=-0.45,
                note="one seed",
            ),
        ),
        to_best=(
            welch("step", "cosine", -0.037, 0.51, 0.61),
            welch("constant", "cosine", -1.187, 0.31, 0.0004),
            arms.Test(
                arm="none",
                against="cosine",
                kind="none",
                n=1,
                n_against=3,
                difference=-1.64,
                note="one seed",
            ),
        ),
        indistinguishable=frozenset({"cosine", "step"}),
        power=(
            arms.Power(
                arm="step",
                against="constant",
                n=2,
                more=3,
                is_capped=False,
                visible=1.9,
                words="step against constant: 3 more seeds each would tell them apart",
            ),
        ),
        differences=(
            arms.Difference(
                kind="config",
                key="schedule",
                values={"cosine": "cosine", "step": "step", "constant": "constant", "none": "none"},
            ),
            arms.Difference(kind="code", key="code", values={"cosine": "changed: train.py"}),
            arms.Difference(
                kind="environment", key="torch", values={"none": "2.5", "cosine": "2.6"}
            ),
        ),
    )


HOSTILE = (
    '=cmd|\' /C calc\'!A0 \\input{/etc/passwd} $x^2_{1}$ 50% & #1 ~<b onload="a()">"`\x1b[2J中é‮'
)


def hostile() -> arms.Comparison:
    """Everything that comes from elsewhere is an attack."""
    names = [HOSTILE, "-1+1|a*b_c`d`[x](http://evil)<img>", "@SUM(A1)\t\r\nx", "plain"]
    listed = [
        arm(
            name,
            [],
            config={HOSTILE: HOSTILE},
            pooled=(outcome(name, None), outcome(name, None)),
            stats={HOSTILE: stat([name, name], [0.5 + n / 10, 0.6 + n / 10])},
        )
        for n, name in enumerate(names)
    ]
    return comparison(
        listed,
        metric=HOSTILE,
        metrics=(HOSTILE, "other" + HOSTILE),
        baseline=arms.Baseline(arm=None, value=0.7, source=HOSTILE),
        differences=(
            arms.Difference(kind="config", key=HOSTILE, values=dict.fromkeys(names, HOSTILE)),
        ),
        notes=(HOSTILE,),
    )
