"""Made-up training curves of which the truth is known. Seeded; numpy only.

A run has a training loss, a validation loss and mostly a validation accuracy. What it is called is
computed from its true means, before any noise is laid over them (`truth_of`):

- `diverged`: the mean of the training loss is, in at least the last tenth and the last 4 values,
  above 1.5 times its start, or has lost again at least 80 % of what it had gained;
- `nan`: the training loss is not finite from some step on, in at least its last 3 values;
- `overfit`: the mean of the validation loss ends above its minimum by at least 12 % of its fall,
  2 % of its level and two standard deviations of the noise, while the mean of the training loss
  goes on down by at least 4 % of its fall;
- `plateau`: after the middle of the run the mean of the validation (or training) loss gains less
  than 0.5 % of its whole fall.

What lies between these and their opposite (no rise above 0.5 % of the fall and a tenth of the
noise; a gain of more than 6 % in the second half) is `open`: it is counted neither way.

No mean is made by the rules that the judgement uses: falls are exponentials, power laws, logistic
steps, cosine schedules; rises are straight lines, parabolas, logarithms, hyperbolas.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from overnight.results.series import Series

Floats = NDArray[np.float64]
COUNTS = (10, 16, 25, 50, 100, 200, 500, 2_000, 10_000)
MANY = 100_000  # values of one run in fifty
NOISES = (0.002, 0.01, 0.03, 0.08)  # of the fall


@dataclass(frozen=True, kw_only=True, eq=False)
class Made:
    """A run, what it is (a subset of diverged, nan, overfit, plateau), and what is left open."""

    family: str
    truth: frozenset[str]
    open: frozenset[str] = frozenset()
    series: tuple[Series, ...]


def made(seed: int, count: int) -> Iterator[Made]:
    """`count` runs of each family."""
    for number, (name, family) in enumerate(FAMILIES.items()):
        for each in range(count):
            random = np.random.default_rng((seed, number, each))
            yield family(name, random)


def series(
    name: str, value: Floats, x: Floats, *, split: str, goal: str | None, by: str = "step"
) -> Series:
    n = value.size
    untold = np.full(n, np.nan)
    return Series(
        name=name if split == "train" else f"{split}_{name}",
        written=name if split == "train" else f"{split}_{name}",
        split=split,
        goal=goal,
        value=value,
        step=x if by == "step" else untold,
        epoch=x if by == "epoch" else untold,
        time=untold,
        line=np.arange(1, n + 1),
        file=np.zeros(n, np.int16),
        files=("made",),
        attempt=np.zeros(n, np.int16),
        is_repeated=np.zeros(n, np.bool_),
    )


def size(random: Generator) -> int:
    return MANY if random.random() < 0.02 else int(random.choice(COUNTS))


def power(t: Floats, random: Generator) -> Floats:
    """A power law from 1 at t=0 to a value that is still falling at t=1."""
    return (1 + t * random.uniform(5, 60)) ** -random.uniform(0.4, 1.0)


def exponential(t: Floats, random: Generator) -> Floats:
    return np.exp(-t * random.uniform(3, 9))


def steps(t: Floats, random: Generator) -> Floats:
    """A schedule that divides the learning rate twice: two sudden falls."""
    drops = sum(
        height / (1 + np.exp(-np.clip((t - at) * 120, -60, 60)))
        for at, height in ((0.5, random.uniform(0.1, 0.25)), (0.75, random.uniform(0.03, 0.08)))
    )
    return 0.4 * np.exp(-t * random.uniform(8, 20)) + 0.6 - drops


def cosine(t: Floats, random: Generator) -> Floats:
    return random.uniform(0.5, 0.7) * np.exp(-t * random.uniform(6, 15)) + 0.3 * 0.5 * (
        1 + np.cos(np.pi * t)
    )


def warm(t: Floats, random: Generator) -> Floats:
    """Hardly anything while the rate warms up, then an exponential."""
    late = np.maximum(0.0, t - random.uniform(0.03, 0.1))
    return np.exp(-late * random.uniform(4, 10))


FALLS: tuple[Callable[[Floats, Generator], Floats], ...] = (power, exponential, steps, cosine, warm)


def fall(t: Floats, random: Generator) -> Floats:
    return FALLS[int(random.integers(len(FALLS)))](t, random)


def scaled(random: Generator) -> tuple[float, float]:
    """(height of the fall, floor): losses of language models, of classifiers, of regressions."""
    height = 10 ** random.uniform(-3, 1)
    return height, height * random.choice([0.0, 0.02, 0.3, 1.0, 3.0])  # 3: smoothed labels


def noisy(mean: Floats, height: float, noise: float, random: Generator) -> Floats:
    """With noise of one kind: normal, skewed as of small batches, with far outliers, in streaks
    (each value keeps half of the last one's), or in proportion to what is still to be gained.
    """
    kind = int(random.integers(5))
    drawn = random.normal(size=mean.size)
    if kind == 1:
        drawn = random.gamma(4.0, 0.5, mean.size) - 2.0
    elif kind == 2:
        drawn = random.standard_t(3, mean.size) / np.sqrt(3.0)
    elif kind == 3:
        for place in range(1, mean.size):
            drawn[place] = 0.5 * drawn[place - 1] + np.sqrt(0.75) * drawn[place]
    elif kind == 4 and np.isfinite(mean).all():
        above = np.minimum(mean - mean.min(), height) / height
        drawn *= 0.2 + 0.8 * above
    return mean + height * noise * drawn


def axes(n: int, random: Generator) -> tuple[Floats, Floats, str]:
    """The axis of the training and that of the validation, which comes every k values."""
    every = int(random.choice([1, 1, 2, 5, 10]))
    every = min(every, max(1, n // 10))
    train = np.arange(1.0, n * every + 1)
    by = "epoch" if every == 1 and n <= 500 else "step"
    return train, train[every - 1 :: every], by


def run(
    family: str,
    *,
    random: Generator,
    train: Callable[[Floats], Floats],
    val: Callable[[Floats], Floats],
    noise: float | None = None,
    n: int | None = None,
    accuracy: Callable[[Floats], Floats] | None = None,
) -> Made:
    """`train` and `val` are the true means over t in (0, 1], falling by about 1 above a floor.

    Half of the runs have an accuracy that follows the validation loss, or `accuracy`.
    """
    train_x, val_x, by = axes(size(random) if n is None else n, random)
    height, floor = scaled(random)
    noise = float(random.choice(NOISES)) if noise is None else noise
    means = train(train_x / train_x[-1]), val(val_x / val_x[-1])
    truth, unsaid = truth_of(*means, noise, 1.1 * floor / height)
    losses = noisy(floor + height * means[0], height, 1.5 * noise, random)
    checked = noisy(floor * 1.1 + height * means[1], height, noise, random)
    found = [
        series("loss", losses, train_x, split="train", goal="min", by=by),
        series("loss", checked, val_x, split="val", goal="min", by=by),
    ]
    if accuracy or random.random() < 0.5:
        mean = 0.95 - 0.8 * (accuracy or val)(val_x / val_x[-1])
        found.append(
            series("acc", noisy(mean, 0.8, noise, random), val_x, split="val", goal="max", by=by)
        )
    return Made(family=family, truth=truth, open=unsaid, series=tuple(found))


def truth_of(
    train: Floats, val: Floats, noise: float, floor: float
) -> tuple[frozenset[str], frozenset[str]]:
    """What the means say, and what they leave open; `noise` is the standard deviation."""
    truth, unsaid = set(), set()
    if is_lost(train):
        return frozenset({"diverged"}), frozenset({"overfit", "plateau"})
    if is_lost(train, part=0.4, times=1.1, few=1):
        unsaid.add("diverged")
    place = int(np.argmin(val))
    rise, fell = val[-1] - val[place], val[0] - val[place]
    since = train[int(place * train.size / val.size) :]
    went_on = since[0] - since[-1] >= 0.04 * np.ptp(train)
    if rise >= max(0.12 * fell, 0.02 * (floor + val[place]), 2 * noise) and went_on:
        truth.add("overfit")
    elif rise > max(0.005 * fell, noise / 10):
        unsaid.add("overfit")
    gains = [late_gain(train), late_gain(val)]
    if min(gains) < 0.005:
        truth.add("plateau")
    elif min(gains) < 0.06:
        unsaid.add("plateau")
    if truth & {"overfit"} or "overfit" in unsaid:
        unsaid.add("plateau")
    return frozenset(truth - unsaid), frozenset(unsaid)


def is_lost(mean: Floats, part: float = 0.8, times: float = 1.5, few: int = 4) -> bool:
    gone = mean > times * abs(mean[0]) + 1e-12
    gone |= mean >= mean.min() + part * (mean[0] - mean.min())
    after = np.arange(mean.size) > int(np.argmin(mean))
    return bool((gone & after)[-max(few, mean.size // 10) :].all())


def late_gain(mean: Floats) -> float:
    """What is gained after the middle, as a part of the whole fall."""
    middle = mean[mean.size // 2]
    return float((middle - mean.min()) / max(mean[0] - mean.min(), 1e-12))


def falling(family: str, random: Generator) -> Made:
    """Both fall throughout; the validation less."""
    seed = int(random.integers(1 << 31))

    def mean(t: Floats) -> Floats:
        return fall(t, np.random.default_rng(seed))

    kept = random.uniform(0.6, 1.0)
    return run(family, random=random, train=mean, val=lambda t: 1 - kept + kept * mean(t))


def resting(family: str, random: Generator) -> Made:
    """The validation falls to a floor in the course of the run; the training goes on a little."""
    speed = random.uniform(5, 7)
    slow = random.uniform(0.0, 0.1)
    return run(
        family,
        random=random,
        train=lambda t: np.exp(-speed * t) - slow * t,
        val=lambda t: np.exp(-speed * t),
    )


def gapped(family: str, random: Generator) -> Made:
    """The training goes on down, the validation rests early and rises by nothing."""
    speed = random.uniform(8, 20)
    return run(
        family,
        random=random,
        train=lambda t: 0.7 * np.exp(-speed * t) + 0.3 * (1 - t),
        val=lambda t: np.exp(-np.maximum(speed, 12.0) * t),
    )


def descending_twice(family: str, random: Generator) -> Made:
    """Double descent: the validation rises in the middle and ends below all it was before."""
    high = random.uniform(0.1, 0.3)

    def val(t: Floats) -> Floats:
        return 0.4 * np.exp(-12 * t) + 0.35 * (1 - t) + high * np.exp(-(((t - 0.4) / 0.1) ** 2))

    return run(family, random=random, train=lambda t: np.exp(-6 * t), val=val, n=_some(random))


def _some(random: Generator) -> int:
    return int(random.choice([25, 50, 100, 200, 500, 2_000]))


def spiked(family: str, random: Generator) -> Made:
    """Falls, with a few single values far above: no divergence."""
    made_up = falling(family, random)
    loss = made_up.series[0]
    places = random.choice(loss.value.size, size=max(1, loss.value.size // 200), replace=False) + 1
    loss.value[places[places < loss.value.size - 1]] *= random.uniform(3, 30)
    return made_up


def worsening(family: str, random: Generator) -> Made:
    """Overfitting: after its best at `turn`, the mean of the validation rises by `rise`."""
    noise = float(random.choice(NOISES))
    n = int(random.choice(COUNTS))
    turn = random.uniform(0.1, 0.6)
    rise = max(random.uniform(0.12, 1.5), 2 * noise) + (3 * noise if n < 20 else 0)
    kind = int(random.integers(4))

    def val(t: Floats) -> Floats:
        late = np.clip((t - turn) / (1 - turn), 0, None)
        shapes = (late, late**2, np.log1p(9 * late) / np.log(10), late / (0.2 + late) * 1.2)
        return np.exp(-6 * np.minimum(t / turn, 1) * 1.0) + rise * shapes[kind]

    return run(
        family,
        random=random,
        train=lambda t: 0.5 * np.exp(-10 * t) + 0.5 * (1 - t) ** 1.2,
        val=val,
        noise=noise,
        n=n,
    )


def overconfident(family: str, random: Generator) -> Made:
    """Overfitting of loss and accuracy alike."""
    turn, rise = random.uniform(0.2, 0.6), random.uniform(0.2, 1.0)

    def val(t: Floats) -> Floats:
        return np.exp(-5 * np.minimum(t / turn, 1)) + rise * np.clip((t - turn) / (1 - turn), 0, 1)

    return run(
        family,
        random=random,
        train=lambda t: np.exp(-3 * t),
        val=val,
        noise=float(random.choice(NOISES[:2])),
        n=_some(random),
        accuracy=lambda t: 0.1 + 0.7 * val(t),
    )


def flat_soon(family: str, random: Generator) -> Made:
    """All is gained in the first half at the latest."""
    speed = random.uniform(14, 40)
    n = int(random.choice([16, 25, 50, 100, 200, 500, 2_000, 10_000]))
    return run(
        family,
        random=random,
        train=lambda t: np.exp(-speed * t),
        val=lambda t: np.exp(-speed * t),
        n=n,
    )


def stuck(family: str, random: Generator) -> Made:
    """Never learns: noise about one level."""
    height, floor = scaled(random)
    x = np.arange(1.0, _some(random) + 1)
    value = floor + height * (1 + 0.02 * random.normal(size=x.size))
    found = (series("loss", value, x, split="train", goal="min"),)
    return Made(family=family, truth=frozenset({"plateau"}), series=found)


def blown(family: str, random: Generator) -> Made:
    """The loss grows without bound from some step on."""
    began, rate = random.uniform(0.3, 0.8), random.uniform(3, 30)

    def mean(t: Floats) -> Floats:
        grown = np.expm1(np.minimum(rate * np.clip(t - began, 0, None) / (1 - began), 300))
        return np.exp(-5 * t) + 4 * grown / np.expm1(3.0)

    return run(family, random=random, train=mean, val=mean, n=_some(random))


def collapsed(family: str, random: Generator) -> Made:
    """The loss jumps back to where it began, or above, and stays there."""
    at, level = random.uniform(0.3, 0.85), random.uniform(0.9, 2.0)

    def mean(t: Floats) -> Floats:
        return np.where(t < at, np.exp(-6 * t), level)

    return run(family, random=random, train=mean, val=mean, n=_some(random))


def drifting(family: str, random: Generator) -> Made:
    """The loss climbs slowly from some step on until it is far above its start."""
    began, high = random.uniform(0.1, 0.5), random.uniform(1.6, 5.0)

    def mean(t: Floats) -> Floats:
        return np.exp(-8 * np.minimum(t, began)) + high * np.clip((t - began) / (1 - began), 0, 1)

    return run(family, random=random, train=mean, val=mean, n=_some(random))


def dead(family: str, random: Generator) -> Made:
    """NaN, or infinity and then NaN, from some step until the end."""
    made_up = falling(family, random)
    at = random.uniform(0.05, 0.9)
    for each in made_up.series:
        first = min(int(at * each.value.size), each.value.size - 3)
        each.value[first:] = np.nan
        if random.random() < 0.3:
            each.value[first] = np.inf
    return Made(family=family, truth=frozenset({"nan"}), series=made_up.series)


def uncomputed(family: str, random: Generator) -> Made:
    """A healthy run with a column that was never computed."""
    made_up = falling(family, random)
    loss = made_up.series[0]
    column = series("iou", np.full(loss.value.size, np.nan), loss.x, split="val", goal="max")
    return replace(made_up, series=(*made_up.series, column))


FAMILIES: dict[str, Callable[[str, Generator], Made]] = {
    "falling": falling,
    "resting": resting,
    "gapped": gapped,
    "double descent": descending_twice,
    "spiked": spiked,
    "column never computed": uncomputed,
    "overfit": worsening,
    "overfit, with accuracy": overconfident,
    "plateau": flat_soon,
    "never learns": stuck,
    "blown up": blown,
    "collapsed": collapsed,
    "drifting away": drifting,
    "dead": dead,
}
