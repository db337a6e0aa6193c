"""Trainings that exist only as the times of their signs, healthy or hung. Seeded.

A run is a list of `Gap`s: silence, then a sign. What a supervisor sees is rounded up to its looks,
once a second, and steps within one look are seen together.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import NamedTuple

from overnight.node import patience, seeing

LOOK_S = 1.0
PAUSE_TIMES = 20.0  # an evaluation or a checkpoint takes at most so many steps
SMALL_FLOORS = seeing.DEFAULT._replace(floor_s=2.0, pause_floor_s=6.0)


class Gap(NamedTuple):
    """Silence of `seconds` and the sign that ends it. `busy`: whether the processes work in it."""

    seconds: float
    sign: patience.Sign
    busy: bool
    phase: str


class Training(NamedTuple):
    """How a training goes. Times in seconds, periods in steps; 0 for never."""

    step_s: float
    jitter: float
    tail: float
    log_every: int
    micro_lines: int
    epoch_steps: int
    counts_epochs: bool
    epoch_s: float
    eval_every: int
    eval_s: float
    save_every: int
    save_s: float
    says_pauses: bool
    grows: bool
    pauses_work: bool
    setup_s: float
    compile_s: float
    steps: int


def invented(rng: random.Random) -> Training:
    step_s = 10 ** rng.uniform(-2, math.log10(120))
    epoch_steps = rng.choice([30, 60, 100, 1000])
    eval_every = rng.choice([0, epoch_steps, 20, 50, rng.randint(7, 90)])
    save_every = rng.choice([0, epoch_steps, 2 * epoch_steps, 50, 3 * (eval_every or 10)])
    return Training(
        step_s=step_s,
        jitter=rng.choice([0.0, 0.05, 0.2, 0.5]),
        tail=rng.choice([0.0, 0.0, 0.01]),
        log_every=rng.choice([1, 1, 1, 10]),
        micro_lines=rng.choice([0, 0, 0, 4]),
        epoch_steps=epoch_steps,
        counts_epochs=rng.random() < 0.5,
        epoch_s=step_s * rng.choice([0.0, 0.0, rng.uniform(0, 5)]),
        eval_every=eval_every,
        eval_s=step_s * rng.uniform(1, PAUSE_TIMES),
        save_every=save_every,
        save_s=step_s * rng.uniform(1, PAUSE_TIMES),
        says_pauses=rng.random() < 0.5,
        grows=rng.random() < 0.5,
        pauses_work=rng.random() < 0.8,
        setup_s=10 ** rng.uniform(0, math.log10(2400)),
        compile_s=step_s + rng.choice([0.0, rng.uniform(0, 1200)]),
        steps=rng.randint(40, 350),
    )


def gaps(plan: Training, rng: random.Random) -> Iterator[Gap]:
    """The whole run, as it is seen."""
    yield from seen_together(raw_gaps(plan, rng))


def raw_gaps(plan: Training, rng: random.Random) -> Iterator[Gap]:
    for part in (0.2, 0.5, 0.3):  # a few lines before the first step
        yield Gap(part * plan.setup_s, patience.Sign(0.0), rng.random() < 0.8, patience.SETUP)
    silent_s = plan.compile_s
    for step in range(1, plan.steps + 1):
        if step > 1:
            silent_s += step_time_s(plan, rng)
        for _ in range(plan.micro_lines):
            share_s = silent_s / (plan.micro_lines + 1)
            silent_s -= share_s
            yield Gap(share_s, sign_at(plan, step - 1, advanced=False), True, patience.STEP)
        pauses = list(pauses_after(plan, step))
        if step % plan.log_every == 0 or pauses:
            announced = pauses[0][0] if pauses and plan.says_pauses else None
            yield Gap(silent_s, sign_at(plan, step, announced=announced), True, patience.STEP)
            silent_s = 0.0
        for number, (phase, pause_s) in enumerate(pauses, 1):
            following = pauses[number][0] if number < len(pauses) and plan.says_pauses else None
            if phase == patience.CHECKPOINT and plan.grows:
                yield Gap(pause_s / 2, sign_at(plan, step, False, phase), True, phase)
                pause_s /= 2
            done = sign_at(plan, step, advanced=False, announced=following)
            if plan.says_pauses or following:
                yield Gap(pause_s, done, plan.pauses_work, phase)
            else:  # nothing tells of its end but the next step
                silent_s += pause_s


def step_time_s(plan: Training, rng: random.Random) -> float:
    factor = rng.lognormvariate(0.0, plan.jitter) if plan.jitter else 1.0
    if rng.random() < plan.tail:
        factor *= min(8.0, rng.paretovariate(1.5))
    return plan.step_s * factor


def pauses_after(plan: Training, step: int) -> Iterator[tuple[str, float]]:
    if plan.eval_every and step % plan.eval_every == 0:
        yield patience.EVALUATION, plan.eval_s
    if plan.save_every and step % plan.save_every == 0:
        yield patience.CHECKPOINT, plan.save_s
    if plan.epoch_s and step % plan.epoch_steps == 0:
        yield patience.STEP, plan.epoch_s


def sign_at(
    plan: Training, step: int, advanced: bool = True, announced: str | None = None
) -> patience.Sign:
    left = plan.epoch_steps - step % plan.epoch_steps if plan.counts_epochs else None
    spoken = announced if announced != patience.STEP else None
    return patience.Sign(0.0, advanced, step, left, spoken, has_loss=step > 0)


def seen_together(raw: Iterator[Gap]) -> Iterator[Gap]:
    """As looks once a second see it: the last sign of each, and the steps of all."""
    at, seen_at, advanced, busy = 0.0, 0.0, False, False
    for gap in raw:
        at += gap.seconds
        advanced, busy = advanced or gap.sign.advanced, busy or gap.busy
        look_at = math.ceil(at / LOOK_S) * LOOK_S
        if look_at > seen_at:
            sign = gap.sign._replace(at=look_at, advanced=advanced)
            yield Gap(look_at - seen_at, sign, busy, gap.phase)
            seen_at, advanced, busy = look_at, False, False


# -- what becomes of them ---------------------------------------------------------------------


class Outcome(NamedTuple):
    """`killed`: the gap in which a healthy run was ended, and its deadline."""

    signs: int
    killed: tuple[Gap, patience.Deadline] | None = None


def healthy(seed: int, settings: seeing.Settings) -> Outcome:
    """A run that is healthy to its end, watched with these settings."""
    rng = random.Random(seed)
    watch = patience.Patience(settings, 0.0)
    count = 0
    for gap in gaps(invented(rng), rng):
        if gap.seconds > settings.floor_s:
            deadline = watch.deadline(gap.busy)
            if deadline.limit_s is not None and gap.seconds > deadline.limit_s:
                return Outcome(count, (gap, deadline))
        watch.sign(gap.sign)
        count += 1
    return Outcome(count)


class Detection(NamedTuple):
    """A hang: what was waited, the floor that held there, and the longest silences before it.

    `limit_s` is None where it is never ended. `longest_s`: any silence since the first steps.
    """

    plan: Training
    spins: bool
    deadline: patience.Deadline
    floor_s: float
    longest_s: float

    @property
    def limit_s(self) -> float | None:
        return self.deadline.limit_s

    @property
    def ratio(self) -> float:
        """What was waited, in units of the interval learnt; 0 where a floor decided."""
        limit_s = self.limit_s or 0.0
        return 0.0 if limit_s <= self.floor_s else (limit_s + LOOK_S) / self.deadline.learned_s


def hung(seed: int, settings: seeing.Settings) -> Detection:
    """A run that stops somewhere for ever: with the processes asleep, or spinning."""
    rng = random.Random(seed)
    plan = invented(rng)
    listed = list(gaps(plan, rng))
    at = rng.randrange(len(listed))
    watch = patience.Patience(settings, 0.0)
    longest_s = 0.0
    for gap in listed[:at]:
        watch.sign(gap.sign)
        if watch.phase != patience.SETUP:
            longest_s = max(longest_s, gap.seconds)
    spins = watch.phase != patience.SETUP and rng.random() < 0.5
    deadline = watch.deadline(spins)
    return Detection(plan, spins, deadline, floor_of(settings, deadline, watch), longest_s)


def floor_of(
    settings: seeing.Settings, deadline: patience.Deadline, watch: patience.Patience
) -> float:
    if deadline.phase == patience.SETUP:
        return settings.setup_floor_s
    floor_s = settings.setup_floor_s if watch.is_early() else settings.pause_floor_s
    return max(floor_s, settings.pause_floor_steps * watch.pace_s())
