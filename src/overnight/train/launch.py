"""Launching a run, and seeing it truly live before saying so."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from overnight.core import errors, spec, views
from overnight.ports import Request, Server
from overnight.train import follow

LIFE_S = 10.0
MANY_RUNS = 200  # in one request
MANY_BYTES = 4_000_000
MANY_S = 120.0
OURS = b"overnight: "  # why an environment could not be activated: no sign of life


@dataclass(frozen=True, kw_only=True)
class Alive:
    """`sign` says what was seen: "first output", "10 s of life", "finished", or why it waits."""

    view: views.RunView
    sign: str
    first_output: bytes


def launch(
    server: Server,
    wanted: spec.RunSpec,
    secrets: Mapping[str, str],
    notify: Mapping[str, Any] | None = None,
) -> Mapping[str, Any]:
    """Idempotent: the same spec twice is one run. `errors.NameTaken` where it is another's name.

    `notify`: where messages go, see `app.notifying`.
    """
    args = {"spec": wanted.to_wire(), "secrets": dict(secrets), "notify": notify}
    try:
        return server.call(Request("launch", args)).data
    except errors.ServerError as error:
        if error.code == "name_taken":
            raise errors.NameTaken(error.message, hint=error.hint) from error
        raise


@dataclass(frozen=True, kw_only=True)
class Began:
    """What became of one run of `launch_many`: its state, or the refusal."""

    run: str
    state: str = ""
    existed: bool = False
    error: errors.OvernightError | None = None


def launch_many(
    server: Server,
    specs: Sequence[spec.RunSpec],
    secrets: Mapping[str, str],
    notify: Mapping[str, Any] | None = None,
) -> list[Began]:
    """All of them in few round trips, in this order; idempotent like `launch`, run by run.

    A refusal of one run keeps no other from being launched.
    """
    wanted = [each.to_wire() for each in specs]
    requests = [
        Request("launch_many", {"specs": part, "secrets": dict(secrets), "notify": notify})
        for part in parts(wanted)
    ]
    replies = server.call_many(requests, timeout_s=MANY_S)
    return [began(each) for reply in replies for each in reply.data["runs"]]


def parts(wanted: Sequence[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """So many that a request stays small enough to be read at once, whatever files it holds."""
    part: list[Mapping[str, Any]] = []
    size = 0
    for each in wanted:
        length = len(json.dumps(each))
        if part and (len(part) == MANY_RUNS or size + length > MANY_BYTES):
            yield part
            part, size = [], 0
        part.append(each)
        size += length
    if part:
        yield part


def began(told: Mapping[str, Any]) -> Began:
    refused = told.get("error")
    if not refused:
        return Began(run=told["run"], state=told["state"], existed=bool(told["existed"]))
    message, hint = str(refused["message"]), str(refused.get("hint") or "")
    if refused["code"] == "name_taken":
        return Began(run=told["run"], error=errors.NameTaken(message, hint=hint))
    error = errors.ServerError(message, hint=hint, code=str(refused["code"]))
    return Began(run=told["run"], error=error)


def wait_for_life(follower: follow.Follower, run: str) -> Alive:
    """Follows a fresh run until it shows a sign of life; `errors.RunFailed` where it dies first."""
    for found in follower.looks():
        view = found.view(run)
        if view is None:
            continue
        sign = sign_of_life(view, found)
        if sign:
            return Alive(view=view, sign=sign, first_output=found.output)
        if view.ended:
            raise died(view)
    raise AssertionError("a follower never ends by itself")


def sign_of_life(view: views.RunView, found: follow.Look) -> str:
    if view.state == "finished":
        return "finished"
    if view.state == "queued":
        return view.reason or "waiting for its turn"
    if found.output and not view.ended and not found.output.startswith(OURS):
        return "first output"
    if view.state != "running":
        return ""
    started = view.row["attempts"][-1]["started_at"]
    return "10 s of life" if found.at - started >= LIFE_S else ""


def died(view: views.RunView) -> errors.OvernightError:
    hint = f"overnight explain {view.name}"
    if view.state == "needs-decision":
        return errors.NeedsDecision(f"{view.name} needs a decision: {view.reason}", hint=hint)
    return errors.RunFailed(f"{view.name} {view.state}: {view.reason}", hint=hint)


def follow_to_end(
    follower: follow.Follower, run: str, show: Callable[[bytes], None]
) -> views.RunView:
    """Streams the run's output until it has ended and all of its output was shown."""
    for found in follower.looks():
        if found.output:
            show(found.output)
        view = found.view(run)
        if view is not None and view.ended and not found.output and not found.more_output:
            return view
    raise AssertionError("a follower never ends by itself")
