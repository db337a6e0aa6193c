"""How an attempt ended: its record on the disk, and what it is taken for."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from overnight.node import (
    actions,
    apart,
    attempt,
    fs,
    identity,
    layout,
    policy,
    preparation,
    shim,
    states,
)

CLAIM_WAIT_S = 5.0
VERDICT = "verdict.json"  # why we ended the attempt ourselves
LITTLE_SPACE_BYTES = 256 * 1024
ROOM_FOR_BYTECODE_BYTES = 16 * 1024 * 1024
DIAGNOSIS_LIMIT_S = 60.0
# What of the record the event tells; the rest is in exit.json.
TOLD = ("exit_code", "signal", "cause", "position", "progress")


def never_started(folder: str) -> bool:
    """True when this attempt's command was never begun, and from now on never will be.

    Takes the attempt's claim ourselves; a shim that comes late finds it taken and leaves.
    """
    if shim.claim(folder):
        return True
    deadline = time.monotonic() + CLAIM_WAIT_S
    while shim.leader(folder) is None and time.monotonic() < deadline:
        time.sleep(0.02)
    return False


def record(follower: attempt.Follower, spec: dict[str, Any], cause: str | None) -> dict[str, Any]:
    """The content of exit.json. `cause` as in `actions.Ended`, where it is known."""
    follower.reap()
    follower.close()
    # A record that outlives a power cut is worth little where the words that explain it do not.
    fs.sync_file(f"{follower.folder}/output.log")
    code = follower.exit_code()
    if cause is None and code != 0:
        cause = ended_by_us(follower.folder)
    if code is None and cause is None:
        cause = lost_cause(follower)
    curve = follower.tracker.primary
    seen = follower.lookout.last_words() if follower.lookout else {}
    return {
        "exit_code": code,
        "signal": shim.signal_of(code),
        "cause": cause,
        "ended_at": time.time(),
        "position": follower.tracker.position(),
        "progress": follower.tracker.to_dict(),
        "primary": curve.to_dict() if curve is not None else None,
        "sound_at": follower.sound_at,
        "resources": follower.resources(),
        "gpu_peak_mib": follower.gpu_peak_mib,
        "outputs": preparation.outputs_seen(follower.run, spec),
        "disk_full": free_bytes(follower.folder) < LITTLE_SPACE_BYTES,
        **seen,
        "evidence": fs.read_json(f"{follower.folder}/{VERDICT}") or seen.get("evidence") or {},
    }


def known(folder: str) -> dict[str, Any] | None:
    """The record that was made of this end before, where there is one."""
    found = fs.read_json(f"{folder}/exit.json")
    return found if isinstance(found, dict) and all(key in found for key in TOLD) else None


def ended_by_us(folder: str) -> str | None:
    """The verdict of a supervisor that died before it could record the end."""
    verdict = fs.read_json(f"{folder}/{VERDICT}")
    return str(verdict["cause"]) if isinstance(verdict, dict) and "cause" in verdict else None


def lost_cause(follower: attempt.Follower) -> str:
    """Why nobody wrote down an exit code."""
    if follower.never_began():
        return "never_started"
    leader = follower.shim()
    rebooted = leader is not None and leader.boot_id != identity.boot_id()
    return "reboot" if rebooted else "lost"


def free_bytes(folder: str) -> int:
    """Space that this user may still use; a quota does not show in it."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def judged(run: layout.Run, last: states.Attempt, ended: actions.Ended) -> actions.Failure | None:
    """What the attempt's output and its end say; None where it ended well.

    A log that the diagnosis cannot read in time, or that kills it, ends nothing but the diagnosis.
    """

    def verdict() -> list[Any]:
        # Bytecode would take the space that the records need now.
        sys.dont_write_bytecode = free_bytes(run.folder) < ROOM_FOR_BYTECODE_BYTES
        from overnight.node import judging  # only the child needs the rules

        return list(judging.verdict(run, last, ended))

    try:
        failure = actions.Failure(*apart.call(verdict, limit_s=DIAGNOSIS_LIMIT_S))
    except apart.FailedError as error:
        if ended.exit_code == 0:
            return None
        failure = actions.Failure("unknown", 0.0, [], {"summary": f"not diagnosed: {error}"})
    return None if failure.kind in policy.HEALTHY else failure
