"""Where the simulated machine takes the real one's place. This file is the whole list.

Every module of the node sees `os`, `time`, `signal`, `subprocess`, `fcntl` and `open` of ours; all
else is real, also the files below the root. Beyond that only these are replaced: `wake.Wake`,
`apart.call` (a fork), `programs.ask` (other people's programs), `nvml.LIBRARY` (this machine's
driver), `piped.pipe.Pipe` (the link) and the clock of the laptop's follower.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import importlib
import io
import json
import os
import pkgutil
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

import overnight.node
from overnight.node import apart, identity, nvml, programs, server, wake
from overnight.servers import piped
from overnight.train import follow
from tests.simulation import gpus, kernel, links, processes, procfs

PIDFD = 1 << 20
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
NOT_SIMULATED = ("fork", "killpg", "system", "execv", "execve", "setsid", "popen", "_exit", "dup2")


class World:
    """The machine of the night that is being simulated now."""

    kernel: kernel.Kernel | None = None

    @property
    def machine(self) -> kernel.Kernel:
        assert self.kernel is not None, "no night is being simulated"
        return self.kernel

    @property
    def program(self) -> kernel.Program | None:
        return self.kernel.current if self.kernel is not None else None


world = World()


def step() -> kernel.Program | None:
    """One call of the running program; None where the tests themselves call."""
    program = world.program
    if program is not None:
        world.machine.step()
    return program


def guard(path: Any) -> str:
    """A file is about to be changed: by whom, and may it be?"""
    name = os.path.abspath(os.fsdecode(path))
    program = world.program
    if program is not None:
        world.machine.laws.writes(program, name)
    return name


class Clock:
    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)

    def time(self) -> float:
        return world.machine.wall()

    def monotonic(self) -> float:
        program = world.program
        if program is not None and not program.on_server:
            return world.machine.now
        return world.machine.uptime()

    def sleep(self, delay_s: float) -> None:
        program = world.program
        if program is not None and not program.on_server:
            world.machine.pause(delay_s)
        else:
            world.machine.wait(delay_s)


class Os:
    """The calls that the node makes; the rest is the real module's."""

    def __getattr__(self, name: str) -> Any:
        if name in NOT_SIMULATED:
            raise NotImplementedError(f"os.{name} is not simulated")
        return getattr(os, name)

    # -- processes

    def getpid(self) -> int:
        program = world.program
        return program.pid if program else os.getpid()

    def getuid(self) -> int:
        return kernel.USER

    def getsid(self, pid: int) -> int:
        program = world.program
        assert pid == 0 and program is not None
        return program.session

    def kill(self, pid: int, number: int) -> None:
        program = step()
        machine = world.machine
        target = machine.procs.get(pid)
        if target is None:
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
        if number:
            machine.send(target, number, program)

    def pidfd_open(self, pid: int, flags: int = 0) -> int:
        step()
        target = world.machine.procs.get(pid)
        if target is None or not target.alive:
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
        handles.append(target)
        return PIDFD + len(handles) - 1

    def waitpid(self, pid: int, options: int) -> tuple[int, int]:
        return self.wait4(pid, options)[:2]

    def wait4(self, pid: int, options: int) -> tuple[int, int, Any]:
        program = step()
        machine = world.machine
        assert options == os.WNOHANG and program is not None
        child = machine.procs.get(pid)
        if child is None or child.ppid != program.pid:
            raise ChildProcessError(errno.ECHILD, os.strerror(errno.ECHILD))
        if child.alive:
            return 0, 0, None
        machine.reap(child)
        return pid, child.status, SimpleNamespace(ru_utime=1.0, ru_stime=0.1, ru_maxrss=1 << 20)

    # -- files

    def open(self, path: Any, flags: int, mode: int = 0o777) -> int:
        program = step()
        if program is None:
            return os.open(path, flags, mode)
        name = guard(path) if flags & WRITING else os.fsdecode(path)
        disk = world.machine.disk
        fresh = flags & os.O_CREAT and not os.path.lexists(name)
        fd = os.open(path, flags | os.O_CLOEXEC, mode)
        program.fds[fd] = name
        if fresh:
            disk.created(name)
        elif flags & os.O_TRUNC:
            disk.truncated(name)
        return fd

    def close(self, fd: int) -> None:
        program = step()
        if fd >= PIDFD:
            return
        if program is None or fd not in program.fds:
            os.close(fd)
            return
        world.machine.close_fd(program, fd)

    def write(self, fd: int, data: Any) -> int:
        program = step()
        if isinstance(fd, links.Channel):
            return fd.answer(bytes(data))
        if program is None:
            return os.write(fd, data)
        disk = world.machine.disk
        path = program.fds[fd]
        taken = disk.room_for(len(data))
        disk.writes(path)
        written = os.write(fd, data[:taken])
        world.machine.laws.written(path)
        return written

    def ftruncate(self, fd: int, size: int) -> None:
        program = step()
        os.ftruncate(fd, size)
        if program is not None:
            world.machine.laws.written(program.fds[fd])

    def fsync(self, fd: int) -> None:
        program = step()
        if program is None:
            return
        path = program.fds[fd]
        disk = world.machine.disk
        disk.flushed_folder(path) if os.path.isdir(path) else disk.flushed(path)
        world.machine.laws.flushed(path)

    def replace(self, source: Any, target: Any) -> None:
        program = step()
        if program is None:
            os.replace(source, target)
            return
        old, new = guard(source), guard(target)
        disk = world.machine.disk
        if not os.path.isdir(old):
            disk.replaces(old, new)
        os.replace(source, target)
        if not os.path.islink(new):
            disk.touch(new)
        world.machine.laws.written(new)

    rename = replace

    def unlink(self, path: Any) -> None:
        if step() is not None:
            name = guard(path)
            world.machine.disk.removed(name)
            world.machine.disk.free_bytes += size_of_ballast(name)
        os.unlink(path)

    remove = unlink

    def mkdir(self, path: Any, mode: int = 0o777) -> None:
        if step() is not None:
            guard(path)
        os.mkdir(path, mode)

    def makedirs(self, path: Any, mode: int = 0o777, exist_ok: bool = False) -> None:
        if step() is not None and not os.path.isdir(path):
            guard(path)
        os.makedirs(path, mode, exist_ok)

    def rmdir(self, path: Any) -> None:
        if step() is not None:
            guard(path)
        os.rmdir(path)

    def symlink(self, target: Any, path: Any) -> None:
        if step() is not None:
            guard(path)
        os.symlink(target, path)

    def link(self, source: Any, path: Any) -> None:
        if step() is not None:
            guard(path)
        os.link(source, path)

    def chmod(self, path: Any, mode: int) -> None:
        if step() is not None:
            guard(path)
        os.chmod(path, mode)

    def statvfs(self, path: Any) -> Any:
        step()
        return SimpleNamespace(
            f_bavail=world.machine.disk.free_bytes, f_bfree=1 << 40, f_blocks=1 << 41, f_frsize=1
        )

    # -- /proc

    def listdir(self, path: Any = ".") -> list[Any]:
        step()
        if procfs.is_below(path):
            return procfs.names(world.machine, str(path))
        return os.listdir(path)

    def stat(self, path: Any, **options: Any) -> Any:
        if procfs.is_below(path):
            return procfs.stat(world.machine, str(path))
        return os.stat(path, **options)

    def readlink(self, path: Any) -> Any:
        if procfs.is_below(path):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return os.readlink(path)


handles: list[kernel.Proc] = []


def size_of_ballast(path: str) -> int:
    """What giving up the ballast frees; nothing else of ours is large."""
    full = world.machine.disk.is_full
    return os.path.getsize(path) if full and path.endswith("/ballast") else 0


def opened(file: Any, mode: str = "r", *rest: Any, **options: Any) -> Any:
    """The built-in `open`."""
    program = step()
    if isinstance(file, int):
        if program is not None:
            program.fds.pop(file, None)  # from now on the file object's
        return open(file, mode, *rest, **options)
    if procfs.is_below(file):
        data = procfs.read(world.machine, program, os.fsdecode(file))
        return io.BytesIO(data) if "b" in mode else io.StringIO(data.decode())
    if program is not None and set(mode) & set("wax+"):
        name = guard(file)
        world.machine.disk.room_for(1)
        world.machine.disk.truncated(name)
    return open(file, mode, *rest, **options)


class Signals:
    def __getattr__(self, name: str) -> Any:
        return getattr(signal, name)

    def pidfd_send_signal(self, handle: int, number: int) -> None:
        target = handles[handle - PIDFD]
        program = step()
        if not target.alive:
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
        world.machine.send(target, number, program)

    def signal(self, number: int, handler: Any) -> None:
        program = world.program
        assert program is not None
        program.handled.add(number)


class Subprocess:
    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)

    def Popen(self, argv: list[str], **options: Any) -> Any:  # noqa: N802 - its real name
        program = step()
        assert program is not None
        return processes.spawn(world.machine, program, argv, options)


class Fcntl:
    def __getattr__(self, name: str) -> Any:
        return getattr(fcntl, name)

    def flock(self, fd: int, operation: int) -> None:
        program = step()
        try:
            fcntl.flock(fd, operation)
        except OSError:
            if program is not None:
                program.waits_for_lock = program.fds[fd]
            raise
        if program is not None:
            program.locks[fd] = program.fds[fd]


class Wake:
    """Takes the place of `wake.Wake`."""

    def __init__(self) -> None:
        program = world.program
        assert program is not None
        program.handled |= {signal.SIGCHLD, signal.SIGUSR1, signal.SIGHUP}

    def wait(self, timeout_s: float) -> None:
        world.machine.wait(timeout_s)


def call_apart(function: Callable[[], Any], *, limit_s: float | None = None) -> Any:
    """Takes the place of `apart.call`: the same, without the other process."""
    step()
    said = json.loads(json.dumps(apart.outcome(function)))
    if "error" in said:
        raise apart.FailedError(said["error"])
    return said["value"]


def ask(argv: list[str], *, timeout_s: float, **_: Any) -> programs.Answer:
    """Takes the place of `programs.ask`: of all programs there is only nvidia-smi."""
    program = step()
    machine = world.machine
    if argv[0] != "nvidia-smi" or program is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), argv[0])
    program.gpus_asked_at = machine.now
    machine.pause(0.05)
    return gpus.answer(machine, argv)


class LaptopRandom:
    def __getattr__(self, name: str) -> Any:
        program = world.program
        return getattr(program.rng if program else random, name)


Patch = tuple[Any, str, Any]


def enter(program: kernel.Program) -> None:
    """What a process has for itself although it is a global of the code."""
    server.started = program.started


@contextlib.contextmanager
def installed() -> Iterator[None]:
    """From here on the node runs on the simulated machine."""
    old: list[Patch] = []
    try:
        for place, name, new in replacements():
            known = vars(place) if isinstance(place, ModuleType) else {name: getattr(place, name)}
            old.append((place, name, known.get(name, ABSENT)))
            setattr(place, name, new)
        yield
    finally:
        for place, name, before in reversed(old):
            delattr(place, name) if before is ABSENT else setattr(place, name, before)
        world.kernel = None
        forget_boot()


ABSENT = object()


def replacements() -> Iterator[Patch]:
    clock = Clock()
    stand_ins = {
        "os": Os(),
        "time": clock,
        "signal": Signals(),
        "subprocess": Subprocess(),
        "fcntl": Fcntl(),
    }
    for module in node_modules():
        for name, stand_in in stand_ins.items():
            if isinstance(vars(module).get(name), ModuleType):
                yield module, name, stand_in
        yield module, "open", opened
        yield from clocks_as_defaults(module, clock)
    yield wake, "Wake", Wake
    yield apart, "call", call_apart
    yield programs, "ask", ask
    yield nvml, "LIBRARY", ""
    yield server, "started", []
    yield piped.pipe, "Pipe", links.Pipe
    yield follow, "time", clock
    yield follow, "random", LaptopRandom()


def node_modules() -> list[ModuleType]:
    found = pkgutil.walk_packages(overnight.node.__path__, "overnight.node.")
    return [importlib.import_module(each.name) for each in found]


def clocks_as_defaults(module: ModuleType, clock: Clock) -> Iterator[Patch]:
    """A clock that is the default of an argument was bound before we came."""
    real = {time.time: clock.time, time.monotonic: clock.monotonic, time.sleep: clock.sleep}
    for function in functions(module):
        defaults = function.__kwdefaults__ or {}
        if any(callable(value) and value in real for value in defaults.values()):
            new = {
                key: real.get(value, value) if callable(value) else value
                for key, value in defaults.items()
            }
            yield function, "__kwdefaults__", new


def functions(module: ModuleType) -> Iterator[FunctionType]:
    for value in vars(module).values():
        if isinstance(value, FunctionType) and value.__module__ == module.__name__:
            yield value
        elif isinstance(value, type) and value.__module__ == module.__name__:
            yield from (each for each in vars(value).values() if isinstance(each, FunctionType))


def forget_boot() -> None:
    """No process outlives a boot, so what one remembers of it is gone."""
    identity.boot_id.cache_clear()
