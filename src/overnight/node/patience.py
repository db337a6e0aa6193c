"""How long a training may stay silent. Pure: learns from signs of progress, time is an argument.

A sign is a step forward, new output, or outputs that have grown. Between two signs there is
silence. How long silences last is learnt apart for each phase:

setup        until there is a rhythm: steps with a loss, or signs over a long time
step         the ordinary silence between two steps, and unannounced pauses among them
evaluation   after output that speaks of an evaluation, until the next step
checkpoint   after output that speaks of saving, until the next step
ending       after the last step of all

The first silences of a rhythm are left out: they hold compilation and the filling of caches. An
evaluation that nobody has seen yet may come at any time, so one floor is counted in steps. The
short deadline of an ordinary step holds only where the pauses so far show that here is no
place for one, and while the processes do nothing at all.
"""

from __future__ import annotations

import math
from collections import deque
from functools import reduce
from typing import Any, Iterable, NamedTuple, Sequence

from overnight.node import seeing

SETUP = "setup"
STEP = "step"
EVALUATION = "evaluation"
CHECKPOINT = "checkpoint"
ENDING = "ending"

LEFT_OUT = 3
FEW = 5
RECENT = 64
PAUSES = 32
LONG = 4.0  # a silence so many times the usual one is a pause
LOOK_S = 2.0  # steps nearer to each other than this are seen together
PROVEN_PAUSES = 5
GRID = 4  # pauses on a grid so many signs wide are periodic


class Sign(NamedTuple):
    """One sign of progress at the moment `at` (s).

    `axis`: steps since the start. `left`: steps left in the epoch, or in the training where
    steps run through. `finished`: nothing is left of the training itself. `has_loss`: a training
    loss was seen already.
    """

    at: float
    advanced: bool = False
    axis: int | None = None
    left: int | None = None
    announced: str | None = None
    finished: bool = False
    has_loss: bool = False


class Deadline(NamedTuple):
    """`learned_s` is the interval that the limit is made of, 0 where none was learnt.

    `limit_s` is None where silence is no reason to end anything.
    """

    phase: str
    learned_s: float
    limit_s: float | None


class Patience:
    """The rhythm of one attempt. `prior_setup_s`: the longest silence of an earlier set-up."""

    def __init__(self, settings: seeing.Settings, began: float, prior_setup_s: float = 0.0) -> None:
        self.settings = settings
        self.phase = SETUP
        self.setup_s = prior_setup_s
        self._began = self._last_at = began
        self._advanced_at: float | None = None
        self._last: Sign | None = None
        self._has_rhythm = False
        self._learned = 0
        self._paces: deque[float] = deque(maxlen=RECENT)
        self._spacings: deque[int] = deque(maxlen=RECENT)
        self._silences: deque[float] = deque(maxlen=RECENT)
        self._pauses: deque[tuple[float, int | None]] = deque(maxlen=PAUSES)
        self._deadlines: dict[bool | None, Deadline] = {}  # as long as nothing new is learnt
        self._announced: dict[str, deque[float]] = {
            name: deque(maxlen=PAUSES) for name in (EVALUATION, CHECKPOINT)
        }

    def silent_s(self, now: float) -> float:
        return max(0.0, now - self._last_at)

    def sign(self, sign: Sign) -> None:
        self._deadlines.clear()
        self._learn(self.silent_s(sign.at))
        if sign.advanced:
            self._learn_pace(sign)
        self._has_rhythm = self._has_rhythm or self._is_rhythm(sign)
        self.phase = self._phase_after(sign)
        self._last_at = max(sign.at, self._last_at)
        self._last = sign

    def _is_rhythm(self, sign: Sign) -> bool:
        """Lines and counters of the preparation of data are none; a loss, or time, tells."""
        trains = sign.has_loss and len(self._paces) > 0
        return trains or self._last_at - self._began >= self.settings.setup_floor_s

    def _phase_after(self, sign: Sign) -> str:
        if not self._has_rhythm:
            return SETUP
        if sign.announced is not None:
            return sign.announced
        if sign.finished:
            return ENDING
        return STEP if sign.advanced or self.phase == SETUP else self.phase

    # -- learning ---------------------------------------------------------------------------

    def _learn(self, silence_s: float) -> None:
        if self.is_early():
            self.setup_s = max(self.setup_s, silence_s)
        if not self._has_rhythm:
            return
        self._learned += 1
        if self._learned <= LEFT_OUT:
            return
        if self.phase in self._announced:
            self._announced[self.phase].append(silence_s)
            return
        if len(self._silences) >= FEW and silence_s > LONG * median(self._silences):
            self._pauses.append((silence_s, self._last.axis if self._last else None))
        self._silences.append(silence_s)

    def is_early(self) -> bool:
        """The rhythm is so young that the next step may still be held up as in the set-up."""
        return len(self._silences) < FEW

    def _learn_pace(self, sign: Sign) -> None:
        """Seconds from one step seen to the next; steps seen together are told apart."""
        before, self._advanced_at = self._advanced_at, sign.at
        if before is None or sign.at <= before:
            return
        pace_s, steps = sign.at - before, 1
        if sign.axis is not None and self._last is not None and self._last.axis is not None:
            steps = max(1, sign.axis - self._last.axis)
        self._spacings.append(steps)
        self._paces.append(pace_s / steps if pace_s <= LOOK_S else pace_s)

    def pace_s(self) -> float:
        """What a step takes, as far as it is seen; 0 where none was."""
        return median(self._paces) if self._paces else 0.0

    def _usual_s(self) -> float:
        """The longest of the recent silences that were no pauses."""
        border_s = LONG * median(self._silences)
        return max(each for each in self._silences if each <= border_s)

    def _pause_s(self) -> float:
        return max((each for each, _ in self._pauses), default=0.0)

    # -- deciding ---------------------------------------------------------------------------

    def deadline(self, busy: bool | None) -> Deadline:
        """`busy`: whether the processes do anything at all; None where that is not known."""
        if busy not in self._deadlines:
            self._deadlines[busy] = self._deadline(busy)
        return self._deadlines[busy]

    def _deadline(self, busy: bool | None) -> Deadline:
        floors = self.settings
        if self.phase == SETUP:
            limit_s = self._limited(floors.setup_floor_s, self.setup_s)
            return Deadline(SETUP, self.setup_s, limit_s if busy is False else floors.mute_s)
        if self.phase == STEP and busy is False and self._is_no_place_for_a_pause():
            learned_s = self._usual_s()
            return Deadline(STEP, learned_s, self._limited(floors.floor_s, learned_s))
        learned_s = self._longest_s()
        floor_s = floors.pause_floor_s
        if self.phase == ENDING and busy is not False:
            floor_s = floors.ceiling_s
        elif self.phase == ENDING or self.is_early():
            floor_s = floors.setup_floor_s
        floor_s = max(floor_s, floors.pause_floor_steps * self.pace_s())
        return Deadline(self.phase, learned_s, self._limited(floor_s, learned_s))

    def _longest_s(self) -> float:
        """Of the announced phase where that was seen before, else of any silence."""
        known: Sequence[float] = self._announced.get(self.phase) or ()
        if len(known) > 1:
            return max(known)
        early_s = self.setup_s if self.is_early() else 0.0
        usual_s = self._usual_s() if self._silences else 0.0
        return max(*known, usual_s, self._pause_s(), early_s)

    def _limited(self, floor_s: float, learned_s: float) -> float:
        wanted_s = max(floor_s, self.settings.factor * learned_s)
        return min(wanted_s, max(self.settings.ceiling_s, 2.0 * learned_s))

    def _is_no_place_for_a_pause(self) -> bool:
        """Whether all pauses lie on a grid of steps, and the last step seen lies off it."""
        places = sorted({place for _, place in self._pauses if place is not None})
        last = self._last
        if len(places) < PROVEN_PAUSES or last is None or last.axis is None:
            return False
        spacing = int(median(self._spacings))
        grid = common_divisor(after - before for before, after in zip(places, places[1:]))
        if grid < GRID * spacing or (last.left is not None and last.left <= spacing):
            return False
        offset = (last.axis - places[-1]) % grid
        return min(offset, grid - offset) > spacing

    def to_dict(self, now: float, busy: bool | None) -> dict[str, Any]:
        """For the heartbeat."""
        deadline = self.deadline(busy)
        limit_s = deadline.limit_s
        return {
            "phase": deadline.phase,
            "silent_s": round(self.silent_s(now), 1),
            "learned_s": round(deadline.learned_s, 3),
            "limit_s": None if limit_s is None else round(limit_s, 1),
            "setup_s": round(self.setup_s, 1),
        }


def median(values: Iterable[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def common_divisor(numbers: Iterable[int]) -> int:
    return reduce(math.gcd, numbers, 0)
