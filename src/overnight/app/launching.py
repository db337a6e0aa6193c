"""sync, smoke, run: the way of an experiment from the laptop to a living process."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from overnight.app import Overnight, following, imported, notifying, placing, preparing
from overnight.core import command, config, errors, spec, views
from overnight.ports import Request, Server
from overnight.sync import gitinfo, guard, manifest, opening, transfer
from overnight.train import follow, launch, smoke

NAMES_TRIED = 50
PATIENCE_S = 120.0

Hidden = tuple[dict[str, str], dict[str, Any] | None]  # secrets; where messages go


@dataclass(frozen=True, kw_only=True)
class Synced:
    server: str
    pushed: transfer.Pushed
    git: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {
            "server": self.server,
            "snapshot": self.pushed.snapshot,
            "files": len(self.pushed.manifest.entries),
            "transferred_files": self.pushed.transferred_files,
            "transferred_bytes": self.pushed.transferred_bytes,
            "how": self.pushed.how,
            "commit": self.git.get("commit"),
            "dirty": self.git.get("dirty"),
        }


@dataclass(frozen=True, kw_only=True)
class Turn:
    """When a run may start, as typed: after these runs, before those of a lower priority."""

    priority: int | None = None
    after: Sequence[str] = ()

    def to_wire(self) -> dict[str, Any]:
        told = {"priority": self.priority, "after": list(self.after) or None}
        return {name: value for name, value in told.items() if value is not None}


AT_ONCE = Turn()


@dataclass(frozen=True, kw_only=True)
class Launched:
    """`existed`: the same run was there already and nothing was started anew."""

    server: str
    run: str
    state: str
    sign: str
    existed: bool
    snapshot: str
    smoke: dict[str, Any] | None

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def sync(o: Overnight, server_name: str | None, argv: Sequence[str] = ()) -> Synced:
    """Brings the project's code to the server. Costs one round trip where nothing changed."""
    server = o.server(server_name)
    o.open(server_name)
    allow = o.config.project.allow
    made = manifest.build(o.root, check=lambda found: guard.check(found, allow))
    for note in made.notes:
        o.talk.say(f"note: {note}")
    preparing.check_script(argv, made, o.config.project.links)
    # while the connection comes up
    git = gitinfo.describe(o.root)
    mirror = o.mirror
    with o.talk.busy(f"sync to {server.name}"):
        pushed = transfer.push(
            server,
            o.project,
            o.root,
            made,
            nonce=o.nonce,
            known=lambda snapshot: known_manifest(o, snapshot),
            progress=lambda done, total: o.talk.progress(f"sync to {server.name}", done, total),
            allow=allow,
            origin=git,
        )
    mirror.remember_manifest(pushed.snapshot, pushed.manifest.to_wire())
    opening.remember(o.root, server.name, pushed.snapshot)
    return Synced(server=server.name, pushed=pushed, git=git)


def known_manifest(o: Overnight, snapshot: str) -> manifest.Manifest | None:
    known = o.mirror.manifest(snapshot)
    return manifest.Manifest.from_wire(known) if known else None


def prepared(
    o: Overnight, server_name: str | None, argv: Sequence[str], gpus: float | None
) -> preparing.Prepared:
    chosen = config.choose_server(o.config, server_name)
    return preparing.prepare(o.config, chosen, argv, gpus)


def placed(
    o: Overnight,
    name: str | None,
    server_name: str | None,
    argv: Sequence[str],
    gpus: float | None,
) -> preparing.Prepared:
    """Prepared for the server that the user or the project names, else for the one that suits best.

    A run whose server was typed stays there.
    """
    if not config.is_open(o.config, server_name):
        plan = prepared(o, server_name, argv, gpus)
        pinned = {"pinned": True} if server_name is not None else {}
        return replace(plan, spec=replace(plan.spec, queue={**plan.spec.queue, **pinned}))
    plan = prepared(o, following.used_servers(o)[0], argv, gpus)
    server = o.config.servers[placing.chosen(o, name, plan)]
    wanted = preparing.for_server(plan.spec, o.config, server)
    return replace(plan, server=server.name, spec=wanted)


def smoke_test(
    o: Overnight,
    server_name: str | None,
    argv: Sequence[str],
    gpus: float | None,
    time_box_s: float | None,
) -> smoke.Verdict:
    """Sync, then the smoke test in the foreground."""
    plan = prepared(o, server_name, argv, gpus)
    synced = sync(o, server_name, plan.smoke_argv)
    return run_smoke(o, o.server(server_name), plan, synced, time_box_s)


def run_smoke(
    o: Overnight,
    server: Server,
    plan: preparing.Prepared,
    synced: Synced,
    time_box_s: float | None,
) -> smoke.Verdict:
    """Streams a short run; leaves nothing of it on the server, also after Ctrl-C."""
    name = f"smoke-{uuid.uuid4().hex[:8]}"
    box_s = time_box_s or o.config.smoke.time_box_s
    wanted = preparing.smoke_spec(plan, synced.pushed.snapshot, name, box_s)
    wanted = replace(
        wanted, provenance=preparing.provenance(server.name, plan.smoke_argv, synced.git)
    )
    o.talk.say(f"smoke test on {server.name}, {box_s:g} s at most: {command.show(plan.smoke_argv)}")
    try:
        launch_patiently(o, server, wanted, (preparing.secrets(o.config, os.environ), None))
        follower = following.follower(
            o, server, place=follow.Place(run=name), patience_s=PATIENCE_S, mirrored=False
        )
        view = launch.follow_to_end(follower, name, o.talk.output)
        verdict = judged(o, server, plan, wanted, view)
        missing = preparing.not_sent(o.root, synced.pushed.manifest, verdict.problems)
        if missing:
            verdict = replace(verdict, problems=(*verdict.problems, missing))
    finally:
        clear_smoke(o, server, name)
    if verdict.passed:
        key = smoke_key(plan)
        o.mirror.remember_smoke(synced.pushed.snapshot, key, server.name, verdict.to_json())
    return verdict


def judged(
    o: Overnight,
    server: Server,
    plan: preparing.Prepared,
    wanted: spec.RunSpec,
    view: views.RunView,
) -> smoke.Verdict:
    args = {"project": o.project, "run": wanted.run, "attempt": max(1, view.attempt)}
    record = server.call(Request("attempt", args)).data["exit"] or {}
    totals = {}
    if record.get("gpu_peak_mib"):
        table = server.call(Request("gpus")).data
        totals = {gpu["uuid"]: gpu["memory_total_mib"] for gpu in table["gpus"]}
    return smoke.judge(
        state=view.row,
        record=record,
        outputs=wanted.outputs,
        gpu_totals_mib=totals,
        same_command=plan.same_smoke,
        primary=o.config.metrics.primary if o.config.metrics else None,
    )


def clear_smoke(o: Overnight, server: Server, name: str) -> None:
    """Ends the smoke test if it still runs, and removes it."""
    which = {"project": o.project, "run": name}
    try:
        server.call(Request("stop", {**which, "by": "Ctrl-C"}))
        for found in following.follower(o, server, patience_s=30.0, mirrored=False).looks():
            view = found.view(name)
            if view is None or view.ended:
                break
        server.call(Request("discard", which))
    except errors.ServerError as error:
        if error.code != "no_such_run":
            raise
    except errors.Unreachable:
        o.talk.say(
            f"{server.name} cannot be reached to clear up; the smoke test ends there by itself "
            "when its time box is over"
        )


def smoke_key(plan: preparing.Prepared) -> str:
    """What a pass holds for, beside snapshot and server."""
    return spec.digest(plan.smoke_parts)


def run(
    o: Overnight,
    name: str | None,
    server_name: str | None,
    argv: Sequence[str],
    gpus: float | None,
    *,
    with_smoke: bool,
    turn: Turn = AT_ONCE,
) -> Launched:
    """Sync, smoke, launch; returns when the run shows life, or raises saying why it does not."""
    if name is not None:
        spec.checked_name(name)
    server_name = beside(o, turn.after, server_name)
    plan = placed(o, name, server_name, argv, gpus)
    server_name = plan.server
    secret = preparing.secrets(o.config, os.environ)
    notify = notifying.wanted(o.config.notify, os.environ)
    synced = sync(o, server_name, plan.spec.variants[0]["argv"])
    server = o.server(server_name)
    typed = plan.spec.variants[0]["argv"]
    wanted = replace(
        plan.spec,
        snapshot=synced.pushed.snapshot,
        provenance=preparing.provenance(server.name, typed, synced.git),
    )
    known = o.mirror.smoke_pass(wanted.snapshot, smoke_key(plan), server.name)
    if with_smoke and known is None and not is_there(o, server, name, wanted):
        verdict = run_smoke(o, server, plan, synced, None)
        require(verdict)
        o.talk.say("smoke test passed; launching the run")
        known = verdict.to_json()
    wanted = replace(wanted, queue={**wanted.queue, **measured(known), **turn.to_wire()})
    launched, existed = launch_named(o, server, name, wanted, (secret, notify))
    alive = seen_alive(o, server, launched, wanted)
    return Launched(
        server=server.name,
        run=launched,
        state=alive.view.state,
        sign=alive.sign,
        existed=existed,
        snapshot=wanted.snapshot,
        smoke=known,
    )


def measured(smoke: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the queue may count with, from the smoke test."""
    told = {"expected_s": "full_run_s", "memory_mib": "memory_mib"}
    found = {name: (smoke or {}).get(key) for name, key in told.items()}
    return {name: value for name, value in found.items() if value is not None}


def beside(o: Overnight, after: Sequence[str], server_name: str | None) -> str | None:
    """A run waits on the server of those that it follows: nobody else knows when they end."""
    for each in after:
        homes = o.mirror.where(each)
        if server_name is not None and homes and server_name not in homes:
            raise errors.UsageError(
                f"{each} is on {' and '.join(homes)}, and only there can a run follow it",
                hint=f"the same with --server {homes[0]}, or without --server",
            )
    servers = {following.locate(o, each, server_name).name for each in after}
    if len(servers) > 1:
        raise errors.UsageError(
            f"{' and '.join(after)} are on {' and '.join(sorted(servers))}; a run follows only "
            "runs of one server",
            hint="overnight status",
        )
    return next(iter(servers), server_name)


def seen_alive(o: Overnight, server: Server, run: str, wanted: spec.RunSpec) -> launch.Alive:
    """Waits for a sign of life. Only then, or once its failure is told, is the launch over: until
    then the same command typed again means this run."""
    follower = following.follower(o, server, place=follow.Place(run=run), patience_s=PATIENCE_S)
    try:
        alive = launch.wait_for_life(follower, run)
    except (errors.RunFailed, errors.NeedsDecision):
        forget_intent(o, server, run, wanted)
        raise
    forget_intent(o, server, run, wanted)
    return alive


def forget_intent(o: Overnight, server: Server, run: str, wanted: spec.RunSpec) -> None:
    o.mirror.intended(wanted.content_key, server.name)
    o.mirror.intended(placing.by_name(run), server.name)


def require(verdict: smoke.Verdict) -> None:
    if not verdict.passed:
        raise errors.CheckFailed(
            "the smoke test did not pass: " + "; ".join(verdict.problems),
            hint="mend it and type the same again, or skip the test: overnight run --no-smoke",
        )


def is_there(o: Overnight, server: Server, name: str | None, wanted: spec.RunSpec) -> bool:
    """Whether a run of this name exists; refuses another run's name before minutes are spent."""
    if name is None:
        return False
    try:
        args = {"project": o.project, "run": name}
        known = server.call(Request("spec", args)).data["spec"]
    except errors.ServerError as error:
        if error.code == "no_such_run":
            return False
        raise
    if spec.content(known) != spec.content(replace(wanted, run=name).to_wire()):
        raise errors.NameTaken(
            f"the name {name!r} belongs to another run of this project on {server.name}",
            hint="give another name, or none",
        )
    return True


def launch_patiently(
    o: Overnight, server: Server, wanted: spec.RunSpec, hidden: Hidden
) -> Mapping[str, Any]:
    """Launches through a link that breaks meanwhile: asked twice, it is still one run."""
    return follow.patiently(
        lambda: launch.launch(server, wanted, *hidden),
        server=server.name,
        say=o.talk.say,
        patience_s=PATIENCE_S,
    )


def launch_named(
    o: Overnight,
    server: Server,
    name: str | None,
    wanted: spec.RunSpec,
    hidden: Hidden,
) -> tuple[str, bool]:
    """The name of the run that now exists, and whether it existed before.

    Without a name one is chosen. It is remembered before the server is asked: the same command
    typed again after a launch that was cut short goes on with the same run.
    """
    if name is not None:
        imported.check_free(o, name)
        o.mirror.intend(placing.by_name(name), server.name, (name, ""))
        try:
            done = launch_patiently(o, server, replace(wanted, run=name), hidden)
        except errors.NameTaken:
            o.mirror.intended(placing.by_name(name), server.name)
            raise
        return name, bool(done["existed"])
    key = wanted.content_key
    taken = imported.taken(o)
    for _ in range(NAMES_TRIED):
        fresh = (spec.next_name(taken), uuid.uuid4().hex)
        chosen, launch_id = o.mirror.intend(key, server.name, fresh)
        try:
            done = launch_patiently(
                o, server, replace(wanted, run=chosen, launch_id=launch_id), hidden
            )
        except errors.NameTaken:
            o.mirror.intended(key, server.name)
            taken.add(chosen)
            continue
        return chosen, bool(done["existed"])
    raise errors.UsageError("no free name was found", hint="overnight run NAME …")
