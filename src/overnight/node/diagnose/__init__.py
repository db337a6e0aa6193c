"""What an attempt is taken for: from its log, and from what else is known of its end. Pure.

    log = Log.of_file(path)
    failure = diagnose(log, Seen(exit_code=1))

`log` reads a bounded part of the output, `tracebacks` and `rules` find what was raised and
printed, one module per subject holds the rules, `verdict` weighs what was found.
"""

from __future__ import annotations

from overnight.node.diagnose.log import Line, Log
from overnight.node.diagnose.seen import Seen
from overnight.node.diagnose.verdict import (
    diagnose,
    has_progress,
    not_started,
    speaks_of_memory,
)

__all__ = ["Line", "Log", "Seen", "diagnose", "has_progress", "not_started", "speaks_of_memory"]
