"""The trials of a search as runs of a sweep: launched, observed and stopped on the servers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from overnight.app import (
    Overnight,
    asking,
    following,
    placing,
    sweep_making,
    sweep_places,
    sweeping,
)
from overnight.app.search_record import code_has_changed
from overnight.app.sweep_plan import Plan, Planned, Wish
from overnight.app.sweep_sight import Sight
from overnight.core import config, errors, search_space, sweep, views
from overnight.core.search_space import Choice, Space
from overnight.core.sweep import Point
from overnight.ports import Request, Server
from overnight.results.comparison import sweeps
from overnight.sync import manifest
from overnight.train import search
from overnight.train.search import Seen, Trial


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wanted:
    """A search as it was asked for. `wish` has all but axes and mode."""

    wish: Wish
    space: Space
    trials: int
    at_once: int
    prunes: bool = True
    with_smoke: bool = True


def run_name(name: str, trial: Trial) -> str:
    return f"{name}-t{trial.number:03d}"


class SweptTrials:
    """The runs of a search, as `search.Runs` wants them."""

    def __init__(self, o: Overnight, wish: Wish, wanted: Wanted, trials: Sequence[Trial]) -> None:
        """`trials` so far, of earlier processes."""
        self.o, self.wish, self.wanted = o, wish, wanted
        self.name = str(wish.name)
        self.sight = Sight(o, wish)
        self.snapshot = manifest.build(o.root).id
        self.where: dict[int, str] = {}  # number -> the server that was seen to have it
        self.away: set[str] = set()
        # Values that a smoke test, or a run, has gone through.
        ended = (trial for trial in trials if trial.state != search.ASKED)
        self.tested = {path for trial in ended for path in self.path(trial)}

    # -- launching ------------------------------------------------------------------------

    def launch(self, trials: Sequence[Trial]) -> None:
        """Raises what a smoke test or a server says; the trials stay asked, and are tried again."""
        if manifest.build(self.o.root).id != self.snapshot:
            raise code_has_changed(self.name)
        candidates = sweep_making.servers_for(self.o, self.wish)
        plan = self.plan(trials, placing.offers(self.o, candidates, self.snapshot))
        plan = sweep_places.placed(self.o, sweep_places.with_length(self.o, plan), candidates)
        is_new = self.is_new(trials) and self.wanted.with_smoke
        done = sweeping.start(self.o, plan, with_smoke=is_new)
        self.tested |= {path for trial in trials for path in self.path(trial)}
        for each in done.refused:
            assert each.error is not None
            if isinstance(each.error, errors.NameTaken):
                raise each.error
            self.o.talk.say(f"{each.planned.run}: {each.error.message}; trying again")

    def plan(self, trials: Sequence[Trial], offers: Sequence[Any]) -> Plan:
        remembered = {each.run: each.server for each in self.o.mirror.sweeps.runs(self.name)}
        settings = self.o.config.servers[config.LOCAL]
        runs = [self.planned(trial, settings, remembered) for trial in trials]
        return Plan(
            name=self.name,
            wish=self.wish,
            snapshot=self.snapshot,
            base=self.sight.base,
            where=self.sight.where,
            runs=tuple(runs),
            lead=runs[0],
            offers=tuple(offers),
            known=bool(remembered),
        )

    def planned(
        self, trial: Trial, settings: config.ServerConfig, remembered: Mapping[str, str]
    ) -> Planned:
        """A trial that was given to a server before stays there (law 3)."""
        space = self.wanted.space
        changes = {key: search_space.value_of(space[key], trial.params[key]) for key in space}
        point, run = Point(changes=changes), run_name(self.name, trial)
        told = sweep.to_wire(
            point,
            name=self.name,
            mode=sweep.SEARCH,
            index=trial.number,
            total=trial.of,
            base=self.sight.base,
        )
        return Planned(
            run=run,
            sweep=told,
            point=point,
            prepared=self.sight.prepared(point, settings),
            server=remembered.get(run, ""),
        )

    def path(self, trial: Trial) -> Iterable[tuple[str, str]]:
        """What of the trial may lead through other code."""
        choices = (key for key, axis in self.wanted.space.items() if isinstance(axis, Choice))
        return [("", ""), *((key, str(trial.params[key])) for key in choices)]

    def is_new(self, trials: Sequence[Trial]) -> bool:
        return not self.tested.issuperset(path for trial in trials for path in self.path(trial))

    # -- observing ------------------------------------------------------------------------

    def observe(self, trials: Sequence[Trial]) -> dict[int, Seen | None]:
        names = {run_name(self.name, trial): trial.number for trial in trials}
        rows, all_answered = self.rows(list(names)) if names else ({}, True)
        found: dict[int, Seen | None] = {}
        for run, number in names.items():
            if run in rows:
                self.where[number], row = rows[run]
                found[number] = seen(row)
            elif all_answered:
                found[number] = None
        return found

    def rows(self, names: Sequence[str]) -> tuple[dict[str, tuple[str, Mapping[str, Any]]], bool]:
        """(run -> its server and what that says, whether every server answered)."""
        servers = [self.o.server(each) for each in self.servers()]
        args = {"project": self.o.project, "sweeps": [self.name], "points_of": list(names)}
        answers = asking.at_once(servers, lambda each: each.call(Request("sweep", args)).data)
        rows: dict[str, tuple[str, Mapping[str, Any]]] = {}
        for server, answer in zip(servers, answers, strict=True):
            self.note(server, answer)
            if not isinstance(answer, errors.OvernightError):
                runs = (answer["sweeps"].get(self.name) or {"runs": {}})["runs"]
                rows.update({run: (server.name, row) for run, row in runs.items()})
        return rows, not self.away

    def servers(self) -> list[str]:
        remembered = [each.server for each in self.o.mirror.sweeps.runs(self.name)]
        used = [*following.used_servers(self.o), *self.wish.servers, *remembered]
        return [each for each in dict.fromkeys(used) if each in self.o.config.servers]

    def note(self, server: Server, answer: Any) -> None:
        """Says once that a server is away, and once that it is back."""
        is_away = isinstance(answer, errors.OvernightError)
        if is_away and server.name not in self.away:
            self.o.talk.say(f"{answer.message}; what runs there goes on")
        if not is_away and server.name in self.away:
            self.o.talk.say(f"{server.name} is back")
        (self.away.add if is_away else self.away.discard)(server.name)

    def stop(self, trial: Trial) -> None:
        """A hopeless run; where its server is away it is asked for again in the next round."""
        args = {"project": self.o.project, "run": run_name(self.name, trial), "by": sweeps.PRUNED}
        server = self.o.server(self.where[trial.number])
        asking.at_once([server], lambda each: each.call(Request("stop", args)))


def seen(row: Mapping[str, Any]) -> Seen:
    """What the verb `sweep` says of a run, in the words of a search."""
    told = sweeps.outcome(row, "")
    return Seen(
        state=told.state,
        has_ended=told.state in views.ENDED,
        value=sweeps.number(row.get("best") or {}),
        points=list(points(row.get("points") or [])),
        is_changed=told.is_altered,
        was_pruned=told.said == "pruned",
        reason=told.reason,
    )


def points(rows: Iterable[Sequence[Any]]) -> Iterable[search.Point]:
    """(epoch or step, value) of the finite ones; a broken epoch only where there is no step."""
    for step, epoch, value in rows:
        if value is None or not math.isfinite(value):
            continue
        if epoch is not None and epoch == int(epoch):
            yield int(epoch), float(value)
        elif step is not None:
            yield int(step), float(value)
