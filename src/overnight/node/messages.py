"""What is told to a person, and when. Pure: the ledger before, what has ended, now -> the ledger.

Silence while all is well: a message leaves when a run has failed or needs a decision, and when the
last active run of the project has ended. Each ending is told once; the ledger on the disk remembers
it. At most so many messages leave in an hour; what happens meanwhile is told in the next one. Runs
of a sweep have news of their own (`sweep_news`).
"""

from __future__ import annotations

from typing import Any, Callable, Mapping, NamedTuple, Sequence

from overnight.node import notify, states, sweep_news

HOUR_S = 3600.0
SETTLE_S = 5.0  # between two runs of a script nothing is active for a moment
BACKOFF_S = (15.0, 120.0, 900.0)  # after the first, second, third try; the fourth is the last
UNSURE_COSTS = 2  # tries, since the message may have arrived
NEED_A_PERSON = frozenset({states.FAILED, states.NEEDS_DECISION})
LISTED = 10


class Ended(NamedTuple):
    """One run that has ended; `key` is another for each of its endings. `sweep`: "" for none."""

    run: str
    key: str
    state: str
    at: float
    sweep: str = ""


class Limits(NamedTuple):
    since: float
    max_per_hour: int


class Sweeps(NamedTuple):
    """The sweeps of the project on this server now; `describe(name)` -> the event to tell."""

    now: Mapping[str, sweep_news.Sweep]
    describe: Callable[[str], dict[str, Any]]


NO_SWEEPS = Sweeps({}, lambda name: {"runs": {}})


def decide(
    ledger: dict[str, Any],
    ended: list[Ended],
    active: int,
    now: float,
    limits: Limits,
    describe: Callable[[str], dict[str, Any] | None],
    sweeps: Sweeps = NO_SWEEPS,
) -> dict[str, Any]:
    """The next ledger. `describe(run)` -> the event to tell; None where it is nobody's business.

    {"told": {run: key}, "held": [event], "ended": {run: state}, "idle_since", "sent_at": [time],
    "outbox": [entry], "number", "problem", "server", "sweeps": see `sweep_news`}
    """
    ledger = noticed(ledger, ended, limits.since, describe)
    ledger["idle_since"] = idle_since(ledger, active, now)
    ledger["sweeps"] = sweep_news.timed(ledger["sweeps"], sweeps.now, now)
    ledger["sent_at"] = [at for at in ledger.get("sent_at") or [] if 0 <= now - at < HOUR_S]
    if is_settling(ledger, sweeps, now):
        return ledger
    ledger, over = without_old_news(
        ledger, active, sweep_news.over(ledger["sweeps"], sweeps.now, now)
    )
    if not (ledger["held"] or over or (active == 0 and ledger["ended"])):
        return ledger
    if len(ledger["sent_at"]) >= limits.max_per_hour:
        return ledger
    swept = [event for event in map(sweeps.describe, over) if event["runs"]]
    ledger = {**ledger, "sweeps": sweep_news.without(ledger["sweeps"], over)}
    is_empty = not (ledger["held"] or swept or (active == 0 and ledger["ended"]))
    return ledger if is_empty else posted(ledger, active, now, swept)


def is_settling(ledger: dict[str, Any], sweeps: Sweeps, now: float) -> bool:
    """Whether what has just fallen idle may go on in a moment."""
    since = ledger["idle_since"]
    just_idle = since is not None and now - since < SETTLE_S
    return just_idle or sweep_news.is_settling(ledger["sweeps"], sweeps.now, now)


def without_old_news(
    ledger: dict[str, Any], active: int, over: list[str]
) -> tuple[dict[str, Any], list[str]]:
    """The ledger without what is worth no message, and the sweeps that are worth one."""
    news = [name for name in over if sweep_news.is_news(ledger["sweeps"][name])]
    kept = sweep_news.without(ledger["sweeps"], set(over) - set(news))
    ledger = {**ledger, "sweeps": kept}
    if active == 0 and not ledger["held"] and not is_done(ledger):
        ledger = {**ledger, "ended": {}, "idle_since": None}
    return ledger, news


def noticed(
    ledger: dict[str, Any],
    ended: list[Ended],
    since: float,
    describe: Callable[[str], dict[str, Any] | None],
) -> dict[str, Any]:
    """What has ended anew joins what is to be told."""
    known = ledger.get("told") or {}
    held, done = list(ledger.get("held") or []), dict(ledger.get("ended") or {})
    server, swept = str(ledger.get("server") or ""), dict(ledger.get("sweeps") or {})
    for each in ended:
        if known.get(each.run) == each.key or each.at < since:
            continue
        event = describe(each.run)
        if event is None:
            continue
        server = event["server"]
        if each.sweep:
            swept = sweep_news.took(swept, each.sweep, each.run, each.state, event)
        else:
            done[each.run] = each.state
        if is_told_at_once(each):
            held.append(event)
    swept, urgent = sweep_news.at_once(swept)
    told = {each.run: each.key for each in ended}
    after = {"told": told, "held": [*held, *urgent], "ended": done, "server": server}
    return {**ledger, **after, "sweeps": swept}


def is_told_at_once(ended: Ended) -> bool:
    """A run of a sweep that failed waits for the others."""
    return ended.state == states.NEEDS_DECISION or (
        ended.state in NEED_A_PERSON and not ended.sweep
    )


def idle_since(ledger: dict[str, Any], active: int, now: float) -> float | None:
    before = ledger.get("idle_since")
    if active > 0 or not ledger["ended"]:
        return None
    return now if before is None or before > now else float(before)


def is_done(ledger: dict[str, Any]) -> bool:
    """Whether what has ended since the last message is worth one; a run stopped by hand is not."""
    return any(state != states.STOPPED for state in ledger["ended"].values())


def posted(
    ledger: dict[str, Any], active: int, now: float, swept: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    """`swept`: events of the sweeps that have ended here."""
    number = int(ledger.get("number") or 0) + 1
    done = ledger["ended"] if active == 0 else {}
    message = composed(ledger["held"], done, ledger["server"], swept)
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


def composed(
    held: list[dict[str, Any]],
    done: dict[str, str],
    server: str,
    swept: Sequence[dict[str, Any]] = (),
) -> notify.Message:
    """One message of all that is held, of sweeps that have ended, and of what else has ended if
    nothing is active any more.
    """
    in_tables = {run for event in swept for run in event["runs"]}
    held = [
        event for event in held if event["state"] != states.FAILED or event["run"] not in in_tables
    ]
    parts = [told(event) for event in held[:LISTED]]
    if len(held) > LISTED:
        parts.append(f"and {len(held) - LISTED} more: overnight incidents")
    parts += [sweep_news.told(event) for event in swept]
    if set(done) - {event["run"] for event in held}:
        parts.append(summed_up(done, server))
    text = notify.plain("\n\n".join(parts), [])
    events = [*held, *swept]
    if done:
        events.append({"type": "done", "server": server, "runs": done})
    urgent = bool(held) or any(map(sweep_news.needs_a_person, swept))
    return notify.Message(title(held, done, server, swept), text, urgent, events)


def title(
    held: list[dict[str, Any]],
    done: dict[str, str],
    server: str,
    swept: Sequence[dict[str, Any]] = (),
) -> str:
    if len(swept) == 1 and not held:
        return sweep_news.title(swept[0])
    if swept and not held:
        return f"{len(swept)} sweeps have ended on {server}"
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
    is_idle = ledger.get("idle_since") or sweep_news.waits(ledger.get("sweeps") or {})
    return bool(ledger.get("held") or ledger.get("outbox") or is_idle)
