"""The watch's part in messages: notices what has ended, keeps the ledgers, starts the sending.

Each project has its ledger beside its `notify.json`; a project without that file costs nothing.
Sending is a process of its own (`deliver`), so that a service that hangs delays nobody.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import Any, Mapping, NamedTuple

from overnight.node import (
    command,
    fs,
    journal,
    layout,
    lock,
    messages,
    notify,
    programs,
    server,
    states,
    sweep_news,
    sweep_table,
    sweeps,
)

LOCK_S = 5.0
TEST_S = 40.0


class Known(NamedTuple):
    """What state.json said when it looked like `stamp`."""

    stamp: tuple[int, int]
    state: str
    changed_at: float
    is_idle: bool = False


def ledger_path(root: str, project: str) -> str:
    return os.path.join(layout.project_folder(root, project), "messages.json")


def locked(root: str, project: str, timeout_s: float = LOCK_S) -> Any:
    """Nobody else changes the ledger meanwhile. TimeoutError where somebody does for too long."""
    return lock.held(os.path.join(layout.project_folder(root, project), "messages.lock"), timeout_s)


def read(root: str, project: str) -> dict[str, Any]:
    found = fs.read_json(ledger_path(root, project))
    return found if isinstance(found, dict) else {}


def write(root: str, project: str, ledger: dict[str, Any]) -> None:
    fs.publish_json(ledger_path(root, project), ledger, mode=0o600)


def see_to(run: layout.Run) -> None:
    """A run has ended: somebody has to tell, also where the watch was killed."""
    if os.path.exists(notify.path(run.root, run.project)):
        server.ensure_watch(run.root)


def test(
    root: str, project: str, wanted: dict[str, Any] | None, server_name: str
) -> dict[str, Any]:
    """Sends one message for trying, at once; the outcome, or {"result": "none"} without settings.

    `wanted` as in `notify.keep`.
    """
    os.makedirs(layout.project_folder(root, project), exist_ok=True)
    notify.keep(root, project, wanted, time.time())
    if notify.read(root, project) is None:
        return {"result": "none", "said": ""}
    argv = [*server.entry(), "deliver", root, project, server_name]
    answer = programs.ask(argv, timeout_s=TEST_S)
    with contextlib.suppress(ValueError):
        return dict(json.loads(answer.out))
    return {"result": notify.UNSURE, "said": "no answer in time"}


class Post:
    """The watch's memory of what it has looked at; what must not be forgotten is in the ledgers."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._seen: dict[str, Any] = {}
        self._waits: dict[str, bool] = {}
        self._sweeps: dict[layout.Run, Mapping[str, Any]] = {}

    def attend(self, known: Mapping[layout.Run, Known]) -> bool:
        """One round over all projects that want messages; True while something waits."""
        for project in layout.names(os.path.join(self.root, "projects")):
            if not os.path.exists(notify.path(self.root, project)):
                self._waits.pop(project, None)
                continue
            try:
                self.attend_project(
                    project, {run: each for run, each in known.items() if run.project == project}
                )
            except OSError as error:  # of one project; the others go on
                is_passing = isinstance(error, TimeoutError) or error.errno in journal.NO_SPACE
                self._waits[project] = is_passing
        return any(self._waits.values())

    def attend_project(self, project: str, known: Mapping[layout.Run, Known]) -> None:
        seen = {run.name: each for run, each in known.items()}
        if seen == self._seen.get(project) and not self._waits.get(project):
            return
        settings = notify.read(self.root, project)
        if settings is None:
            return
        ledger = self.decide(project, known, settings)
        self._seen[project], self._waits[project] = seen, messages.waits(ledger)
        now = time.time()
        if any(messages.is_due(entry, now) for entry in ledger.get("outbox") or []):
            server.spawn(["deliver", self.root, project], os.path.join(self.root, "watch.log"))

    def decide(
        self, project: str, known: Mapping[layout.Run, Known], settings: notify.Settings
    ) -> dict[str, Any]:
        swept = self.sweeps(known)
        ended = [
            messages.Ended(
                run.name,
                f"{each.state} {each.changed_at}",
                each.state,
                each.changed_at,
                str(swept[run].get("name") or ""),
            )
            for run, each in known.items()
            if each.state in states.ENDED
        ]
        active = sum(each.state in states.ACTIVE for each in known.values())
        limits = messages.Limits(settings.since, settings.max_per_hour)
        with locked(self.root, project):
            before = read(self.root, project)
            after = messages.decide(
                before,
                ended,
                active,
                time.time(),
                limits,
                lambda name: event_of(layout.Run(self.root, project, name)),
                messages.Sweeps(
                    sweeps_now(known, swept), lambda name: sweep_event(self.root, project, name)
                ),
            )
            if after != before:
                write(self.root, project, after)
        return after

    def sweeps(self, known: Mapping[layout.Run, Known]) -> dict[layout.Run, Mapping[str, Any]]:
        """What each run's spec, which never changes, says of its sweep."""
        for run, each in known.items():
            if run not in self._sweeps and each.state:  # before that its spec is being written
                self._sweeps[run] = dict(sweeps.of(run))
        return {run: self._sweeps.get(run, {}) for run in known}


def sweeps_now(
    known: Mapping[layout.Run, Known], swept: Mapping[layout.Run, Mapping[str, Any]]
) -> dict[str, sweep_news.Sweep]:
    found: dict[str, sweep_news.Sweep] = {}
    for run, each in known.items():
        told = swept[run]
        if not told:
            continue
        before = found.get(str(told["name"]), sweep_news.Sweep(0, 0, 0))
        found[str(told["name"])] = sweep_news.Sweep(
            before.active + (each.state not in states.ENDED),
            before.here + 1,
            max(before.total, int(told.get("total") or 0)),
            told.get("mode") == "search",
        )
    return found


def sweep_event(root: str, project: str, name: str) -> dict[str, Any]:
    """What is told of a sweep of which no run is active here; without runs where none is left."""
    found = sweeps.answer(root, project, [name])["sweeps"].get(name)
    if found is None:  # its runs were removed meanwhile
        return {"runs": {}}
    table = sweeps.as_table(name, list(found["runs"].values()))
    hidden = notify.secrets(root, project)
    return {
        "type": "sweep",
        "project": project,
        "sweep": name,
        "server": table["server"],
        "total": table["total"],
        "runs": {each["run"]: each["state"] for each in table["runs"]},
        "primary": table["primary"],
        "goal": table["goal"],
        "points": table["points"],
        "lines": [notify.plain(line, hidden) for line in sweep_table.message_lines(table)],
    }


def event_of(run: layout.Run) -> dict[str, Any] | None:
    """What is told of a run that has ended; None of a smoke test."""
    spec = fs.read_json(run.file("spec.json")) or {}
    if spec.get("kind") == "smoke":
        return None
    state = journal.published(run)
    secrets = [*command.secrets(run).values(), *notify.secrets(run.root, run.project)]
    failure = state.get("failure") or {}
    return {
        "type": "ended",
        "project": run.project,
        "run": run.name,
        "server": str((spec.get("provenance") or {}).get("server") or os.uname().nodename),
        "state": state["state"],
        "class": failure.get("class") if state["state"] in messages.NEED_A_PERSON else None,
        "summary": notify.plain(str(state.get("reason") or ""), secrets),
        "next": [notify.plain(each, secrets) for each in next_commands(run, state["state"])],
        "time": state["changed_at"],
    }


def next_commands(run: layout.Run, state: str) -> list[str]:
    """What to type; a question's answers stand in its event."""
    explain = f"overnight explain {run.name}"
    if state != states.NEEDS_DECISION:
        return [explain]
    asked = [event for event in journal.read(run) if event.get("type") == "decision_needed"]
    answers = list(asked[-1].get("answers") or []) if asked else []
    named = [str(each).replace(" RUN", f" {run.name}") for each in answers]
    return named if explain in named else [*named, explain]
