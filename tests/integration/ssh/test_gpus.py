"""GPUs of a server that others use too: by UUID, one run each, never somebody else's."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.integration.laptop import Laptop, launching
from tests.testbed import host as hosts
from tests.testbed import nvml as driver
from tests.waiting import wait_until

SHOW = "import os; print('sees', os.environ.get('CUDA_VISIBLE_DEVICES', 'all'), flush=True)"
WAITING = "waiting for 2 free of 2 GPUs (used by mate)"
HOLD = f"{SHOW}\nimport time\nwhile not os.path.exists('go'): time.sleep(0.02)"


@pytest.fixture
def cards(host: hosts.Host) -> list[str]:
    """Two cards; their UUIDs."""
    return host.gpus(2)


def work(host: hosts.Host, run: str) -> Path:
    return Path(host.home) / f"overnight/projects/night/runs/{run}/work"


def launch(laptop: Laptop, name: str, *words: str, script: str = HOLD) -> str:
    """Launches a run that holds its GPUs until `go`; the sign of life."""
    argv = [*launching(name), *words, "--json", "--", "python3", "-c", script]
    return str(json.loads(laptop.run(*argv).stdout)["sign"])


def seen(laptop: Laptop, name: str) -> str:
    """What the run itself says of its cards."""
    return laptop.run("logs", name).stdout.removeprefix("sees ").strip()


def test_each_run_gets_a_card_of_its_own(
    laptop: Laptop, host: hosts.Host, cards: list[str]
) -> None:
    """By UUID; the third run waits, and begins when the first has ended."""
    for name in ("first", "second"):
        assert launch(laptop, name) == "first output"
    assert sorted([seen(laptop, "first"), seen(laptop, "second")]) == sorted(cards)
    assert launch(laptop, "third", script=SHOW) == "waiting for 1 free of 2 GPUs"
    (work(host, "first") / "go").touch()
    laptop.run("wait", "first", "third", "--timeout", "60")
    assert seen(laptop, "third") == seen(laptop, "first")
    (work(host, "second") / "go").touch()
    laptop.wait("second")


def test_a_card_that_somebody_uses_is_not_free(
    laptop: Laptop, host: hosts.Host, cards: list[str]
) -> None:
    """A labmate's process keeps its card, whatever it does there; two cards are not to be had."""
    host.labmate("mate")
    pid = int(host.sh("sleep 1000 >/dev/null 2>&1 & echo $!", user="mate").stdout)
    host.cards.occupy(0, pid, 300)
    assert launch(laptop, "both", "--gpus", "2", script=SHOW) == WAITING
    assert laptop.json("explain", "both")["reason"] == WAITING
    assert launch(laptop, "one", script=SHOW) in ("first output", "finished")
    laptop.wait("one")
    assert seen(laptop, "one") == cards[1]
    assert host.pids("mate") == [pid]
    host.sh(f"kill {pid}", user="mate")
    host.cards.release(0)
    laptop.wait("both")
    assert sorted(seen(laptop, "both").split(",")) == sorted(cards)


def test_no_card_is_taken_that_cannot_be_seen(
    laptop: Laptop, host: hosts.Host, cards: list[str]
) -> None:
    """While the driver is broken the run waits and says why; it begins when the driver is back."""
    host.cards.fail("driver")
    assert "cannot be seen" in launch(laptop, "blind", "--gpus", "1", script=SHOW)
    assert "couldn't communicate" in laptop.json("explain", "blind")["reason"]
    host.cards.fail("")
    laptop.wait("blind")
    assert seen(laptop, "blind") in cards


def test_the_table_of_cards(laptop: Laptop, host: hosts.Host, cards: list[str]) -> None:
    """Who uses what, since when, and what is wrong where nothing can be seen."""
    host.labmate("mate")
    before = time.time()
    pid = int(host.sh("sleep 1000 >/dev/null 2>&1 & echo $!", user="mate").stdout)
    host.cards.occupy(1, pid, 300)
    assert launch(laptop, "mine") == "first output"
    table = laptop.json("gpus")["servers"]["gpu1"]["gpus"]
    assert [gpu["uuid"] for gpu in table] == cards
    assert [gpu["state"] for gpu in table] == ["ours", "other"]
    assert table[0]["runs"] == [{"project": "night", "run": "mine", "share": 1.0, "mib": None}]
    assert table[0]["users"] == []
    (user,) = table[1]["users"]
    assert (user["user"], user["pid"], user["mib"]) == ("mate", pid, 300)
    assert before - 60 < user["since"] < time.time() + 60
    first, second = laptop.run("gpus").stdout.splitlines()
    assert first.endswith("ours: night/mine")
    assert "mate 300 MiB since " in second
    (work(host, "mine") / "go").touch()
    laptop.wait("mine")
    host.cards.fail("mismatch")
    assert "mismatch" in laptop.json("gpus")["servers"]["gpu1"]["problem"]


def test_the_drivers_own_library_is_asked(laptop: Laptop, host: hosts.Host) -> None:
    """There is no nvidia-smi; a labmate draws on one card, a run takes the other."""
    uuids = [f"GPU-{n}a8f2b4c-1111-2222-3333-444455556666" for n in range(2)]
    host.labmate("mate")
    pid = int(host.sh("sleep 1000 >/dev/null 2>&1 & echo $!", user="mate").stdout)
    lines = [driver.card(0, uuids[0], used_mib=5004, percent=40), driver.card(1, uuids[1])]
    host.nvml(*lines, driver.process(0, pid, 5000, "Graphics"))
    first, second = laptop.run("gpus").stdout.splitlines()
    assert "mate 5000 MiB since " in first
    assert second.endswith("free")
    assert launch(laptop, "one", script=SHOW) in ("first output", "finished")
    laptop.wait("one")
    assert seen(laptop, "one") == uuids[1]
    host.nvml("init 18", *lines)
    told = laptop.json("gpus")["servers"]["gpu1"]
    assert (told["problem"], told["gpus"]) == ("NVML: Driver/library version mismatch", [])


def test_rules_of_the_server_are_shown(laptop: Laptop, host: hosts.Host, cards: list[str]) -> None:
    """A labmate who counts as free, an excluded card, quiet hours; a server that is away."""
    host.labmate("mate")
    pid = int(host.sh("sleep 1000 >/dev/null 2>&1 & echo $!", user="mate").stdout)
    host.cards.occupy(1, pid, 300)
    settings = laptop.project / "overnight.toml"
    plain = settings.read_text()

    def states(*lines: str) -> list[str]:
        settings.write_text("\n".join([plain, *lines]))
        table = laptop.json("gpus")["servers"]["gpu1"]["gpus"]
        return [gpu["state"] for gpu in table]

    assert states("exclude = [0]", 'free_users = ["mate"]') == ["excluded", "free"]
    assert states(f'exclude = ["{cards[1][:12]}"]') == ["free", "excluded"]
    assert states('quiet = "00:00-24:00"') == ["quiet", "other"]
    settings.write_text(f'{plain}\n[servers.gone]\nhost = "127.0.0.1"\n')
    servers = laptop.json("gpus")["servers"]
    assert servers["gone"]["problem"] and servers["gone"]["gpus"] == []
    assert [gpu["state"] for gpu in servers["gpu1"]["gpus"]] == ["free", "other"]


def test_a_card_is_kept_through_a_repair(
    laptop: Laptop, host: hosts.Host, cards: list[str]
) -> None:
    """Out of memory: the next attempt has the same card, and it is free at the end."""
    laptop.launch("memory", "--oom", "32")
    laptop.wait("memory")
    attempts = laptop.explain("memory")["attempts"]
    assert len(attempts) == 2
    assert attempts[0]["gpus"] == attempts[1]["gpus"]
    place = Path(host.home) / "overnight/queue/night/memory.json"
    wait_until(lambda: not place.exists(), what="the run to leave the list of the queue")
