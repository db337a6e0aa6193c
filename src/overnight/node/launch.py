"""Beginning, stopping and resuming runs. Every function may be called again (law 3)."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import time
from typing import Any, Mapping

from overnight.node import (
    ballast,
    fs,
    identity,
    journal,
    keeper,
    layout,
    lock,
    machine,
    notify,
    processes,
    snapshots,
    states,
    waiting,
)

SMOKE = "smoke"
SMOKE_KEPT_S = 3600.0
REMOVED = ".removed"

# What the login session holds about itself and must not be given to a training.
SESSION_ONLY = ("OLDPWD", "PWD", "SHLVL", "_")
SESSION_PREFIXES = ("SSH_", "TMUX", "XDG_SESSION", "DBUS_")


class LaunchError(Exception):
    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint


def launch(
    root: str,
    spec: dict[str, Any],
    secrets: dict[str, str],
    notify_settings: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Makes the run if it is not there and sees to it that it starts when there is room.

    `notify_settings`: where messages of the project go from now on; None for where they went.

    The same name with the same content is the same run, whatever became of it; the same name
    with other content is refused with the code `name_taken`.
    """
    run = run_of(root, spec)
    os.makedirs(os.path.dirname(run.folder), exist_ok=True)
    with lock.held(os.path.join(run.project_folder, "launch.lock")):
        if spec.get("kind") == SMOKE:
            sweep_smokes(root, run.project, time.time())
        notify.keep(root, run.project, notify_settings, time.time())
        existed, state = made(run, spec, secrets)
    see_to = submitted if spec.get("slurm") else keeper.see_to
    started = see_to(run, spec, state)
    return {"state": state.state, "existed": existed, "started": started}


def submitted(run: layout.Run, spec: dict[str, Any], state: states.State) -> bool:
    """As `keeper.see_to`, but a run that Slurm refuses leaves nothing behind."""
    from overnight.node.slurm import keeping

    try:
        return keeping.launch(run, spec, state)
    except keeping.Refused as refusal:
        if not state.attempts:
            remove(run)
        else:
            journal.append(run, "failed", reason=f"Slurm refused it: {refusal}")
        raise refused_by_slurm(str(refusal)) from refusal


def refused_by_slurm(why: str) -> LaunchError:
    return LaunchError(
        "slurm_refused",
        f"Slurm refused the run: {why}",
        "mend slurm = { … } of that server in overnight.toml, or gpus under [project] (0 for none)",
    )


def run_of(root: str, spec: dict[str, Any]) -> layout.Run:
    """ValueError where a name or a path of the spec leads out of the run."""
    run = layout.run(root, spec["project"], spec["run"])
    for path in [*(spec.get("outputs") or []), *(spec.get("links") or {})]:
        fs.inside(run.work, path)
    return run


def made(
    run: layout.Run, spec: dict[str, Any], secrets: dict[str, str], *, durable: bool = True
) -> tuple[bool, states.State]:
    """Whether the run was there already, and its state. The caller holds the launch lock."""
    check_machine(run.root, spec)
    known = fs.read_json(run.file("spec.json"))
    if known is None:
        check_followed(run, spec)
        write_run(run, spec, secrets, durable=durable)
        waiting.keep_rules(run.root, run.project, (spec.get("queue") or {}).get("sharing"))
        if not spec.get("slurm"):
            waiting.note(run, spec)
    elif content_key(known) != content_key(spec):
        raise name_taken(run, known)
    state = journal.append(run, "created", when=lambda s: s.state == "", durable=durable)
    return known is not None, state


def check_machine(root: str, spec: dict[str, Any]) -> None:
    """A root is used by one machine only; that of a cluster by all its nodes, through Slurm."""
    found = "" if spec.get("slurm") else machine.claim(root)
    if found:
        raise LaunchError(
            "root_shared",
            f"{root} is in use by {found}, which sees the same folder; two servers cannot share it",
            'give this server a root of its own in overnight.toml, such as root = "~/overnight-2"',
        )


def check_followed(run: layout.Run, spec: dict[str, Any]) -> None:
    """What a run is to follow must be here: nobody else could tell when it has finished."""
    for name in (spec.get("queue") or {}).get("after") or ():
        if not os.path.exists(layout.run(run.root, run.project, name).file("spec.json")):
            raise LaunchError(
                "no_such_run",
                f"{run.name!r} is to follow {name!r}, and there is no such run on this server",
                "overnight status   shows where it is",
            )


def write_run(
    run: layout.Run, spec: dict[str, Any], secrets: dict[str, str], *, durable: bool = True
) -> None:
    """The run's folder; spec.json comes last, so that a run without it was never launched."""
    os.makedirs(run.folder, exist_ok=True)
    if secrets:
        fs.publish_json(run.file("secrets"), secrets, mode=0o600, durable=durable)
    hidden = notify.secrets(run.root, run.project)
    shown = {
        key: value
        for key, value in session(os.environ).items()
        if key not in secrets and value not in hidden
    }
    fs.publish_json(run.file("session.json"), shown, mode=0o600, durable=durable)
    ballast.take_in(run)
    fs.publish_json(run.file("spec.json"), spec, durable=durable)


def session(variables: Mapping[str, str]) -> dict[str, str]:
    """The login environment of the launch, without what belongs to that one connection."""
    return {
        as_utf8(key): as_utf8(value)
        for key, value in variables.items()
        if key not in SESSION_ONLY and not key.startswith(SESSION_PREFIXES)
    }


def as_utf8(text: str) -> str:
    """The bytes behind `text` as our other processes read them, whatever this login's locale."""
    return os.fsencode(text).decode("utf-8", "surrogateescape")


def content_key(spec: dict[str, Any]) -> str:
    """What makes two launches the same: all but where and when they were typed and may start."""
    content = {key: value for key, value in spec.items() if key not in ("provenance", "queue")}
    return hashlib.sha256(fs.dump(content)).hexdigest()


def name_taken(run: layout.Run, known: dict[str, Any]) -> LaunchError:
    state = journal.state(run)
    shown = (known.get("provenance") or {}).get("command") or known["variants"][0]["argv"]
    return LaunchError(
        "name_taken",
        f"the name {run.name!r} belongs to another run of this project ({state.state}; "
        f"snapshot {known.get('snapshot')}; {shown})",
        "give another name, or none",
    )


def stop(run: layout.Run, by: str) -> dict[str, Any]:
    """Asks the supervisor to end the run; starts one where none lives, so that it happens.

    A run that waits is stopped here.
    """
    spec = fs.read_json(run.file("spec.json")) or {}
    if spec.get("slurm"):
        return stop_in_slurm(run, spec, by)
    check_machine(run.root, spec)
    state = journal.append(
        run, "stop_requested", when=lambda s: s.state in states.ACTIVE and s.stop is None, by=by
    )
    wake_supervisor(run)
    keeper.see_to(run, spec, state)
    return {"state": state.state}


def stop_in_slurm(run: layout.Run, spec: dict[str, Any], by: str) -> dict[str, Any]:
    from overnight.node.slurm import keeping

    if journal.state(run).state in states.ACTIVE:
        keeping.stop(run, spec, by)
    return {"state": journal.state(run).state}


def wake_supervisor(run: layout.Run) -> None:
    """Without it the stop would be seen at the next tick, a second later."""
    supervisor = identity.from_json(fs.read_json(run.file("supervisor.json")))
    if supervisor is not None:
        processes.send(supervisor, signal.SIGUSR1)


def resume(run: layout.Run, args: dict[str, Any]) -> dict[str, Any]:
    """Continues an ended run from its newest valid checkpoint, as a new attempt.

    args: `by`; `variant`, the number of the variant that a person has agreed to; `settings`, the
    values that a person wants; `lr_scale`, by which the learning rate is multiplied.
    """
    spec = fs.read_json(run.file("spec.json")) or {}
    check_machine(run.root, spec)
    before = journal.state(run)
    if before.moved_to is not None:
        raise LaunchError(
            "moved",
            f"{run.name!r} was moved to {before.moved_to} and goes on there",
            "overnight status",
        )
    details = {"by": args["by"]} if args.get("by") else {}
    if args.get("variant") is not None:
        details.update(agreed_variant(run, before, int(args["variant"])))
    if args.get("settings") or args.get("lr_scale") is not None:
        details.update(agreed_settings(run, before, args))
    leave_job_behind(run, before)
    if not spec.get("slurm"):
        waiting.note(run, spec)  # first: by the list the watch finds it, should we be killed here
    state = journal.append(
        run, "resumed", when=lambda s: s.state in states.ENDED and s.seq == before.seq, **details
    )
    keeper.see_to(run, spec, state)
    return {"state": state.state, "was": before.state}


def leave_job_behind(run: layout.Run, before: states.State) -> None:
    """What an ended run of Slurm's had: its job, and the wish that ended it."""
    if before.state in states.ENDED and (fs.read_json(run.file("spec.json")) or {}).get("slurm"):
        from overnight.node.slurm import keeping

        keeping.before_resume(run)


def agreed_variant(run: layout.Run, before: states.State, number: int) -> dict[str, Any]:
    """What the event says of it: it is a repair, and shown as one (law 7)."""
    variants = fs.read_json(run.file("spec.json"))["variants"]
    if not 0 <= number < len(variants):
        raise LaunchError("no_such_variant", f"{run.name!r} has no smaller batch to go on with")
    if number == before.variant:
        return {}
    return {
        "variant": number,
        "change": f"{variants[before.variant]['label']} -> {variants[number]['label']}, as agreed",
        "changes_science": bool(variants[number].get("changes_science")),
    }


def agreed_settings(run: layout.Run, before: states.State, args: dict[str, Any]) -> dict[str, Any]:
    """Values that a person wants. A loss that went wrong is left behind with its checkpoints."""
    spec = fs.read_json(run.file("spec.json"))
    known = {**(spec.get("settings") or {}), **before.settings}
    wanted = dict(args.get("settings") or {})
    if args.get("lr_scale") is not None:
        if not isinstance(known.get("lr"), (int, float)):
            raise not_turnable(run, "lr", known)
        wanted["lr"] = known["lr"] * float(args["lr_scale"])
    for name in wanted:
        if name not in known:
            raise not_turnable(run, name, known)
    turned = ", ".join(f"{name} {known[name]} -> {value}" for name, value in wanted.items())
    failure = before.failure or {}
    return {
        "settings": wanted,
        "change": f"{turned}, as agreed",
        "changes_science": bool(set(wanted) - {"workers", "port"}),
        "before": (failure.get("facts") or {}).get("last_finite_at"),
    }


def not_turnable(run: layout.Run, name: str, known: dict[str, Any]) -> LaunchError:
    others = f"; it can turn {', '.join(sorted(known))}" if known else ""
    return LaunchError(
        "not_turnable",
        f"{name!r} cannot be turned in the command of {run.name!r}{others}",
        "launch it anew with the value that you want",
    )


def discard(run: layout.Run) -> dict[str, Any]:
    """Removes the folder of a smoke test that has ended. Other runs are never removed."""
    spec = fs.read_json(run.file("spec.json"))
    if spec is None:
        return {"removed": False}
    if spec.get("kind") != SMOKE or journal.state(run).state in states.ACTIVE:
        raise LaunchError("not_discardable", f"{run.name!r} is not a smoke test that has ended")
    remove(run)
    return {"removed": True}


def remove(run: layout.Run) -> None:
    """Renamed first: it is gone as a whole, also for a process that still writes into it."""
    leaving = os.path.join(os.path.dirname(run.folder), f".{run.name}{REMOVED}")
    os.rename(run.folder, leaving)
    waiting.forget(run)
    snapshots.remove_tree(leaving)


def sweep_smokes(root: str, project: str, now: float) -> None:
    """Clears up after laptops that died during a smoke test or a launch, an hour later.

    A smoke test that still runs or waits is told to stop, and removed by a later sweep.
    """
    folder = os.path.join(layout.project_folder(root, project), "runs")
    for name in os.listdir(folder):
        if name.startswith(".") and name.endswith(REMOVED):
            snapshots.remove_tree(os.path.join(folder, name))
    for run in layout.runs(root, project):
        with contextlib.suppress(OSError):
            if is_of_nobody(run) and now - changed_at(run) > SMOKE_KEPT_S:
                clear_up(run)


def is_of_nobody(run: layout.Run) -> bool:
    """True for a smoke test, and for a launch that was cut before there was a run.

    Such a launch has no event: its laptop, the power or the disk's last room went before the first.
    """
    spec = fs.read_json(run.file("spec.json"))
    if spec is not None and spec.get("kind") == SMOKE:
        return True
    return journal.state(run).seq == 0 and not os.path.exists(run.file("attempts"))


def changed_at(run: layout.Run) -> float:
    """Of a launch that was cut, the time of its folder."""
    return float(journal.published(run)["changed_at"]) or os.stat(run.folder).st_mtime


def clear_up(run: layout.Run) -> None:
    if journal.state(run).state in states.ACTIVE:
        stop(run, "a later smoke test")
    else:
        remove(run)
