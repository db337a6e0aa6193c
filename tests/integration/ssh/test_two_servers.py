"""Two servers with GPUs over SSH: placed by what is free, moved once, and one that dies."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.laptop import Laptop, launching
from tests.testbed import host as hosts
from tests.testbed import lab as labs
from tests.waiting import wait_until

SECOND = """
[servers.gpu2]
host = "h2"
ssh_config = "{ssh_config}"
"""
GO = "go"


@pytest.fixture
def pair(
    lab: labs.Lab, host: hosts.Host, host2: hosts.Host, tmp_path: Path, user_home: Path
) -> Laptop:
    """A project with the servers gpu1 (one GPU) and gpu2 (two GPUs); none is its default."""
    host.gpus(1)
    host2.gpus(2)
    made = Laptop(tmp_path / "project", user_home / "rt", lab.ssh_config)
    with (made.project / "overnight.toml").open("a") as file:
        file.write(SECOND.format(ssh_config=lab.ssh_config))
    return made


def launch(pair: Laptop, name: str, server: str | None = None) -> str:
    """A training that goes on until its host has the file `go`; the server that it went to."""
    where = ["--server", server] if server else []
    words = ["--wait-for", f"/home/train/{GO}"]
    return str(pair.json(*launching(name), *where, command=tuple(words))["server"])


def shown(pair: Laptop) -> dict[str, tuple[str, str]]:
    """Run -> (server, state), as `status` says."""
    servers = pair.json("status")["servers"]
    rows = [(run["name"], (each["name"], run["state"])) for each in servers for run in each["runs"]]
    assert len(rows) == len(dict(rows)), rows
    return dict(rows)


def waits_on(pair: Laptop, server: str) -> list[str]:
    told = pair.json("queue", "--server", server)["servers"]
    return [run["run"] for each in told for run in each["waiting"]]


def test_what_finds_no_room_goes_elsewhere(
    pair: Laptop, host: hosts.Host, host2: hosts.Host
) -> None:
    """One server full, the other free: placed, moved exactly once, and seen when one dies."""
    assert launch(pair, "first", "gpu1") == "gpu1"
    assert launch(pair, "placed") == "gpu2"
    # full as well; then one waits on each, and on gpu2 a GPU comes free
    assert launch(pair, "second", "gpu2") == "gpu2"
    launch(pair, "pinned", "gpu1")
    waits = launch(pair, "waits")
    other = "gpu2" if waits == "gpu1" else "gpu1"
    assert waits_on(pair, waits)[-1] == "waits"
    free = host2 if other == "gpu2" else host
    leaves = {"gpu1": "first", "gpu2": "second"}[other]
    pair.run("stop", leaves)
    if other == "gpu1":  # its GPU goes to the run that waits there already
        wait_until(lambda: not waits_on(pair, "gpu1"), what="the start of what is pinned")
        pair.run("stop", "pinned")

    moved = pair.json("queue", "--balance")["moved"]
    assert [(m["run"], m["source"], m["target"], m["problem"]) for m in moved] == [
        ("waits", waits, other, "")
    ]
    assert pair.json("queue", "--balance")["moved"] == []
    assert shown(pair)["waits"][0] == other
    wait_until(lambda: shown(pair)["waits"] == (other, "running"), what="its start there")

    gone = host if waits == "gpu1" else host2
    gone.poweroff()
    (away,) = [each for each in pair.json("status")["servers"] if not each["reachable"]]
    assert away["name"] == waits
    assert away["away_since"] is not None
    told = pair.run("status").stdout.splitlines()
    assert [line.split()[0] for line in told if line[0] != " "] == [other, waits]
    assert any(line.startswith(f"{waits}  unreachable since") for line in told)
    (free.home / GO).touch()
    pair.wait("waits")
    assert shown(pair)["waits"] == (other, "finished")
