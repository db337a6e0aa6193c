"""What is told to a person, and when. Pure: the ledger before, what has ended, now -> the ledger.

Silence while all is well: a message leaves when a run has failed or needs a decision, and when the
last active run of the project has ended. Each ending is told once; the ledger on the disk remembers
it. At most so many messages leave in an hour; what happens meanwhile is told in the next one.
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple

from overnight.node import notify, states

HOUR_S = 3600.0
SETTLE_S = 5.0  # between two runs of a script nothing is active for a moment
BACKOFF_S = (15.0, 120.0, 900.0)  # after the first, second, third try; the fourth is the last
UNSURE_COSTS = 2  # tries, since the message may have arrived
NEED_A_PERSON = frozenset({states.FAILED, states.NEEDS_DECISION})
LISTED = 10


class Ended(NamedTuple):
    """One run that has ended; `key` is another for each of its endings."""

    run: str
    key: str
    state: str
    at: float


class Limits(NamedTuple):
    since: float
    max_per_hour: int


def decide(
    ledger: dict[str, Any],
    ended: list[Ended],
    active: int,
    now: float,
    limits: Limits,
    describe: Callable[[str], dict[str, Any] | None],
) -> dict[str, Any]:
    """The next ledger. `describe(run)` -> the event to tell; None where it is nobody's business.

    {"told": {run: key}, "held": [event], "ended": {run: state}, "idle_since", "sent_at": [time],
    "outbox": [entry], "number", "problem", "server"}
    """
    ledger = noticed(ledger, ended, limits.since, describe)
    ledger["idle_since"] = idle_since(ledger, active, now)
    ledger["sent_at"] = [at for at in ledger.get("sent_at") or [] if 0 <= now - at < HOUR_S]
    if ledger["idle_since"] is not None and now - ledger["idle_since"] < SETTLE_S:
        return ledger
    if active == 0 and not ledger["held"] and not is_done(ledger):
        return {**ledger, "ended": {}, "idle_since": None}
    if not ledger["held"] and active > 0:
        return ledger
    if len(ledger["sent_at"]) >= limits.max_per_hour:
        return ledger
    return posted(ledger, active, now)


def noticed(
    ledger: dict[str, Any],
    ended: list[Ended],
    since: float,
    describe: Callable[[str], dict[str, Any] | None],
) -> dict[str, Any]:
    """What has ended anew joins what is to be told."""
    known = ledger.get("told") or {}
    held, done = list(ledger.get("held") or []), dict(ledger.get("ended") or {})
    server = str(ledger.get("server") or "")
    for each in ended:
        if known.get(each.run) == each.key or each.at < since:
            continue
        event = describe(each.run)
        if event is None:
            continue
        server, done[each.run] = event["server"], each.state
        if each.state in NEED_A_PERSON:
            held.append(event)
    told = {each.run: each.key for each in ended}
    return {**ledger, "told": told, "held": held, "ended": done, "server": server}


def idle_since(ledger: dict[str, Any], active: int, now: float) -> float | None:
    before = ledger.get("idle_since")
    if active > 0 or not ledger["ended"]:
        return None
    return now if before is None or before > now else float(before)


def is_done(ledger: dict[str, Any]) -> bool:
    """Whether what has ended since the last message is worth one; a run stopped by hand is not."""
    return any(state != states.STOPPED for state in ledger["ended"].values())


def posted(ledger: dict[str, Any], active: int, now: float) -> dict[str, Any]:
    number = int(ledger.get("number") or 0) + 1
    message = composed(ledger["held"], ledger["ended"] if active == 0 else {}, ledger["server"])
    entry = {"number": number, "tries": 0, "next_at": now, "message": message._asdict()}
    return {
        **ledger,
        "held": [],
        "ended": {} if active == 0 else ledger["ended"],
        "idle_since": None,
        "sent_at": [*ledger["sent_at"], now],
        "outbox": [*(ledger.get("outbox") or []), entry],
        "number": number,
    }


# -- the text ---------------------------------------------------------------------------------


def composed(held: list[dict[str, Any]], done: dict[str, str], server: str) -> notify.Message:
    """One message of all that is held, and of what has ended if nothing is active any more."""
    parts = [told(event) for event in held[:LISTED]]
    if len(held) > LISTED:
        parts.append(f"and {len(held) - LISTED} more: overnight incidents")
    if set(done) - {event["run"] for event in held}:
        parts.append(summed_up(done, server))
    text = notify.plain("\n\n".join(parts), [])
    events = [*held, {"type": "done", "server": server, "runs": done}] if done else held
    return notify.Message(title(held, done, server), text, bool(held), events)


def title(held: list[dict[str, Any]], done: dict[str, str], server: str) -> str:
    if not held:
        return f"all done on {server}"
    if len(held) == 1:
        return f"{held[0]['run']} on {server}: {in_words(held[0]['state'])}"
    return f"{len(held)} runs on {server} need you"


def told(event: dict[str, Any]) -> str:
    kind = f" ({event['class']})" if event.get("class") else ""
    lines = [f"{event['run']} on {event['server']}: {in_words(event['state'])}{kind}"]
    lines += [event["summary"]] if event.get("summary") else []
    return "\n".join([*lines, *(f"next: {each}" for each in event["next"])])


def in_words(state: str) -> str:
    return "needs a decision" if state == states.NEEDS_DECISION else state


def summed_up(done: dict[str, str], server: str) -> str:
    """all done on gpu1: 2 finished (train01 train02), 1 failed (train03)"""
    by_state: dict[str, list[str]] = {}
    for run, state in sorted(done.items()):
        by_state.setdefault(in_words(state), []).append(run)
    counted = [
        f"{len(runs)} {state} ({' '.join(runs[:LISTED])}{' …' * (len(runs) > LISTED)})"
        for state, runs in sorted(by_state.items())
    ]
    return f"nothing is active any more on {server}: {', '.join(counted)}\nnext: overnight status"


# -- the outbox -------------------------------------------------------------------------------


def is_due(entry: dict[str, Any], now: float) -> bool:
    """Also where the clock was set back since."""
    return not 0 < entry["next_at"] - now <= BACKOFF_S[-1]


def claimed(ledger: dict[str, Any], now: float) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The ledger with one due entry marked as being tried, and that entry.

    The mark comes before the try, so that whatever becomes of it, tries are counted.
    """
    ledger = given_up(ledger)
    outbox = ledger["outbox"]
    for at, entry in enumerate(outbox):
        if is_due(entry, now):
            taken = tried(entry, now, 1)
            return {**ledger, "outbox": [*outbox[:at], taken, *outbox[at + 1 :]]}, taken
    return ledger, None


def tried(entry: dict[str, Any], now: float, cost: int) -> dict[str, Any]:
    tries = entry["tries"] + cost
    return {**entry, "tries": tries, "next_at": now + BACKOFF_S[min(tries, len(BACKOFF_S)) - 1]}


def settled(
    ledger: dict[str, Any], number: int, outcome: notify.Outcome, now: float
) -> dict[str, Any]:
    """The ledger after a try: the entry is gone, or waits for the next one."""
    if outcome.result == notify.SENT:
        return {**without(ledger, number), "problem": None}
    ledger = {**ledger, "problem": {"text": outcome.said, "time": round(now, 3)}}
    if outcome.result == notify.REFUSED:
        return without(ledger, number)
    cost = UNSURE_COSTS - 1 if outcome.result == notify.UNSURE else 0
    outbox = [
        tried(entry, now, cost) if entry["number"] == number and cost else entry
        for entry in ledger["outbox"]
    ]
    return given_up({**ledger, "outbox": outbox})


def given_up(ledger: dict[str, Any]) -> dict[str, Any]:
    """Without what was tried often enough. A sender that was killed each time left no reason."""
    outbox = ledger.get("outbox") or []
    kept = [entry for entry in outbox if entry["tries"] <= len(BACKOFF_S)]
    if len(kept) < len(outbox) and not ledger.get("problem"):
        ledger = {**ledger, "problem": {"text": "no answer in time", "time": None}}
    return {**ledger, "outbox": kept}


def without(ledger: dict[str, Any], number: int) -> dict[str, Any]:
    kept = [entry for entry in ledger.get("outbox") or [] if entry["number"] != number]
    return {**ledger, "outbox": kept}


def waits(ledger: dict[str, Any]) -> bool:
    """Whether the watch has to stay for this project's messages."""
    return bool(ledger.get("held") or ledger.get("outbox") or ledger.get("idle_since"))
