"""Many processes, one log: launchers that only report, and who failed first."""

from __future__ import annotations

import re
from typing import Any, Sequence

from overnight.node.diagnose.log import Line
from overnight.node.diagnose.rules import Found, Text
from overnight.node.diagnose.seen import signal_name
from overnight.node.diagnose.tracebacks import Raised

# torchrun, accelerate, deepspeed, ray, multiprocessing: they tell that a child has failed
WRAPPERS = re.compile(
    r"^(?:\w+\.)*(?:ChildFailedError|CalledProcessError|ProcessRaisedException"
    r"|ProcessExitedException|RayTaskError|RemoteTraceback|_RemoteTraceback"
    r"|WorkerError"
    r"|TuneError|TrialError|RemoteError|ActorUnschedulableError|ProcessException"
    r"|ChildProcessError|JaxStackTraceBeforeTransformation|SimplifiedTraceback"
    r"|SpawnException|LauncherError|NonZeroExit\w*|ExitCodeException)\b"
    r"|^(?:\w+\.)*SystemExit(?:: (?:1|2|-1))?$|^RuntimeError: (?:One of the"
    r" subprocesses|Process \S+ (?:failed|exited))"
    r"|^(?:\w+\.)*ExceptionGroup\b"
)
# what is left behind when another process has gone
ECHOES = re.compile(
    r"^(?:\w+\.)*(?:BrokenPipeError|ConnectionResetError|EOFError$|EOFError: *$"
    r"|ConnectionRefusedError|CancelledError|BrokenBarrierError|queue\.Empty"
    r"|_queue\.Empty)"
    r"|exited unexpectedly|leaked semaphore|Pin memory thread exited|unexpected"
    r" exit of"
)
MULTIPROCESSING = re.compile(r"multiprocessing/|_MultiProcessingDataLoaderIter|asyncio/|wandb/")
SIGNS = re.compile(
    r"torch[./]distributed|local_rank|LOCAL_RANK|world_size|ProcessGroup|deepspeed"
    r"|DeepSpeed|accelerate[ ._]launch|torchrun|mp\.spawn|multiprocessing/spawn"
    r"|horovod|\[rank\d|"
    r"rank[ =:]*\d|Rank \d|NCCL|gloo"
)
BOX_CODE = re.compile(r"exitcode\s*: (?P<code>-?\d+)\s*\(pid")
LAUNCHER_CODE = re.compile(
    r"failed \(exitcode: (?P<code>-?\d+)\) local_rank: (?P<rank>\d+)|\[(?:launch"
    r"|runner)\.py[^\n]*exits? with return code = (?P<deepspeed>-?\d+)"
)
SPAWN_SIGNAL = re.compile(
    r"process (?P<rank>\d+) terminated with (?:signal (?P<signal>SIG\w+)|exit code"
    r" (?P<code>\d+))|died with <Signals\.(?P<name>SIG\w+)"
)


def is_wrapper(one: Raised) -> bool:
    return WRAPPERS.search(one.whole()) is not None


def is_echo(one: Raised) -> bool:
    return ECHOES.search(one.whole()) is not None and (
        MULTIPROCESSING.search(one.frames) is not None or not one.frames
    )


def is_distributed(text: Text, lines: Sequence[Line]) -> bool:
    return any(line.source for line in lines) or SIGNS.search(text.whole) is not None


def launcher_says(lines: Sequence[Line], text: Text) -> Found | None:
    """What is left where only the launcher tells how a rank has ended."""
    for at in (
        *text.with_word("exitcode"),
        *text.with_word("return code"),
        *text.with_word("terminated with"),
        *text.with_word("died with"),
    ):
        found = BOX_CODE.search(lines[at].text) or LAUNCHER_CODE.search(lines[at].text)
        if found:
            groups = found.groupdict()
            code = int(groups.get("code") or groups.get("deepspeed") or 1)
            if code == -9 and not groups.get("deepspeed"):  # a rank was killed, nobody says why
                return Found("nccl", 0.5, at, {"signal": "SIGKILL"}, fatal=True)
            return _by_code(code, at, {"rank": groups["rank"]} if groups.get("rank") else {})
        spawned = SPAWN_SIGNAL.search(lines[at].text)
        if spawned:
            name = spawned.group("signal") or spawned.group("name")
            return (
                _by_signal(name, at, {}) if name else _by_code(int(spawned.group("code")), at, {})
            )
    return None


def _by_code(code: int, at: int, facts: dict[str, Any]) -> Found:
    number = -code if code < 0 else (code - 128 if code > 128 else 0)
    return (
        _by_signal(signal_name(number), at, facts)
        if number
        else Found("unknown", 0.4, at, facts, fatal=True)
    )


SIGNAL_KINDS = {
    "SIGINT": ("interrupted", 0.8),
    "SIGTERM": ("preempted", 0.6),
    "SIGHUP": ("preempted", 0.7),
    "SIGUSR1": ("preempted", 0.7),
    "SIGUSR2": ("preempted", 0.7),
    "SIGXCPU": ("preempted", 0.8),
    "SIGBUS": ("shm", 0.6),
    "SIGKILL": ("host_oom", 0.45),
    "SIGSEGV": ("code", 0.45),
    "SIGFPE": ("code", 0.45),
    "SIGILL": ("code", 0.45),
    "SIGABRT": ("code", 0.4),
}


def _by_signal(name: str, at: int, facts: dict[str, Any]) -> Found:
    kind, confidence = SIGNAL_KINDS.get(name, ("unknown", 0.4))
    return Found(kind, confidence, at, {**facts, "signal": name}, fatal=True)
