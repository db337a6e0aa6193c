"""`overnight doctor` on a good host and on broken ones: each finding with what mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from overnight.ports import Request
from overnight.servers import ssh
from tests.integration.laptop import Laptop
from tests.integration.ssh.conftest import over_ssh
from tests.testbed import host as hosts
from tests.testbed import lab as labs
from tests.waiting import wait_until

GOOD = ["reachable", "host key", "clock", "python", "disk", "locks", "rsync", "tmux"]
ROOT = "/home/train/overnight"


def findings(laptop: Laptop, *, code: int = 0) -> dict[str, dict[str, str]]:
    found: list[dict[str, str]] = laptop.json("doctor", "gpu1", code=code)["findings"]
    assert len({each["check"] for each in found}) == len(found)
    return {each["check"]: each for each in found}


def test_a_good_host(laptop: Laptop, host: hosts.Host) -> None:
    """Everything is looked at, nothing is to be mended, and nothing is left there."""
    host.gpus(2, name="NVIDIA A100-SXM4-40GB", memory_mib=40960)
    found = findings(laptop)
    assert {each["level"] for each in found.values()} == {"ok", "note"}
    assert [found[check]["level"] for check in GOOD] == ["ok"] * len(GOOD)
    assert found["gpus"]["text"] == "2 GPUs, the first: NVIDIA A100-SXM4-40GB, 40960 MiB"
    assert found["environment"]["text"].endswith("/usr/bin/python3")
    assert found["internet"]["level"] == "note"  # the lab has no way out
    assert found["logout"]["level"] == "ok"
    left = {path.name for path in (Path(host.home) / "overnight").iterdir()}
    assert left <= {"node", "projects"}
    assert not list((Path(host.home) / "overnight" / "projects").iterdir())
    assert "linger" not in host.sh("ps -ef").stdout


def test_what_people_see(laptop: Laptop, host: hosts.Host) -> None:
    """One line each, and below it what mends it; exit code 6."""
    host.gpus(1)
    host.cards.fail("driver")
    lines = laptop.run("doctor", "gpu1", code=6).stdout.splitlines()
    (at,) = [number for number, line in enumerate(lines) if line.startswith("MEND")]
    assert lines[at].split()[:2] == ["MEND", "gpus"]
    assert lines[at + 1].startswith(" " * 19 + "nvidia-smi")


@pytest.mark.parametrize(
    ("spoil", "check", "mend"),
    [
        (lambda host: host.sshd_stop(), "reachable", "ssh -F "),
        (lambda host: host.new_host_key(), "host key", "ssh-keygen -R 10.77.0.11 -f "),
        (lambda host: host.sh("rm .ssh/authorized_keys"), "login", "overnight login gpu1"),
        (lambda host: host.bashrc("exit 3\n"), "login shell", ".bashrc"),
        (lambda host: host.python(None), "python", 'python = "/path/to/python3"'),
        (lambda host: host.old_python(), "python", 'python = "/path/to/newer/python3"'),
        (lambda host: host.read_only(ROOT), "root", 'root = "/a/folder/you/can/write"'),
    ],
)
def test_a_host_without_an_answer(
    laptop: Laptop, host: hosts.Host, spoil: Callable[[hosts.Host], Any], check: str, mend: str
) -> None:
    """The one finding is named after what is wrong, not after the symptom."""
    spoil(host)
    found = findings(laptop, code=6)
    assert list(found) == [check]
    assert "gpu1" in found[check]["text"]
    assert mend in found[check]["mend"]


def test_a_disk_without_room_to_work(laptop: Laptop, host: hosts.Host) -> None:
    """The node fits, but no training would."""
    host.small_disk(ROOT, 100)
    found = findings(laptop, code=6)
    assert found["disk"]["text"].startswith("0.1 GiB free")
    assert "[servers.gpu1]" in found["disk"]["mend"]


def test_a_disk_without_room_for_the_node(laptop: Laptop, host: hosts.Host) -> None:
    """The first contact fails, is no riddle, and leaves no half of a node."""
    host.small_disk(ROOT, 1)
    host.sh(f"head -c 1M /dev/zero > {ROOT}/full", check=False)
    found = findings(laptop, code=6)
    assert list(found) == ["disk"]
    assert "the disk is full" in found["disk"]["text"]
    assert not list((host.home).glob("overnight/node/*"))


def test_tools_that_are_missing(laptop: Laptop, host: hosts.Host) -> None:
    """It works without them, so they are notes: what is weaker, and how to get them."""
    host.without("rsync", "tmux")
    found = findings(laptop)
    for tool in ("rsync", "tmux"):
        assert found[tool]["level"] == "note"
        assert found[tool]["mend"].startswith(f"conda install -c conda-forge {tool}")


def test_a_server_that_ends_what_a_login_started(laptop: Laptop, host: hosts.Host) -> None:
    """As systemd does with KillUserProcesses: seen with a second connection, and to be mended."""
    reaper = "until pkill -KILL -f '[l]inger 60'; do sleep 0.01; done"
    host.sh(f'nohup sh -c "{reaper}" >/dev/null 2>&1 &', "root")
    found = findings(laptop, code=6)
    assert found["logout"]["level"] == "mend"
    assert found["logout"]["mend"].startswith("ssh h1 loginctl enable-linger")


@pytest.fixture
def server(lab: labs.Lab, host: hosts.Host) -> Iterator[ssh.Ssh]:
    made = over_ssh(lab)
    yield made
    made.close()


def test_linger_tells_the_dead_from_the_living(server: ssh.Ssh, host: hosts.Host) -> None:
    """A process that lives is alive, and ended; one that was killed is not."""
    for kill in (False, True):
        identity = server.call(Request("linger", {})).data["identity"]
        if kill:
            host.sh(f"kill -9 {identity[1]}")
        assert server.call(Request("linger", {"identity": identity})).data["alive"] is not kill
        wait_until(lambda: "linger" not in host.sh("ps -ef").stdout, what="its end")


@pytest.mark.parametrize("kind", ["venv", "uv"])
def test_environments(laptop: Laptop, host: hosts.Host, kind: str) -> None:
    """What is there works; what is not is to be mended, in one line."""
    settings = laptop.project / "overnight.toml"
    wanted = {"venv": '{ venv = "envs/torch" }', "uv": "{ uv = true }"}[kind]
    settings.write_text(settings.read_text().replace("outputs =", f"env = {wanted}\noutputs ="))
    broken = findings(laptop, code=6)["environment"]
    assert (broken["level"], "\n" in broken["text"]) == ("mend", False)
    if kind == "venv":
        host.sh("python3 -m venv --without-pip envs/torch")
    else:
        host.sh("mkdir -p .local/bin; printf '#!/bin/sh\\necho uv 0.9.1\\n' > .local/bin/uv")
        host.sh("chmod 755 .local/bin/uv")
    assert findings(laptop)["environment"]["level"] == "ok"


def test_the_local_server(laptop: Laptop, tmp_path: Path) -> None:
    """Without any SSH: there is no host key and no logout to ask about."""
    settings = laptop.project / "overnight.toml"
    settings.write_text(settings.read_text() + f'\n[servers.local]\nroot = "{tmp_path}/root"\n')
    found = laptop.json("doctor", "local")["findings"]
    checks = [each["check"] for each in found]
    assert "host key" not in checks
    assert {"reachable", "python", "disk", "environment", "logout"} <= set(checks)
