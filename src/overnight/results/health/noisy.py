"""`noisy`: the steps from value to value are large beside all that was gained."""

from __future__ import annotations

from overnight.results.health.course import Course
from overnight.results.health.finding import NOISY, Finding
from overnight.results.health.view import View

LITTLE, MUCH = 0.03, 0.15  # median step from value to value, as a part of what was gained
OF_JITTER = 0.25  # less noise than this part of the steps, and they are those of a trend
CLEAR = -6.0  # in deviations from chance: such a trend is seen through any noise


def finding(view: View, course: Course) -> Finding | None:
    if course.jitter < LITTLE or course.noise < OF_JITTER * course.jitter:
        return None
    if course.sureness < CLEAR:
        return None
    sure = 0.48 + 0.4 * min(1.0, (course.jitter - LITTLE) / (MUCH - LITTLE))
    return Finding(
        finding=NOISY,
        series=view.name,
        split=view.split,
        at=None,
        confidence=round(sure, 3),
        evidence={"jitter": course.jitter, "n": course.n, "order": course.order},
        sentence=(
            f"{view.label} is noisy: each value differs from the one before by "
            f"{100 * course.jitter:.2g} % of all it gained, so single values tell little"
        ),
    )
