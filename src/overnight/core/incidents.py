"""Incidents: every failure of a run, what was done about it, and how that ended. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

WENT_ON, RESUMED = "went on", "resumed"
FAILED, STOPPED, WAITS, UNDER_WAY = "failed", "stopped", "waits", "under way"
ENDINGS = {"failed": FAILED, "stopped": STOPPED, "decision_needed": WAITS, "finished": WENT_ON}


@dataclass(frozen=True, kw_only=True)
class Incident:
    """One failure. `kind` and `confidence` are None where there was nothing to diagnose.

    `repair`: what was changed for the next attempt, "" where nothing was. `ended`: "went on" (by
    itself), "resumed" (by a person), "failed", "waits" (for a decision), "stopped", "under way".
    """

    run: str
    at: float
    attempt: int
    kind: str | None
    confidence: float | None
    summary: str
    repair: str = ""
    ended: str = UNDER_WAY

    def to_json(self) -> dict[str, Any]:
        value = {name: getattr(self, name) for name in self.__dataclass_fields__}
        value["class"] = value.pop("kind")
        return value


def of_run(run: str, events: Iterable[Mapping[str, Any]]) -> list[Incident]:
    """Its incidents, oldest first. Never raises on events of an older node."""
    found: list[Incident] = []
    is_open = False  # what follows belongs to the newest incident
    attempt = 0
    for event in events:
        kind = str(event.get("type"))
        if kind == "attempt_started":
            attempt += 1
        if kind == "diagnosed":
            found.append(diagnosed(run, event, attempt))
            is_open = True
        elif kind == "failed" and not is_open:
            found.append(undiagnosed(run, event, attempt))
        elif found and (is_open or kind == "resumed"):
            found[-1] = followed(found[-1], kind, event)
        if kind in ("attempt_started", *ENDINGS):
            is_open = False
    return found


def diagnosed(run: str, event: Mapping[str, Any], attempt: int) -> Incident:
    facts = event.get("facts")
    confidence = event.get("confidence")
    return Incident(
        run=run,
        at=number(event.get("time")),
        attempt=attempt,
        kind=str(event.get("class", "unknown")),
        confidence=number(confidence) if confidence is not None else None,
        summary=str(facts.get("summary") or "") if isinstance(facts, Mapping) else "",
    )


def undiagnosed(run: str, event: Mapping[str, Any], attempt: int) -> Incident:
    """It failed before its command ran, or by the limits that hold for every repair."""
    return Incident(
        run=run,
        at=number(event.get("time")),
        attempt=attempt,
        kind=None,
        confidence=None,
        summary=str(event.get("reason", "")),
        ended=FAILED,
    )


def followed(incident: Incident, kind: str, event: Mapping[str, Any]) -> Incident:
    """The incident after one more event of its run."""
    if kind == "repaired":
        return replace(incident, repair=str(event.get("change", "")))
    if kind == "attempt_started" and incident.ended == UNDER_WAY:
        return replace(incident, ended=WENT_ON)
    if kind == "resumed" and incident.ended in (FAILED, WAITS, STOPPED):
        change = str(event.get("change") or incident.repair)
        return replace(incident, ended=RESUMED, repair=change)
    if kind in ENDINGS:
        reason = incident.summary or str(event.get("reason", ""))
        return replace(incident, ended=ENDINGS[kind], summary=reason)
    return incident


def number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0
