"""`deliver PROJECT`: sends the messages of a project that are due; a short-lived process.

`deliver ROOT PROJECT SERVER` sends one for trying, and prints how that went.
"""

from __future__ import annotations

import json
import os
import signal
import time
from typing import Any

from overnight.node import fs, layout, lock, messages, notify, post

LONGEST_TRY_S = 30  # by then even a service that answers byte by byte is given up
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")


def main(root: str, project: str, test_for: str | None = None) -> None:
    settings = notify.read(root, project)
    if settings is None:
        return
    if test_for is not None:
        take_proxies(dict(os.environ))
        print(json.dumps(attempted(settings, notify.test_message(test_for))._asdict()))
        return
    guard = lock.Lock(os.path.join(layout.project_folder(root, project), "deliver.lock"))
    if guard.try_acquire():
        while deliver_one(root, project, settings):
            pass


def deliver_one(root: str, project: str, settings: notify.Settings) -> bool:
    """Sends one message that is due; False where there is none. Counted before it is tried."""
    with post.locked(root, project):
        ledger, entry = messages.claimed(post.read(root, project), time.time())
        if entry is None:
            return False
        post.write(root, project, ledger)
    message = notify.Message(**entry["message"])
    take_proxies(session_of(root, project, message))
    outcome = attempted(settings, message)
    with post.locked(root, project):
        ledger = messages.settled(post.read(root, project), entry["number"], outcome, time.time())
        post.write(root, project, ledger)
    return True


def attempted(settings: notify.Settings, message: notify.Message) -> notify.Outcome:
    """The alarm ends this process; then the try counts, and the next one comes later."""
    signal.alarm(LONGEST_TRY_S)
    try:
        return notify.send(settings, message)
    finally:
        signal.alarm(0)


def session_of(root: str, project: str, message: notify.Message) -> dict[str, Any]:
    """The login environment of one of the runs that it is about: it knows the way out."""
    for event in message.events:
        for name in [event["run"]] if "run" in event else event.get("runs") or {}:
            run = layout.Run(root, project, name)
            found = fs.read_json(run.file("session.json"))
            if isinstance(found, dict):
                return found
    return {}


def take_proxies(session: dict[str, Any]) -> None:
    for name, value in session.items():
        if name.lower() in PROXIES:
            os.environ[name] = str(value)
