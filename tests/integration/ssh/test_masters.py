"""The shared master connection: used, replaced when it is dead, and never trusted to live."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from overnight.core import errors
from overnight.ports import Request
from overnight.servers import ssh
from tests.integration.ssh.conftest import over_ssh, stat_of
from tests.testbed import host as hosts
from tests.testbed import lab as labs
from tests.waiting import wait_until

PING = Request("ping", {}, b"here")


def masters(runtime: Path) -> list[int]:
    """The pids of the master connections whose sockets lie below `runtime`."""
    title = f"ssh: {runtime}".encode()
    return [
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if _read(path).startswith(title)
    ]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.fixture
def server(lab: labs.Lab, host: hosts.Host) -> Iterator[ssh.Ssh]:
    made = over_ssh(lab)
    yield made
    made.close()


@pytest.fixture
def master(lab: labs.Lab, host: hosts.Host, runtime: Path) -> Iterator[int]:
    """A master that an earlier command has left behind."""
    earlier = over_ssh(lab)
    earlier.call(PING)
    earlier.close()
    (pid,) = masters(runtime)
    yield pid
    if stat_of(pid):
        os.kill(pid, signal.SIGKILL)


def logins(host: hosts.Host) -> int:
    """How many connections the host's sshd holds."""
    return int(host.sh("pgrep -c -f 'sshd: [t]rain$|sshd: [t]rain@'", check=False).stdout)


def test_a_master_is_shared(server: ssh.Ssh, master: int, host: hosts.Host, runtime: Path) -> None:
    """The second command logs in no more; one that wants to be alone does."""
    assert server.call(PING).payload == b"here"
    assert masters(runtime) == [master]
    assert logins(host) == 1


def test_alone_means_a_connection_of_its_own(
    lab: labs.Lab, master: int, host: hosts.Host, runtime: Path
) -> None:
    """It neither uses the master nor leaves one."""
    alone = over_ssh(lab, alone=True)
    assert alone.call(PING).payload == b"here"
    assert logins(host) == 2
    alone.close()
    wait_until(lambda: logins(host) == 1, what="the end of the second login")
    assert masters(runtime) == [master]


def test_a_second_command_costs_two_round_trips(
    lab: labs.Lab, server: ssh.Ssh, master: int, host: hosts.Host
) -> None:
    """One opens the channel, one starts the node with the question and brings the answer."""
    host.delay(400)
    before = over_ssh(lab)
    before.call(PING)  # this one may meet the change of the cable
    before.close()
    began = time.monotonic()
    server.call(Request("ping"))
    assert time.monotonic() - began < 3 * 0.4


def test_a_master_that_was_killed(server: ssh.Ssh, master: int) -> None:
    """Its socket is still there and leads nowhere."""
    os.kill(master, signal.SIGKILL)
    assert server.call(PING).payload == b"here"


def test_a_master_that_hangs(server: ssh.Ssh, master: int, runtime: Path) -> None:
    """A stopped process accepts connections and never answers: it is passed by."""
    os.kill(master, signal.SIGSTOP)
    server.open_timeout_s = 1.0
    assert server.call(PING, timeout_s=1.0).payload == b"here"
    assert [pid for pid in masters(runtime) if pid != master]


def test_a_slow_answer_does_not_cost_the_master(
    server: ssh.Ssh, master: int, runtime: Path
) -> None:
    """Whoever had to type a password for it keeps it while its link lives."""
    server.call(PING)
    with pytest.raises(errors.Unreachable, match="gpu1 does not answer in time"):
        server.call(Request("look", {"project": "p", "timeout_s": 60}), timeout_s=0.5)
    assert masters(runtime) == [master]


def test_a_link_that_froze_and_healed(server: ssh.Ssh, master: int, host: hosts.Host) -> None:
    """A question that meets a short cut is answered after it, over the same connection."""
    server.call(PING)
    host.cut()
    with pytest.raises(errors.Unreachable):
        server.call(PING, timeout_s=2.0)
    host.heal()
    assert server.call(PING).payload == b"here"


def test_a_master_of_a_server_that_lost_its_power(
    server: ssh.Ssh, master: int, host: hosts.Host, runtime: Path
) -> None:
    """The reboot told nobody: the first packet does, and the question is asked anew."""
    host.reboot()
    began = time.monotonic()
    assert server.call(PING).payload == b"here"
    assert time.monotonic() - began < 10
    assert masters(runtime) != [master]


def test_the_users_own_settings_come_first(
    lab: labs.Lab, host: hosts.Host, user_home: Path
) -> None:
    """What the file says holds; forwardings and remote commands of the user's are left alone."""
    own = user_home / 'it\'s "mine" [x].conf'
    first = "Host h1\n  RemoteCommand sleep 1000\n  LocalForward 127.0.0.1:22022 h1:22\n"
    own.write_text(first + lab.ssh_config.read_text())
    server = ssh.Ssh(name="gpu1", host="h1", root="~/overnight", ssh_config=str(own))
    assert server.call(PING).payload == b"here"
    server.close()
