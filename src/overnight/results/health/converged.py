"""`converged`: the curve learnt, and has come to rest."""

from __future__ import annotations

from overnight.results.health.course import Course
from overnight.results.health.finding import CONVERGED, Finding
from overnight.results.health.view import View

LATE, HALF = 0.03, 0.15  # a larger gain in the last fifth or half is no rest
WORSE = -0.06
BRAKED = 0.5  # confidence where it gained until shortly before the end
LOUD = 0.12  # noise, as a part of what was gained, in which no rest can be seen


def finding(view: View, course: Course) -> Finding | None:
    if not course.has_learned or course.noise > LOUD:
        return None
    if course.has_braked and course.late >= LATE:
        return _finding(view, course, BRAKED)
    if not WORSE < course.late < LATE or course.half > HALF:
        return None
    strain = max(abs(course.late) / LATE, course.half / HALF, course.noise / LOUD)
    return _finding(view, course, round(0.9 - 0.45 * min(1.0, strain), 3))


def _finding(view: View, course: Course, sure: float) -> Finding:
    return Finding(
        finding=CONVERGED,
        series=view.name,
        split=view.split,
        at=course.flat_at,
        confidence=sure,
        evidence={
            "final_gain": course.final,
            "late_gain": course.late,
            "half_gain": course.half,
            "noise": course.noise,
            "end": view.sign * course.end,
        },
        sentence=(
            f"{view.label} has converged to {view.sign * course.end:.4g}: the last tenth brought "
            f"{100 * course.final:.2g} % of all it gained"
        ),
    )
