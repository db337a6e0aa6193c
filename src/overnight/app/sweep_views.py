"""Seeing a sweep as a whole, and stopping or resuming all its runs in one pass."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from overnight.app import Overnight, asking, following, sweep_known
from overnight.core import errors, views
from overnight.ports import Request, Server
from overnight.store.sweeps import SweptRun

STOP_S = 120.0
AGAIN = ("stopped", "failed", "needs-decision")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Swept:
    """One run of a sweep. `view` None: its server has not (yet) been seen to have it."""

    run: str
    server: str
    sweep: Mapping[str, Any]
    reachable: bool
    view: views.RunView | None = None
    metric: float | None = None

    @property
    def state(self) -> str:
        return self.view.state if self.view else "not launched"

    @property
    def has_ended(self) -> bool:
        return self.view is not None and self.view.ended

    def to_json(self) -> dict[str, Any]:
        return {
            "run": self.run,
            "server": self.server,
            "reachable": self.reachable,
            **{key: self.sweep.get(key) for key in ("index", "point", "seed", "base")},
            "state": self.state,
            "metric": self.metric,
            "view": self.view.to_json() if self.view else None,
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class SweepView:
    """A sweep at one moment. `eta_s`: until the last run has ended; None where nobody can say.

    `keys`: what is varied, in the order in which it was typed.
    """

    name: str
    mode: str
    keys: tuple[str, ...]
    runs: tuple[Swept, ...]
    metric: str | None
    eta_s: float | None

    @property
    def done(self) -> int:
        return sum(each.has_ended for each in self.runs)

    @property
    def counts(self) -> dict[str, int]:
        states = [each.state for each in self.runs]
        return {state: states.count(state) for state in sorted(set(states))}

    def to_json(self) -> dict[str, Any]:
        return {
            "sweep": self.name,
            "mode": self.mode,
            "axes": list(self.keys),
            "total": len(self.runs),
            "done": self.done,
            "states": self.counts,
            "eta_s": self.eta_s,
            "metric": self.metric,
            "runs": [each.to_json() for each in self.runs],
        }


# -- seeing -------------------------------------------------------------------------------------


def names(o: Overnight, *, cached: bool) -> list[str]:
    """The sweeps of this project, the newest last; also those that another laptop began."""
    if not cached:
        following.status(o)
    begun = o.mirror.sweeps.known()
    for server in o.mirror.servers():
        for row in o.mirror.seen(server).rows:
            name = (row.get("sweep") or {}).get("name")
            if name:
                at = float(row.get("created_at") or 0.0)
                begun[name] = min(begun.get(name, at), at)
    return sorted(begun, key=lambda name: (begun[name], name))


def listed(o: Overnight, *, cached: bool = False) -> list[SweepView]:
    return [view(o, name, cached=True) for name in names(o, cached=cached)]


def view(o: Overnight, name: str | None, *, cached: bool = False) -> SweepView:
    """The sweep as its servers say it now; the newest where no name is given."""
    if name is None:
        name = newest(o, cached)
        cached = True
    known = remembered(o, name) if cached else sweep_known.known_runs(o, name)
    if not known:
        raise no_sweep(o, name)
    primary = o.config.metrics.primary if o.config.metrics else None
    runs = [swept(o, each, primary) for each in ordered(known)]
    definition = o.mirror.sweeps.definition(name) or {}
    points = [key for each in runs for key in each.sweep.get("point") or ()]
    return SweepView(
        name=name,
        mode=str(runs[0].sweep.get("mode", "")),
        keys=tuple(dict.fromkeys([*(definition.get("keys") or ()), *points])),
        runs=tuple(runs),
        metric=primary,
        eta_s=eta_s(runs, definition.get("expected_s")),
    )


def newest(o: Overnight, cached: bool) -> str:
    known = names(o, cached=cached)
    if not known:
        raise errors.UsageError("this project has no sweep", hint="overnight sweep lr=1e-3,3e-4")
    return known[-1]


def remembered(o: Overnight, name: str) -> dict[str, SweptRun]:
    mine = {each.run: each for each in o.mirror.sweeps.runs(name)}
    return {**mine, **sweep_known.rows_of(o, name, o.mirror.servers())}


def no_sweep(o: Overnight, name: str) -> errors.UsageError:
    near = errors.nearest(name, names(o, cached=True))
    return errors.UsageError(
        f"there is no sweep {name!r} in this project",
        hint=f"did you mean {near}?" if near else "overnight sweep list",
    )


def ordered(known: Mapping[str, SweptRun]) -> list[SweptRun]:
    return sorted(known.values(), key=lambda each: (each.sweep.get("index", 0), each.run))


def swept(o: Overnight, known: SweptRun, primary: str | None) -> Swept:
    row = o.mirror.rows_of(known.run).get(known.server)
    seen = views.run_view(row) if row else None
    return Swept(
        run=known.run,
        server=known.server,
        sweep=known.sweep,
        reachable=not o.mirror.seen(known.server).problem,
        view=seen,
        metric=metric_of(row or {}, primary),
    )


def metric_of(row: Mapping[str, Any], primary: str | None) -> float | None:
    """The primary metric as the output last told it."""
    beat = row.get("heartbeat") or {}
    progress = beat if beat.get("time") else (row.get("progress") or {})
    found = (progress.get("metrics") or {}).get(primary) if primary else None
    return float(found) if isinstance(found, (int, float)) else None


def eta_s(runs: Sequence[Swept], expected_s: float | None) -> float | None:
    """Until the last server is through: what is left on each, over as many as run there now."""
    longest = 0.0
    for server in {each.server for each in runs}:
        mine = [each for each in runs if each.server == server and not each.has_ended]
        left = [left_s(each, expected_s) for each in mine]
        known = [each for each in left if each is not None]
        if len(known) < len(left):
            return None
        active = sum(each.state == "running" for each in mine)
        longest = max([longest, sum(known) / max(1, active), *known])
    return longest


def left_s(run: Swept, expected_s: float | None) -> float | None:
    if run.view is not None and run.view.eta_s is not None:
        return run.view.eta_s
    return expected_s


# -- steering -----------------------------------------------------------------------------------


def stop(o: Overnight, name: str) -> SweepView:
    """Ends all runs of the sweep that have not ended, and waits until they have."""
    seen = view(o, name)
    mine = [each for each in seen.runs if each.view is not None and not each.has_ended]
    refused = steered(o, "stop", mine, {"by": "overnight sweep stop"})
    gone = [each.run for each in mine if each.run not in refused]
    with o.talk.busy(f"stopping {len(gone)} runs"):
        following.wait(o, gone, timeout_s=STOP_S, changed=lambda _: None)
    return told(o, name, refused)


def resume(o: Overnight, name: str, states: Sequence[str] = AGAIN) -> SweepView:
    """A new attempt of each run in one of `states`, from its newest valid checkpoint."""
    seen = view(o, name)
    mine = [each for each in seen.runs if each.state in states]
    if not mine:
        raise errors.UsageError(
            f"no run of {name!r} is {' or '.join(states)}", hint=f"overnight sweep status {name}"
        )
    return told(o, name, steered(o, "resume", mine, {"by": "overnight sweep resume"}))


def told(o: Overnight, name: str, refused: Mapping[str, errors.OvernightError]) -> SweepView:
    by_message: dict[str, list[str]] = {}
    for run, error in refused.items():
        by_message.setdefault(error.message, []).append(run)
    for message, runs in by_message.items():
        o.talk.say(f"{', '.join(runs)}: {message}")
    seen = view(o, name)
    if refused:
        raise next(iter(refused.values()))
    return seen


def steered(
    o: Overnight, verb: str, runs: Sequence[Swept], args: Mapping[str, Any]
) -> dict[str, errors.OvernightError]:
    """Asks for all of them, all servers at once; what was refused, by run."""
    by_server: dict[str, list[Swept]] = {}
    for each in runs:
        by_server.setdefault(each.server, []).append(each)
    servers = [o.server(name) for name in by_server]

    def ask(server: Server) -> dict[str, errors.OvernightError]:
        mine = [each.run for each in by_server[server.name]]
        return many(
            server, mine, lambda run: Request(verb, {"project": o.project, "run": run, **args})
        )

    found: dict[str, errors.OvernightError] = {}
    for server, answer in zip(servers, asking.at_once(servers, ask), strict=True):
        if isinstance(answer, errors.OvernightError):
            found.update({each.run: answer for each in by_server[server.name]})
        else:
            found.update(answer)
    return found


def many(
    server: Server, runs: Sequence[str], request: Callable[[str], Request]
) -> dict[str, errors.OvernightError]:
    """One pass with all requests in flight. A run that is refused keeps none behind it waiting."""
    refused: dict[str, errors.OvernightError] = {}
    left = list(runs)
    while left:
        answered = 0
        try:
            for _ in server.call_many([request(run) for run in left]):
                answered += 1
            return refused
        except errors.ServerError as error:
            refused[left[answered]] = error
            left = left[answered + 1 :]
    return refused
