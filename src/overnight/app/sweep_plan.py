"""A sweep as it was asked for, and what would run and where: values."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from overnight.app import preparing
from overnight.core import spec, sweep
from overnight.core.placement import Offer
from overnight.core.sweep import Axis, Point
from overnight.core.sweep_values import Scalar, Value


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wish:
    """A sweep as it was asked for. `axes`, or the `points` themselves.

    `base`: the configuration file to start from. `argv` empty: the project's training command.
    `servers` empty: any that suits.
    """

    name: str | None = None
    mode: str = sweep.ABLATE
    base: str | None = None
    axes: tuple[Axis, ...] = ()
    points: tuple[Mapping[str, Value], ...] = ()
    seeds: tuple[int, ...] = ()
    gpus: float | None = None
    servers: tuple[str, ...] = ()
    max_concurrent: int | None = None
    priority: int | None = None
    after: tuple[str, ...] = ()
    argv: tuple[str, ...] = ()

    @property
    def keys(self) -> list[str]:
        named = [axis.key for axis in self.axes]
        return list(dict.fromkeys([*named, *(key for each in self.points for key in each)]))

    def kept(self) -> dict[str, Any]:
        """What `sweep add` needs to go on in the same way, as JSON."""
        fields = ("mode", "base", "seeds", "gpus", "servers", "max_concurrent", "priority", "after")
        return {name: spec.plain(getattr(self, name)) for name in (*fields, "argv")}


def kept_wish(name: str, kept: Mapping[str, Any]) -> Wish:
    """The wish that `Wish.kept` wrote, without its axes."""
    known = {field.name for field in dataclasses.fields(Wish)}
    values = {key: value for key, value in kept.items() if key in known}
    lists = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
    return Wish(**{**values, **lists, "name": name})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Planned:
    """One run. `there`: a server has it already. Times are Unix times, None where not known."""

    run: str
    sweep: Mapping[str, Any]
    point: Point
    prepared: preparing.Prepared
    server: str
    why: str = ""
    starts_at: float | None = None
    ends_at: float | None = None
    there: bool = False

    def to_json(self) -> dict[str, Any]:
        keys = ("run", "server", "why", "starts_at", "ends_at")
        return {
            **{key: getattr(self, key) for key in keys},
            **{key: self.sweep[key] for key in ("index", "point", "seed", "base")},
            "existed": self.there,
            "command": list(self.prepared.spec.variants[0]["argv"]),
            "files": sorted(self.prepared.files),
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """`base`: the value of each axis as the experiment is; `where`: what is turned for it.

    `expected_s` and `memory_mib` are of one run, on a server of speed 1; None where not known.
    `expected_from` says what the length rests on. `known`: this sweep was begun before. `lead`
    speaks for all runs in the smoke test: the base, where it is one of them.
    """

    name: str
    wish: Wish
    snapshot: str
    base: Mapping[str, Scalar]
    where: Mapping[str, str]
    runs: tuple[Planned, ...]
    lead: Planned
    offers: Sequence[Offer]
    expected_s: float | None = None
    expected_from: str = ""
    memory_mib: int | None = None
    known: bool = False

    @property
    def fresh(self) -> list[Planned]:
        return [each for each in self.runs if not each.there]

    @property
    def away(self) -> dict[str, str]:
        """The servers that did not answer, and why."""
        return {each.server: each.problem for each in self.offers if not each.reachable}

    @property
    def ready(self) -> list[Planned]:
        """The runs that can be launched now. One that was given to a server that is away may be
        there already, so that no other server gets it.
        """
        return [each for each in self.fresh if each.server not in self.away]

    def speed(self, server: str) -> float:
        return next((each.speed for each in self.offers if each.server == server), 1.0)

    def definition(self) -> dict[str, Any]:
        return {
            **self.wish.kept(),
            "keys": dict(self.base),
            "snapshot": self.snapshot,
            "expected_s": self.expected_s,
        }

    def to_json(self) -> dict[str, Any]:
        ends = [each.ends_at for each in self.runs]
        known = [each for each in ends if each is not None]
        return {
            "sweep": self.name,
            "mode": self.wish.mode,
            "total": len(self.runs),
            "snapshot": self.snapshot,
            "axes": dict(self.where),
            "base": dict(self.base),
            "expected_s": self.expected_s,
            "expected_from": self.expected_from,
            "memory_mib": self.memory_mib,
            "ends_at": max(known) if known and len(known) == len(ends) else None,
            "runs": [each.to_json() for each in self.runs],
        }
