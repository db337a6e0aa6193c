"""What the laptop may ask of a server. `VERBS` is the whole list."""

from __future__ import annotations

import errno
import os
import time
from typing import Any, Callable, Dict, Iterator, Tuple

from overnight.node import (
    files,
    fs,
    launch,
    layout,
    look,
    snapshots,
    states,
    wire,
)

Answer = Tuple[Dict[str, Any], bytes]
STALE_TRANSFER_S = 24 * 3600.0


class Refused(Exception):
    """The node cannot do what was asked. `code` is stable; `message` is for people."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def to_json(self) -> dict[str, str]:
        return {"code": self.code, "message": self.message, "hint": self.hint}


def answer(root: str, frame: wire.Frame, reader: wire.Reader) -> Answer:
    """Carries out one request; every expected failure becomes `Refused`."""
    verb = frame.head.get("verb")
    args = frame.head.get("args") or {}
    handler = VERBS.get(str(verb))
    if handler is None:
        raise Refused("unknown_verb", f"this node does not know {verb!r}")
    try:
        if verb == "look":
            return look.look(root, args, lambda timeout_s: reader.waiting(timeout_s))
        return handler(root, args, frame.payload)
    except launch.LaunchError as error:
        raise Refused(error.code, str(error), error.hint) from error
    except snapshots.SnapshotError as error:
        raise Refused(error.code, error.message) from error
    except files.Refused as error:
        raise Refused("not_served", str(error)) from error
    except KeyError as error:
        raise Refused("bad_request", f"{verb}: {error} is missing") from error
    except (ValueError, TypeError) as error:
        raise Refused("bad_request", f"{verb}: {error}") from error
    except TimeoutError as error:  # of a lock: its holder is stopped, or the disk is
        raise Refused("busy", str(error), "try again in a moment") from error
    except OSError as error:
        raise Refused(os_code(error), f"{error.filename or root}: {error.strerror}") from error


def os_code(error: OSError) -> str:
    full = (errno.ENOSPC, errno.EDQUOT)
    return "disk_full" if error.errno in full else "server_os_error"


def active(root: str) -> Iterator[layout.Run]:
    """The runs whose state.json says that they have not ended."""
    for run in layout.runs(root):
        known = fs.read_json(run.file("state.json"))
        if isinstance(known, dict) and known.get("state") in states.ACTIVE:
            yield run


def run_of(root: str, args: dict[str, Any]) -> layout.Run:
    run = layout.run(root, args["project"], args["run"])
    if not os.path.exists(run.file("spec.json")):
        raise Refused("no_such_run", f"there is no run {run.name!r} on this server")
    return run


def ping(root: str, args: dict[str, Any], payload: bytes) -> Answer:
    return {"time": time.time()}, payload


def snapshot_begin(root: str, args: dict[str, Any], payload: bytes) -> Answer:
    folder = layout.project_folder(root, args["project"])
    snapshots.sweep_incoming(folder, time.time(), STALE_TRANSFER_S)
    return snapshots.begin(folder, layout.checked(args["snapshot"]), args["nonce"]), b""


def snapshot_manifest(root: str, args: dict[str, Any], payload: bytes) -> Answer:
    folder = layout.project_folder(root, args["project"])
    name = layout.checked(args["snapshot"])
    return {"manifest": fs.read_json(os.path.join(folder, "manifests", f"{name}.json"))}, b""


def snapshot_part(root: str, args: dict[str, Any], payload: bytes) -> Answer:
    folder = layout.project_folder(root, args["project"])
    snapshots.put_part(folder, args["snapshot"], args["incoming"], args["archive_part"], payload)
    return {}, b""


def snapshot_put(root: str, args: dict[str, Any], payload: bytes) -> Answer:
    folder = layout.project_folder(root, args["project"])
    snapshots.put(
        folder,
        args["snapshot"],
        args["manifest"],
        args["base"],
        args["incoming"],
        payload,
        args.get("parts", 0),
    )
    return {}, b""


def snapshot_discard(root: str, args: dict[str, Any], payload: bytes) -> Answer:
    folder = layout.project_folder(root, args["project"])
    snapshots.discard(folder, args["snapshot"], args["incoming"])
    return {}, b""


def snapshot_commit(root: str, args: dict[str, Any], payload: bytes) -> Answer:
    folder = layout.project_folder(root, args["project"])
    snapshots.commit(folder, args["snapshot"], args["manifest"], args["incoming"])
    return {}, b""


def snapshot_note(root: str, args: dict[str, Any], payload: bytes) -> Answer:
    """Keeps where a snapshot came from (commit, branch, uncommitted diff) beside its manifest."""
    folder = layout.project_folder(root, args["project"])
    name = layout.checked(args["snapshot"])
    fs.publish_json(os.path.join(folder, "manifests", f"{name}.git.json"), args["git"])
    return {}, b""


def attempt_read(root: str, args: dict[str, Any], payload: bytes) -> Answer:
    """The records of one attempt; None for those that are not there (yet)."""
    run = run_of(root, args)
    files_of = {"start": "start.json", "exit": "exit.json", "environment": "environment.json"}
    number = int(args["attempt"])
    return {key: fs.read_json(run.attempt(number, name)) for key, name in files_of.items()}, b""


def launch_run(root: str, args: dict[str, Any], payload: bytes) -> Answer:
    secrets, notify = args.get("secrets") or {}, args.get("notify")
    return launch.launch(root, args["spec"], secrets, notify), b""


def launch_many(root: str, args: dict[str, Any], payload: bytes) -> Answer:
    from overnight.node import many  # sweeps only

    secrets, notify = args.get("secrets") or {}, args.get("notify")
    return {"runs": many.launch_many(root, args["specs"], secrets, notify)}, b""


def queue_look(root: str, args: dict[str, Any], payload: bytes) -> Answer:
    """args, all optional: what a run of `project` needs: `links` {place: target}, `snapshot`, and
    `sharing`: by which rules the cards are judged, as `sharing.rules` reads them, and its runs
    share this server from now on."""
    from overnight.node import queue_view, turns, waiting

    if args.get("project") and waiting.keep_rules(root, args["project"], args.get("sharing")):
        turns.give(root)
    told = queue_view.view(root, args.get("sharing"))
    if args.get("links") is not None:
        told["missing_links"] = queue_view.missing_links(args["links"])
    if args.get("snapshot") is not None:
        folder = layout.project_folder(root, args["project"])
        told["has_snapshot"] = snapshots.is_here(folder, layout.checked(args["snapshot"]))
    return told, b""


def withdraw_run(root: str, args: dict[str, Any], payload: bytes) -> Answer:
    """Takes a run that has never started out of the queue, because server `to` has it from now on.

    Asked again it answers the same; `withdrawn` False: it has started meanwhile, or has ended.
    """
    from overnight.node import turns

    run = run_of(root, args)
    state = turns.withdraw(run, str(args["to"]))
    is_gone = state.moved_to == args["to"]
    spec = fs.read_json(run.file("spec.json"))
    return {"withdrawn": is_gone, "state": state.state, "spec": spec}, b""


def stop_run(root: str, args: dict[str, Any], payload: bytes) -> Answer:
    return launch.stop(run_of(root, args), str(args.get("by", ""))), b""


def resume_run(root: str, args: dict[str, Any], payload: bytes) -> Answer:
    return launch.resume(run_of(root, args), args), b""


def discard_run(root: str, args: dict[str, Any], payload: bytes) -> Answer:
    return launch.discard(layout.run(root, args["project"], args["run"])), b""


def spec_read(root: str, args: dict[str, Any], payload: bytes) -> Answer:
    return {"spec": fs.read_json(run_of(root, args).file("spec.json"))}, b""


def files_list(root: str, args: dict[str, Any], payload: bytes) -> Answer:
    run = run_of(root, args)
    spec = fs.read_json(run.file("spec.json")) or {}
    return files.listing(
        run.folder, spec.get("outputs") or [], args.get("skip"), args.get("include")
    ), b""


def file_read(root: str, args: dict[str, Any], payload: bytes) -> Answer:
    run = run_of(root, args)
    return {}, files.read(run.folder, args["path"], args["offset"], args["length"])


def file_digest(root: str, args: dict[str, Any], payload: bytes) -> Answer:
    run = run_of(root, args)
    return {"sha256": files.digest(run.folder, args["path"], args["size"])}, b""


def gpu_table(root: str, args: dict[str, Any], payload: bytes) -> Answer:
    """args: `sharing`: the rules for GPUs that others use too, as `sharing.rules` reads them."""
    from overnight.node import queue_view

    return queue_view.gpu_table(root, args.get("sharing")), b""


def probe_server(root: str, args: dict[str, Any], payload: bytes) -> Answer:
    from overnight.node import probe  # only doctor needs what it imports

    return probe.probe(root, layout.checked(args["project"]), args), b""


def linger(root: str, args: dict[str, Any], payload: bytes) -> Answer:
    from overnight.node import probe

    if args.get("identity") is None:
        return probe.linger_start(), b""
    return probe.linger_check(args["identity"]), b""


def cron_lines(root: str, args: dict[str, Any], payload: bytes) -> Answer:
    """args: `action`: look, install or remove our lines of the user's crontab."""
    from overnight.node import cron  # only a few verbs need it

    return {"look": cron.look, "install": cron.install, "remove": cron.remove}[args["action"]](
        root
    ), b""


def leave(root: str, args: dict[str, Any], payload: bytes) -> Answer:
    """Refuses while runs are active, unless `although_active`."""
    from overnight.node import leaving

    active = leaving.active(root)
    if active and not args.get("although_active"):
        raise Refused("runs_active", f"still active there: {', '.join(active)}")
    return {**leaving.leave(root), "active": active}, b""


def test_message(root: str, args: dict[str, Any], payload: bytes) -> Answer:
    from overnight.node import post

    return post.test(root, args["project"], args["notify"], args["server"]), b""


def sweep_results(root: str, args: dict[str, Any], payload: bytes) -> Answer:
    """args: `project`; `sweeps`: names, None for all; `points_of`: runs, see `sweeps.answer`."""
    from overnight.node import sweeps

    wanted, points_of = args.get("sweeps"), args.get("points_of") or ()
    return sweeps.answer(root, layout.checked(args["project"]), wanted, points_of), b""


def look_now(root: str, args: dict[str, Any], payload: bytes) -> Answer:
    return look.look(root, args, lambda timeout_s: True)


VERBS: dict[str, Callable[[str, dict[str, Any], bytes], Answer]] = {
    "ping": ping,
    "look": look_now,
    "snapshot_begin": snapshot_begin,
    "snapshot_manifest": snapshot_manifest,
    "snapshot_part": snapshot_part,
    "snapshot_put": snapshot_put,
    "snapshot_discard": snapshot_discard,
    "snapshot_commit": snapshot_commit,
    "snapshot_note": snapshot_note,
    "attempt": attempt_read,
    "launch": launch_run,
    "launch_many": launch_many,
    "queue": queue_look,
    "withdraw": withdraw_run,
    "stop": stop_run,
    "resume": resume_run,
    "discard": discard_run,
    "spec": spec_read,
    "files_list": files_list,
    "file_read": file_read,
    "file_digest": file_digest,
    "gpus": gpu_table,
    "probe": probe_server,
    "linger": linger,
    "cron": cron_lines,
    "leave": leave,
    "test_message": test_message,
    "sweep": sweep_results,
}
