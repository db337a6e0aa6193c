"""Which waiting runs start now, and on which GPUs. Pure: the same for one server and for many.

    decision = decide(waiting, running, hosts, now)
    for start in decision.starts: ...

`values` are the words, `order` says who comes before whom, `cards` and `board` what is free and
when the rest will be, `deciding` puts runs onto the board, `failures` remembers who found no place,
`forecasting` plays it forward.
"""

from __future__ import annotations

from overnight.node.queueing.deciding import decide
from overnight.node.queueing.forecasting import forecast
from overnight.node.queueing.order import in_order
from overnight.node.queueing.values import (
    FAIR_STEP_S,
    Decision,
    Gpu,
    Host,
    Reservation,
    Running,
    Start,
    Waiting,
)

__all__ = [
    "FAIR_STEP_S",
    "Decision",
    "Gpu",
    "Host",
    "Reservation",
    "Running",
    "Start",
    "Waiting",
    "decide",
    "forecast",
    "in_order",
]
