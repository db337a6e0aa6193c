"""`plateau`: long since, nothing useful was gained, and nothing is to be expected."""

from __future__ import annotations

from overnight.results.health.course import LITTLE, Course
from overnight.results.health.finding import PLATEAU, Finding
from overnight.results.health.view import View

LATEST = 0.62  # the flat part begins before this part of the run
LONG = 0.35
HALF = 0.06  # gained in the last half, as a part of all: that is no plateau
FAR_AHEAD = 2.0  # the pace of the last fifth says nothing about more than that
MOVES, MUCH = -0.15, 0.2  # an order, or a gain, that is more than noise makes of a rest
LEARNS, WORSENS, FAR = -5.0, 4.0, 4.0  # deviations from chance; deviations from the start
NEVER = 0.6  # confidence where the curve never learnt


def finding(view: View, course: Course, remaining: float | None) -> Finding | None:
    if not course.has_learned:
        return _never(view, course)
    to_come = expected(course, remaining)
    moves = course.order < MOVES and (to_come > 2 * LITTLE or course.half > HALF)
    if course.flat > LATEST + 1 / course.n or moves or max(to_come, course.half) > MUCH:
        return None
    sure = 0.5 + 0.4 * min(1.0, (LATEST - course.flat) / (LATEST - LONG))
    evidence: dict[str, float | str | bool] = {
        "flat_part": 1 - course.flat,
        "late_gain": course.late,
        "half_gain": course.half,
    }
    told = ""
    if remaining:
        evidence["expected_gain"] = to_come
        told = f"; what remains is expected to bring {100 * max(0.0, to_come):.2g} %"
    return Finding(
        finding=PLATEAU,
        series=view.name,
        split=view.split,
        at=course.flat_at,
        confidence=round(sure, 3),
        evidence=evidence,
        sentence=f"{view.label} has gained nothing useful since {course.flat_at:g}{told}",
    )


def expected(course: Course, remaining: float | None) -> float:
    """The gain in what remains at the pace of the last fifth, as a part of all gained so far."""
    return course.late * 5 * min(remaining, FAR_AHEAD) if remaining else course.late


def _never(view: View, course: Course) -> Finding | None:
    """Noise about one level, from the first value to the last."""
    if course.n < 10 or not LEARNS < course.learning < WORSENS:
        return None
    if abs(course.reach) > FAR * course.noise * course.scale:
        return None
    return Finding(
        finding=PLATEAU,
        series=view.name,
        split=view.split,
        at=float(view.at[0]),
        confidence=NEVER,
        evidence={"flat_part": 1.0, "order": course.order, "end": view.sign * course.end},
        sentence=f"{view.label} has not learnt: it ends as it began: {view.sign * course.end:.4g}",
    )
