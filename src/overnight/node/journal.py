"""The run's events on disk: appended under a lock, numbered, and folded into state.json."""

from __future__ import annotations

import errno
import os
import time
from typing import Any, Callable

from overnight.node import fs, layout, lock, states

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class Journal:
    """One run's events as this process knows them: each reading goes on where the last ended."""

    def __init__(self, run: layout.Run) -> None:
        self.run = run
        self.is_behind = False  # state.json, because the disk was full
        self._state = states.State()
        self._offset = 0

    def state(self) -> states.State:
        """What the events say now, also those that other processes have appended."""
        for after, event in fs.json_lines(self.run.file("events.jsonl"), self._offset):
            self._offset = after
            if isinstance(event, dict):
                self._state = states.apply(self._state, event)
        return self._state

    def append(
        self,
        kind: str,
        /,
        *,
        when: Callable[[states.State], bool] = lambda _: True,
        clock: Callable[[], float] = time.time,
        durable: bool = True,
        **details: Any,
    ) -> states.State:
        """Adds one event where `when(current state)` holds, and publishes the new state.json.

        The check and the append are one step for every process of this server. OSError where the
        event could not be written, and then nothing of it was. It counts once it is written, even
        where the disk has no space left for state.json: `publish` brings that up to date. Who
        appends to many runs at once flushes them together (`durable=False`).
        """
        with lock.held(self.run.file("events.lock")):
            current = self.state()
            if not when(current):
                return current
            event = {"seq": current.seq + 1, "time": round(clock(), 3), "type": kind, **details}
            append_whole(self.run.file("events.jsonl"), fs.dump(event), durable=durable)
            try:
                self._publish(durable=durable)
            except OSError as error:
                if error.errno not in NO_SPACE:
                    raise
                self.is_behind = True
            return self._state

    def publish(self) -> None:
        """Makes state.json the fold of the events, where it is not that already."""
        with lock.held(self.run.file("events.lock")):
            if fs.read_json(self.run.file("state.json")) != shown(self.run, self.state()):
                # Whoever wrote the last event may have been killed before it was flushed.
                fs.sync_file(self.run.file("events.jsonl"))
                self._publish()

    def _publish(self, *, durable: bool = True) -> None:
        value = shown(self.run, self.state())
        fs.publish_json(self.run.file("state.json"), value, durable=durable)
        self.is_behind = False


def shown(run: layout.Run, current: states.State) -> dict[str, Any]:
    """The content of state.json."""
    return {"run": run.name, "project": run.project, **current.to_json()}


def read(run: layout.Run, after: int = 0) -> list[dict[str, Any]]:
    """The events with a number above `after`."""
    return [
        event
        for _, event in fs.json_lines(run.file("events.jsonl"))
        if isinstance(event, dict) and isinstance(event.get("seq"), int) and event["seq"] > after
    ]


def state(run: layout.Run) -> states.State:
    return Journal(run).state()


def append(
    run: layout.Run,
    kind: str,
    /,
    *,
    when: Callable[[states.State], bool] = lambda _: True,
    clock: Callable[[], float] = time.time,
    durable: bool = True,
    **details: Any,
) -> states.State:
    """One event by a process that appends no more of them; see `Journal.append`."""
    return Journal(run).append(kind, when=when, clock=clock, durable=durable, **details)


def published(run: layout.Run) -> dict[str, Any]:
    """The content of state.json; the fold of the events where a power cut has damaged it."""
    known = fs.read_json(run.file("state.json"))
    return known if isinstance(known, dict) else shown(run, state(run))


def append_whole(path: str, line: bytes, *, durable: bool = True) -> None:
    """Appends a line durably, or nothing. A torn line left by a crash is closed first."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        size = os.fstat(fd).st_size
        torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
        try:
            write_all(fd, (b"\n" if torn else b"") + line + b"\n")
            if durable:
                os.fsync(fd)
        except OSError:
            os.ftruncate(fd, size)
            raise
    finally:
        os.close(fd)


def write_all(fd: int, data: bytes) -> None:
    """A disk that fills up takes the first bytes, and refuses only the next write."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
