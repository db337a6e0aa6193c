"""Stopping and resuming runs; asking for GPUs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from overnight.app import Overnight, cards, following
from overnight.core import config, errors, views
from overnight.ports import Request, Server


def stop(o: Overnight, run: str, server_name: str | None) -> views.RunView:
    """Asks for the stop and waits until the run has ended."""
    server = following.locate(o, run, server_name)
    server.call(Request("stop", {"project": o.project, "run": run, "by": "overnight stop"}))
    with o.talk.busy(f"stopping {run}"):
        return wait_until(o, run, server.name, lambda view: view.ended)


@dataclass(frozen=True, kw_only=True)
class Agreed:
    """What a person agrees to change: the next batch variant, settings by name, learning rate."""

    batch: bool = False
    settings: Mapping[str, int | float] = field(default_factory=dict)
    lr_scale: float | None = None


def resume(
    o: Overnight, run: str, server_name: str | None, agreed: Agreed | None = None
) -> views.RunView:
    """A new attempt of an ended run; returns once it is under way."""
    server = following.locate(o, run, server_name)
    _, before = following.run_view(o, run, server.name)
    if not before.ended:
        raise errors.UsageError(f"{run} is {before.state}", hint=f"overnight logs {run} -f")
    agreed = agreed or Agreed()
    args: dict[str, Any] = {"project": o.project, "run": run, "by": "overnight resume"}
    args.update(settings=dict(agreed.settings), lr_scale=agreed.lr_scale)
    if agreed.batch:
        args["variant"] = int(before.row.get("variant") or 0) + 1
    server.call(Request("resume", args))
    with o.talk.busy(f"resuming {run}"):
        return wait_until(o, run, server.name, lambda view: under_way(view, before))


def under_way(view: views.RunView, before: views.RunView) -> bool:
    """It has begun again, waits for its turn, or has ended once more."""
    is_old = view.ended and view.changed_at == before.changed_at
    return view.attempt > before.attempt or view.state == "queued" or (view.ended and not is_old)


def wait_until(o: Overnight, run: str, server_name: str, done: Any) -> views.RunView:
    server = o.server(server_name)
    for found in following.follower(o, server, patience_s=120.0).looks():
        view = found.view(run)
        if view is not None and done(view):
            return view
    raise AssertionError("a follower never ends by itself")


def gpus(o: Overnight, server_name: str | None) -> dict[str, dict[str, Any]]:
    """The GPU table of one server or of all, asked at once.

    Each judged by its own rules; a server that is away has only a `problem`.
    """
    names = [server_name] if server_name else following.used_servers(o)
    servers = [o.server(name) for name in names]
    rules = {name: config.sharing(config.choose_server(o.config, name)) for name in names}
    if server_name is None:
        for server in servers:
            following.hurry(o, server)

    def one(server: Server) -> dict[str, Any]:
        try:
            return server.call(Request("gpus", {"sharing": rules[server.name]})).data
        except (errors.Unreachable, errors.ServerError) as error:
            return {"problem": error.message, "gpus": []}

    from concurrent.futures import ThreadPoolExecutor  # late: only this verb needs threads

    with ThreadPoolExecutor(max_workers=len(servers)) as pool:
        tables = dict(zip(names, pool.map(one, servers), strict=True))
    for name, table in tables.items():
        if "time" in table:
            cards.remember(o, name, table["gpus"])
    return tables
