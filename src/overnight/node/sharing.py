"""Who uses each GPU of a server that labmates use too, and whether it is free for us. Pure.

A GPU is free when nobody else has been seen on it for a while, hardly any of its memory and time
is used, no run of ours holds it, and no rule keeps us away. What cannot be seen is not free.
"""

from __future__ import annotations

import time
from typing import Any, Mapping, NamedTuple, Sequence

from overnight.node import gpus, hours, owners

FREE, OURS, OTHER, RESTING = "free", "ours", "other", "resting"
EXCLUDED, QUIET, UNKNOWN = "excluded", "quiet", "unknown"

LONGEST_GAP_S = 10.0  # so much of the time between two samples counts as looked at
FORGET_S = 600.0  # a look that is older says nothing of the present

Owners = Mapping[int, owners.Owner]


class Rules(NamedTuple):
    """What the users of a server have agreed on.

    `free_users` do not count as somebody else; `excluded` names GPUs by index or the beginning of
    a UUID; in `quiet` hours (see `hours`, by the server's clock) nothing is free. A GPU is idle
    below `idle_mib` (and 10 % of its memory) and `idle_percent`, and free once nobody else was
    seen on it for `rest_s`.
    """

    free_users: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    quiet: tuple[str, ...] = ()
    idle_mib: int = gpus.IDLE_MIB
    idle_percent: int = 20
    rest_s: float = 20.0


class Sighting(NamedTuple):
    """What the samples up to `at` (s) say of one GPU on which somebody else was seen.

    `since`: the first sample of their stay; `who`: their names, of the last sample that saw them;
    `clean`: samples since then that saw nobody; `rested_s`: the seconds between those.
    """

    at: float
    since: float
    who: tuple[str, ...]
    clean: int = 0
    rested_s: float = 0.0


class User(NamedTuple):
    """One process of somebody else's. `since` (s): when it began, or was first seen."""

    user: str
    pid: int
    mib: int | None
    since: float | None


class Use(NamedTuple):
    """`why` is for people. `runs` are the records of the leases.

    `shareable`: nothing but our own leases keeps a run of ours away, so that those which agreed
    to share the GPU may. What is free is shareable as well.
    """

    uuid: str
    index: int  # type: ignore[assignment]  # as in Gpu
    state: str
    users: tuple[User, ...] = ()
    runs: tuple[Mapping[str, Any], ...] = ()
    why: str = ""
    shareable: bool = False


# -- rules ------------------------------------------------------------------------------------


def rules(raw: object) -> Rules:
    """From the JSON of a run's spec; what is unknown or makes no sense is as by default."""
    told = raw if isinstance(raw, Mapping) else {}
    default = Rules()
    return Rules(
        free_users=texts(told.get("free_users")),
        excluded=texts(told.get("excluded")),
        quiet=tuple(text for text in texts(told.get("quiet")) if hours.parse(text)),
        idle_mib=int(number(told.get("idle_mib"), default.idle_mib, 1)),
        idle_percent=int(number(told.get("idle_percent"), default.idle_percent, 1)),
        rest_s=number(told.get("rest_s"), default.rest_s, 0),
    )


def texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, (list, tuple)):
        return ()
    return tuple(str(each) for each in value if type(each) in (str, int))


def number(value: object, default: float, least: float) -> float:
    """`value` where it is a number of at least `least` that can be counted with."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return default
    return value if least <= value < float("inf") else default


# -- samples ----------------------------------------------------------------------------------


def seen(
    before: Mapping[str, Sighting],
    table: gpus.Table,
    owned: Owners,
    rules: Rules,
    now: float,
) -> dict[str, Sighting]:
    """The sightings after this sample. `owned` tells of each pid of the table whose it is.

    GPUs on which nobody else was seen have none. A clock that is set back or a table that is not
    whole lengthens a rest by that sample and no more.
    """
    if table.problem:
        return dict(before)
    found = {}
    for gpu in table.gpus:
        who = tuple(sorted({user_of(app, owned) for app in foreign(gpu, owned, rules)}))
        sighting = after(known(before.get(gpu.uuid), now), who, now)
        if sighting is not None and not has_rested(sighting, rules):
            found[gpu.uuid] = sighting
    return found


def known(before: Sighting | None, now: float) -> Sighting | None:
    """The last sighting, as far as it still says something."""
    return None if before is None or now - before.at > FORGET_S else before


def after(before: Sighting | None, who: tuple[str, ...], now: float) -> Sighting | None:
    if who:
        stays = before is not None and before.clean == 0
        return Sighting(now, before.since if before is not None and stays else now, who)
    if before is None:
        return None
    looked_s = min(max(now - before.at, 0.0), LONGEST_GAP_S) if before.clean else 0.0
    return before._replace(at=now, clean=before.clean + 1, rested_s=before.rested_s + looked_s)


def has_rested(sighting: Sighting, rules: Rules) -> bool:
    return sighting.clean > 0 and sighting.rested_s >= rules.rest_s


def to_json(sightings: Mapping[str, Sighting]) -> dict[str, Any]:
    return {uuid: sighting._asdict() for uuid, sighting in sightings.items()}


def from_json(value: object) -> dict[str, Sighting]:
    """What `to_json` wrote; whatever else stands there says nothing."""
    found = {}
    for uuid, told in value.items() if isinstance(value, Mapping) else ():
        sighting = sighting_of(told)
        if sighting is not None:
            found[str(uuid)] = sighting
    return found


def sighting_of(told: object) -> Sighting | None:
    if not isinstance(told, Mapping):
        return None
    figures = [told.get(name) for name in ("at", "since", "rested_s")]
    at, since, rested_s = (number(figure, -1.0, 0) for figure in figures)
    clean = told.get("clean")
    if min(at, since, rested_s) < 0 or type(clean) is not int or clean < 0:
        return None
    return Sighting(at, since, texts(told.get("who")), clean, rested_s)


# -- who is there -----------------------------------------------------------------------------


def owner_of(app: gpus.App, owned: Owners) -> owners.Owner:
    return owned.get(app.pid, owners.Owner())


def user_of(app: gpus.App, owned: Owners) -> str:
    return owner_of(app, owned).user


def foreign(gpu: gpus.Gpu, owned: Owners, rules: Rules) -> list[gpus.App]:
    """The processes of others that keep us away. A display server on the card does not."""
    return [
        app
        for app in gpu.apps
        if not owner_of(app, owned).ours
        and user_of(app, owned) not in rules.free_users
        and not gpus.only_shows(app)
    ]


def users(gpu: gpus.Gpu, owned: Owners, rules: Rules, sighting: Sighting | None) -> list[User]:
    """The processes of others. One that does not tell its age is there since it was seen."""
    first = sighting.since if sighting is not None and sighting.clean == 0 else None
    return [
        User(owner.user, app.pid, app.used_mib, first if owner.since is None else owner.since)
        for app in foreign(gpu, owned, rules)
        for owner in [owner_of(app, owned)]
    ]


# -- judging ----------------------------------------------------------------------------------


def judge(
    table: gpus.Table,
    owned: Owners,
    held: Mapping[str, Sequence[Mapping[str, Any]]],
    sightings: Mapping[str, Sighting],
    rules: Rules,
    local: time.struct_time,
) -> dict[str, Use]:
    """GPU UUID -> its use. `sightings` are those after this sample, `held` the leases by UUID.

    `local` is the server's local time.
    """
    until = quiet_until(rules, local)
    found: dict[str, Use] = {}
    for gpu in table.gpus:
        sighting = sightings.get(gpu.uuid)
        others = tuple(users(gpu, owned, rules, sighting))
        runs = tuple(held.get(gpu.uuid, ()))
        blank = Use(gpu.uuid, gpu.index, FREE, others, runs)
        use = (
            closed(blank, gpu, table.problem, rules)
            or taken(blank, until, sighting, rules)
            or busy(blank, gpu, owned, rules)
            or blank._replace(shareable=True)
        )
        found[gpu.uuid] = as_ours(use) if runs else use
    return found


def as_ours(use: Use) -> Use:
    """Of a GPU that a run of ours holds. `why` is what keeps other runs of ours away."""
    return use._replace(state=OURS)


def closed(use: Use, gpu: gpus.Gpu, problem: str | None, rules: Rules) -> Use | None:
    if problem:
        return use._replace(state=UNKNOWN, why=problem)
    if gpu.note:
        return use._replace(state=EXCLUDED, why=gpu.note)
    if any(gpus.is_named(gpu, name) for name in rules.excluded):
        return use._replace(state=EXCLUDED, why="overnight.toml excludes it")
    return None


def taken(use: Use, until: str, sighting: Sighting | None, rules: Rules) -> Use | None:
    if use.users:
        names = " and ".join(sorted({user.user for user in use.users}))
        return use._replace(state=OTHER, why=f"used by {names}")
    if until:
        return use._replace(state=QUIET, why=f"quiet hours until {until}")
    if sighting is not None and not has_rested(sighting, rules):
        left_s = max(rules.rest_s - sighting.rested_s, 0.0)
        who = " and ".join(sighting.who) or "somebody else"
        return use._replace(state=RESTING, why=f"used by {who} until just now; {left_s:.0f} s more")
    return None


def busy(use: Use, gpu: gpus.Gpu, owned: Owners, rules: Rules) -> Use | None:
    """Judged by the figures: there are processes that cannot be seen, and some that just ended."""
    ours = [app for app in gpu.apps if owner_of(app, owned).ours]
    if ours and not use.runs:
        return use._replace(state=RESTING, why=f"process {ours[0].pid} of a run that ends")
    mib = unexplained_mib(gpu, owned, rules, is_ours=bool(use.runs))
    if mib >= idle_limit_mib(gpu, rules):
        return use._replace(state=OTHER, why=f"{mib} MiB in use by processes that cannot be seen")
    spared = any(user_of(app, owned) in rules.free_users for app in gpu.apps)
    percent = gpu.utilization or 0
    if percent >= rules.idle_percent and not (spared or use.runs):
        return use._replace(state=OTHER, why=f"busy ({percent} %), by whom cannot be seen")
    return None


def unexplained_mib(gpu: gpus.Gpu, owned: Owners, rules: Rules, *, is_ours: bool) -> int:
    """Memory that neither runs of ours nor users who count as free hold, as far as it is told."""
    explained = [
        app
        for app in gpu.apps
        if user_of(app, owned) in rules.free_users or (is_ours and owner_of(app, owned).ours)
    ]
    if is_ours and (not explained or any(app.used_mib is None for app in explained)):
        return 0
    return (gpu.memory_used_mib or 0) - sum(app.used_mib or 0 for app in explained)


def idle_limit_mib(gpu: gpus.Gpu, rules: Rules) -> float:
    if gpu.memory_total_mib is None:
        return rules.idle_mib
    return min(rules.idle_mib, gpus.IDLE_SHARE * gpu.memory_total_mib)


def quiet_until(rules: Rules, local: time.struct_time) -> str:
    """When the quiet hours end in which `local` lies, as HH:MM; "" where it lies in none."""
    for text in rules.quiet:
        found = hours.parse(text)
        if found is not None and hours.contains(found, local):
            return hours.clock(found.end % hours.DAY_MIN)
    return ""
