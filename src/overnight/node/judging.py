"""What an ended attempt is taken for: its output and all that was seen beside it, diagnosed."""

from __future__ import annotations

import os
import signal
from typing import Any, Iterator

from overnight.node import (
    actions,
    causes,
    command,
    diagnose,
    fs,
    gpus,
    layout,
    processes,
    rank_logs,
    states,
)


def verdict(run: layout.Run, last: states.Attempt, ended: actions.Ended) -> actions.Failure:
    """Always one; of a healthy kind where the attempt ended well."""
    folder = run.attempt(last.n)
    if ended.cause == "never_started":
        return diagnose.not_started(read_log(run, run.file("supervisor.log")))
    if ended.cause in causes.TAKEN_AWAY:  # also where it answered with exit code 0
        return actions.Failure("preempted", 1.0, [], {"summary": causes.TAKEN_AWAY[ended.cause]})
    log = read_log(run, f"{folder}/output.log")
    # asking the driver takes a while, so only where it matters
    asked = last.gpus if diagnose.speaks_of_memory(log) else []
    record = fs.read_json(f"{folder}/exit.json") or {}
    seen = seen_of(record, ended, foreign_mib(asked))
    found = diagnose.diagnose(log, seen, ranks_logs(run, folder))
    return with_moment(found, record.get("sound_at") or last.started_at)


def foreign_mib(uuids: list[str]) -> int:
    """Memory, MiB, that other people's living processes hold on these GPUs now.

    Called after our own processes have ended, so whatever still holds memory is not ours.
    """
    if not uuids:
        return 0
    return sum(
        app.used_mib or 0
        for gpu in gpus.query().gpus
        if gpu.uuid in uuids
        for app in gpu.apps
        if processes.owner(app.pid) not in (os.getuid(), -1)
    )


def with_moment(failure: actions.Failure, sound_at: float) -> actions.Failure:
    """A lost loss is undone only by a checkpoint from before it went wrong."""
    if failure.kind != "nan":
        return failure
    return failure._replace(facts={**failure.facts, "last_finite_at": sound_at})


def read_log(run: layout.Run, path: str) -> diagnose.Log:
    """The ends of the output, without secrets; an empty log where there is none."""
    try:
        return diagnose.Log.of_file(path, lambda data: command.without_secrets(run, data))
    except OSError:
        return diagnose.Log.of_bytes(b"")


def ranks_logs(run: layout.Run, folder: str) -> Iterator[diagnose.Log]:
    """What each rank kept for itself, read when asked for: one at a time is in memory."""
    place = os.path.join(folder, rank_logs.FOLDER)
    for each in rank_logs.last_words(place):
        log = read_log(run, os.path.join(place, each.path))
        file = os.path.join(rank_logs.FOLDER, each.path)
        yield log._replace(file=file, rank=str(each.rank))


def seen_of(record: dict[str, Any], ended: actions.Ended, foreign_mib: int) -> diagnose.Seen:
    """What is known beside the log, from the exit record."""
    return diagnose.Seen(
        exit_code=ended.exit_code,
        signal=ended.signal,
        cause=ended.cause,
        foreign_mib=foreign_mib,
        disk_full=bool(record.get("disk_full")),
        oom_kills=oom_kills(record, ended),
        gpu_faults=tuple(str(line) for line in record.get("gpu_faults") or ()),
        progress=record.get("progress"),
    )


def oom_kills(record: dict[str, Any], ended: actions.Ended) -> int:
    """Processes that the kernel killed for memory: of our cgroup, or, where SIGKILL ended us and
    our cgroup counts nothing, of the whole machine.
    """
    ours = int(record.get("oom_kills") or 0)
    if ours == 0 and ended.signal == signal.SIGKILL:
        return int(record.get("system_oom_kills") or 0)
    return ours
