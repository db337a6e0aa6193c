"""`still_improving`: the curve was still getting better at its end."""

from __future__ import annotations

from overnight.results.health.course import Course
from overnight.results.health.finding import IMPROVING, Finding
from overnight.results.health.view import View

LITTLE, MUCH = 0.02, 0.08  # gain in the last fifth, as a part of all that was gained
IN_ORDER, CHANCE = -0.3, -2.0
FEW = 8  # values in the last half with which nothing is far from chance: then nearly all must fall
ALL_FALL = -0.66
RESTING = 0.45  # confidence where the last tenth gained hardly anything


def finding(view: View, course: Course) -> Finding | None:
    count = min(course.n, 400) // 2
    enough = course.order <= ALL_FALL if count < FEW else course.sureness <= CHANCE
    if not course.has_learned or course.late < LITTLE or course.order > IN_ORDER or not enough:
        return None
    sure = 0.45 + 0.45 * min(1.0, (course.late - LITTLE) / (MUCH - LITTLE))
    if course.has_braked:
        sure = min(sure, RESTING)
    return Finding(
        finding=IMPROVING,
        series=view.name,
        split=view.split,
        at=float(view.at[-1]),
        confidence=round(sure, 3),
        evidence={
            "late_gain": course.late,
            "half_gain": course.half,
            "order": course.order,
            "last": float(view.sign * view.y[-1]),
        },
        sentence=(
            f"{view.label} was still improving at the end: the last fifth brought "
            f"{100 * course.late:.2g} % of all it gained"
        ),
    )
