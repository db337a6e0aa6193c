"""Following a server: one look after another, through cut links, into the mirror."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from overnight.core import errors, views
from overnight.ports import Request, Server

LOOK_S = 10.0
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
FOR_EVER_S = float("inf")

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Place:
    """A place in a run's output: `attempt` 0 is the newest, a negative `offset` counts back."""

    run: str
    attempt: int = 1
    offset: int = 0

    def to_wire(self) -> dict[str, Any]:
        return {"run": self.run, "attempt": self.attempt, "offset": self.offset}


@dataclass(frozen=True, kw_only=True)
class Look:
    """One answer: all runs of the project, what is new, and output of the run asked for."""

    rows: Sequence[Mapping[str, Any]]
    events: Mapping[str, Sequence[Mapping[str, Any]]]
    at: float
    place: Place | None
    output: bytes
    more_output: bool

    def view(self, run: str) -> views.RunView | None:
        for row in self.rows:
            if row.get("run") == run:
                return views.run_view(row)
        return None


def look(
    server: Server,
    project: str,
    *,
    cursors: Mapping[str, int],
    place: Place | None = None,
    timeout_s: float = 0.0,
) -> Look:
    """One round trip. With a timeout the server answers as soon as there is something new."""
    args = {
        "project": project,
        "cursors": dict(cursors),
        "log": place.to_wire() if place else None,
        "timeout_s": timeout_s,
    }
    data, output = server.call(Request("look", args), timeout_s=timeout_s + 20.0)
    log = data.get("log")
    after = (
        Place(run=place.run, attempt=log["attempt"], offset=log["offset"])
        if place and log
        else place
    )
    return Look(
        rows=data["runs"],
        events=data["events"],
        at=data["time"],
        place=after,
        output=output,
        more_output=bool(log and log["more"]),
    )


@dataclass(kw_only=True)
class Follower:
    """Looks again and again, keeping cursors and the place in the output.

    While the server cannot be reached it tries again with growing pauses for `patience_s`,
    saying so once through `say`; then it raises `errors.Unreachable`.
    """

    server: Server
    project: str
    record: Callable[[Look], None]
    say: Callable[[str], None]
    cursors: dict[str, int]
    place: Place | None = None
    patience_s: float = FOR_EVER_S
    look_s: float = LOOK_S

    def looks(self) -> Iterator[Look]:
        """Never ends by itself; the caller breaks out."""
        waited_until = 0.0  # the first answer comes at once
        while True:
            found = self.patiently(waited_until)
            self.place = found.place
            for run, events in found.events.items():
                self.cursors[run] = max(int(event["seq"]) for event in events)
            self.record(found)
            yield found
            waited_until = 0.0 if found.more_output else self.look_s

    def patiently(self, timeout_s: float) -> Look:
        return patiently(
            lambda: look(
                self.server,
                self.project,
                cursors=self.cursors,
                place=self.place,
                timeout_s=timeout_s,
            ),
            server=self.server.name,
            say=self.say,
            patience_s=self.patience_s,
        )


def patiently(
    ask: Callable[[], T], *, server: str, say: Callable[[str], None], patience_s: float
) -> T:
    """`ask()`, again and again while the server cannot be reached, with growing pauses.

    Says so once, and when it is back. Raises `errors.Unreachable` after `patience_s`, and at once
    where no waiting helps: a login that is refused, a changed host key.
    """
    since: float | None = None
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            answer = ask()
        except (errors.LoginRefused, errors.HostKeyChanged):
            raise
        except errors.Unreachable as error:
            now = time.monotonic()
            if now - (since or now) >= patience_s:
                raise
            if since is None:
                since = now
                say(f"{error.message}; trying again, what runs there goes on")
            time.sleep(pause_s * random.uniform(0.7, 1.3))
            pause_s = min(LONGEST_PAUSE_S, pause_s * 2)
            continue
        if since is not None:
            say(f"{server} is back")
        return answer
