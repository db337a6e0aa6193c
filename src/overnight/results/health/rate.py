"""`learning_rate_high`: the run ended with a learning rate near its highest."""

from __future__ import annotations

from collections.abc import Sequence

from overnight.results.health.finding import IMPROVING, NOISY, RATE, Finding
from overnight.results.health.view import View, is_rate

FEWEST = 5
HIGH = 0.5
ALONE, WITH_REASON = 0.4, 0.65


def findings(views: Sequence[View], others: Sequence[Finding]) -> list[Finding]:
    """`others`: a curve that still moves or is noisy makes a lower rate more promising."""
    rates = [each for each in views if is_rate(each.name) and each.finite.size >= FEWEST]
    if not rates:
        return []
    view = rates[0]
    values = view.value[view.finite]
    last, most = float(values[-1]), float(values.max())
    if most <= 0 or last < HIGH * most:
        return []
    has_reason = any(e.finding in (IMPROVING, NOISY) and e.is_asserted for e in others)
    return [
        Finding(
            finding=RATE,
            series=view.name,
            split=view.split,
            at=float(view.at[-1]),
            confidence=WITH_REASON if has_reason else ALONE,
            evidence={"last": last, "highest": most},
            sentence=(
                f"the learning rate ended at {last:.3g}, {100 * last / most:.0f} % of its highest: "
                "a decay at the end often brings more"
            ),
        )
    ]
