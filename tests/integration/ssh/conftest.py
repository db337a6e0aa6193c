"""The server adapters under one name, so that one suite tests all."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from overnight.servers import local, piped, slurm, ssh
from tests.testbed import host as hosts
from tests.testbed import lab as labs

Connect = Callable[[str], piped.PipeServer]


class Place:
    """Somewhere to compute: how to connect to it, and what is to be seen there from outside.

    `home` is its home as we see it, `there` the same folder as it calls it itself.
    """

    def __init__(self, home: Path, there: str, connect: Connect) -> None:
        self.home = home
        self.there = there
        self._connect = connect
        self._before = set(children())
        self._opened: list[piped.PipeServer] = []

    def connect(self, root: str = "overnight") -> piped.PipeServer:
        """A new client, closed at the end of the test. `root` is relative to the home there."""
        server = self._connect(f"{self.there}/{root}")
        self._opened.append(server)
        return server

    def pipes(self) -> list[int]:
        """The processes on this machine that lead to nodes."""
        return [pid for pid in children() if pid not in self._before]

    def nodes(self) -> list[int]:
        """The nodes that hold a pipe, by their pids there."""
        return self.pipes()

    def kill(self, pid: int) -> None:
        """Ends a node."""
        os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        for server in self._opened:
            server.close()


class HostPlace(Place):
    """A host of the lab."""

    def __init__(self, host: hosts.Host, connect: Connect) -> None:
        super().__init__(Path(host.home), "/home/train", connect)
        self.host = host

    def nodes(self) -> list[int]:
        found = self.host.sh("pgrep -f '^python3 .*b64[d]ecode'", check=False).stdout
        return [int(pid) for pid in found.split()]

    def kill(self, pid: int) -> None:
        self.host.sh(f"kill -9 {pid}")


def children() -> list[int]:
    """The processes that this one has started and that live."""
    found: list[int] = []
    for task in os.listdir("/proc/self/task"):
        text = Path(f"/proc/self/task/{task}/children").read_text()
        found += [int(pid) for pid in text.split()]
    return [pid for pid in found if stat_of(pid) not in ("", "Z")]


def stat_of(pid: int) -> str:
    """The state letter of a process; empty where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


@pytest.fixture(autouse=True)
def runtime(user_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the test's own for the sockets of master connections."""
    folder = user_home / "rt"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return folder


@pytest.fixture(params=["local", "ssh", "slurm"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    made: Place = request.getfixturevalue(f"{request.param}_place")
    yield made
    made.close()


@pytest.fixture
def local_place(tmp_path: Path) -> Place:
    return Place(tmp_path, str(tmp_path), lambda root: local.Local(root=root))


@pytest.fixture
def slurm_place(lab: labs.Lab, host: hosts.Host) -> Place:
    """A cluster's login node is a host like any other; what Slurm does there has its own tests."""
    settings = {"name": "cluster", "host": "h1", "ssh_config": str(lab.ssh_config)}
    return HostPlace(host, lambda root: slurm.login_node(root=root, **settings))


@pytest.fixture
def ssh_place(lab: labs.Lab, host: hosts.Host) -> Place:
    return HostPlace(host, lambda root: over_ssh(lab, root=root))


def over_ssh(lab: labs.Lab, *, root: str = "~/overnight", alone: bool = False) -> ssh.Ssh:
    """The lab's first host, called as in the projects of these tests."""
    return ssh.Ssh(name="gpu1", host="h1", root=root, ssh_config=str(lab.ssh_config), alone=alone)
