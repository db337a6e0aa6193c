"""The diagnosis of a log by itself: the same rules that repair a run on the server."""

from __future__ import annotations

import signal
from typing import Any

from overnight.node import diagnose, policy

SIGNALS = {name.name: int(name) for name in signal.Signals}

read_file = diagnose.Log.of_file
read_bytes = diagnose.Log.of_bytes
read_stream = diagnose.Log.of_stream


def of(
    log: diagnose.Log,
    *,
    exit_code: int | None = None,
    killed_by: int | None = None,
    silent_s: float | None = None,
) -> dict[str, Any]:
    """class, confidence, evidence, facts, and what the default policy would do."""
    seen = diagnose.Seen(exit_code=exit_code, signal=killed_by, last_output_age_s=silent_s)
    found = diagnose.diagnose(log, seen)
    return {
        "class": found.kind,
        "confidence": found.confidence,
        "evidence": found.evidence,
        "facts": found.facts,
        "repair": policy.default_action(found.kind, has_progress=diagnose.has_progress(log)),
    }


def signal_number(word: str) -> int | None:
    """9, KILL and SIGKILL alike; None for what is no signal."""
    name = word.strip().upper()
    if name.isdigit():
        return int(name) if int(name) in SIGNALS.values() else None
    return SIGNALS.get(name if name.startswith("SIG") else f"SIG{name}")
