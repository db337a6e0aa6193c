"""The known servers: how they are reached, whether cron starts their watch, and leaving one."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from overnight.app import Overnight
from overnight.core import config, errors
from overnight.ports import Request, Server
from overnight.sync import opening

CRON = "cron"
CRON_TIMEOUT_S = 90.0
WEAKER = (
    "without it a run that a reboot has ended goes on when a laptop asks next, and not by itself"
)


@dataclass(frozen=True, kw_only=True)
class Known:
    """One server as this laptop knows it without asking. Ages in seconds; None: never asked.

    `cron` is the state of our crontab lines when somebody last looked.
    """

    name: str
    kind: str
    host: str
    root: str
    reachable: bool | None
    age_s: float | None
    problem: str
    cron: str | None
    cron_age_s: float | None

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, kw_only=True)
class Left:
    """What became of a server that was forgotten. `projects`: runs that lie there, by project."""

    server: str
    kind: str
    reached: bool
    cron_problem: str
    watch_stopped: bool
    root: str
    projects: Mapping[str, int]
    active: Sequence[str]
    by_hand: str

    def to_json(self) -> dict[str, Any]:
        return {**self.__dict__, "projects": dict(self.projects), "active": list(self.active)}


def listed(o: Overnight) -> list[Known]:
    return [known(o, each, time.time()) for each in o.config.servers.values()]


def known(o: Overnight, settings: config.ServerConfig, now: float) -> Known:
    seen = o.mirror.seen(settings.name)
    asked = seen.seen_at is not None or bool(seen.problem)
    cron = o.mirror.fact(settings.name, CRON)
    return Known(
        name=settings.name,
        kind=settings.kind,
        host="" if settings.is_here else settings.host,
        root=settings.root,
        reachable=not seen.problem if asked else None,
        age_s=None if seen.seen_at is None else max(0.0, now - seen.seen_at),
        problem=seen.problem,
        cron=str(cron[1]["state"]) if cron else None,
        cron_age_s=max(0.0, now - cron[0]) if cron else None,
    )


# -- cron -------------------------------------------------------------------------------------


def install_cron(
    o: Overnight, server_name: str | None, consents: Callable[[str, Sequence[str]], bool]
) -> dict[str, Any]:
    """Puts our lines into the user's crontab there, if `consents(server, lines)`.

    {"server", "state", "changed", "lines", "daemon"}. `errors.CheckFailed` where it cannot be.
    """
    server = o.server(server_name)
    found = ask_cron(o, server, "look")
    usable(found, server.name)
    changed = False
    if found["state"] != "installed" and consents(server.name, found["lines"]):
        found = ask_cron(o, server, "install")
        usable(found, server.name)
        changed = bool(found["changed"])
    kept = {key: found[key] for key in ("state", "lines", "daemon")}
    return {"server": server.name, **kept, "changed": changed}


def ask_cron(o: Overnight, server: Server, action: str) -> dict[str, Any]:
    with o.talk.busy(f"asking {server.name} for its crontab"):
        found = server.call(Request("cron", {"action": action}), timeout_s=CRON_TIMEOUT_S).data
    remember_cron(o, server.name, found)
    return found


def remember_cron(o: Overnight, server: str, found: Mapping[str, Any]) -> None:
    kept = {key: found.get(key) for key in ("state", "daemon")}
    o.mirror.remember_fact(server, CRON, time.time(), kept)


def usable(found: Mapping[str, Any], server: str) -> None:
    if not found.get("problem"):
        return
    raise errors.CheckFailed(
        f"{server}: {cannot(found)}; {WEAKER}",
        hint=f"after a reboot: overnight status   ({server})",
    )


def cannot(found: Mapping[str, Any]) -> str:
    """Why there are no lines of ours, as far as it is not for want of asking."""
    if found["state"] == "forbidden":
        return f"its administrator allows you no crontab ({found['problem']})"
    return str(found["problem"])


# -- leaving ----------------------------------------------------------------------------------


def forget(o: Overnight, server_name: str, *, yes: bool) -> Left:
    """Our crontab lines and the watch end, the connection closes, the mirror's rows go.

    Refuses while runs are active there, and where the server cannot be reached, unless `yes`.
    """
    chosen = config.choose_server(o.config, server_name)
    server = o.server(chosen.name)
    answer = leave(o, server, yes=yes)
    server.hang_up()
    o.mirror.forget(chosen.name)
    opening.forget(o.root, chosen.name)
    root = str(answer["root"]) if answer else chosen.root
    return Left(
        server=chosen.name,
        kind=chosen.kind,
        reached=answer is not None,
        cron_problem=str(answer["cron"].get("problem") or "") if answer else "",
        watch_stopped=bool(answer and answer["watch_stopped"]),
        root=root,
        projects=answer["projects"] if answer else {},
        active=answer["active"] if answer else [],
        by_hand=by_hand(chosen, root),
    )


def leave(o: Overnight, server: Server, *, yes: bool) -> dict[str, Any] | None:
    """What the server says of it; None where it cannot be reached and that was accepted."""
    again = f"overnight servers forget {server.name} --yes"
    try:
        with o.talk.busy(f"leaving {server.name}"):
            args = {"although_active": yes}
            return server.call(Request("leave", args), timeout_s=CRON_TIMEOUT_S).data
    except errors.Unreachable as error:
        if yes:
            return None
        raise errors.Unreachable(
            f"{error.message}; its crontab lines and its watch cannot be ended now",
            hint=f"{again}   (forgets it here only)",
        ) from error
    except errors.ServerError as error:
        if error.code != "runs_active":
            raise
        raise errors.UsageError(
            f"{error.message}; they would go on, but nobody would start a lost supervisor",
            hint=f"stop them, or: {again}",
        ) from error


def by_hand(chosen: config.ServerConfig, root: str) -> str:
    """What removes the rest, for a person to type."""
    folder = root if root.startswith("~/") else shlex.quote(root)
    command = f"rm -rf -- {folder}"
    return command if chosen.is_here else f"ssh {chosen.host} {shlex.quote(command)}"
