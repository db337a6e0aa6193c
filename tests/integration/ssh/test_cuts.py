"""Cut links, dying laptops and reboots at the worst moments: one run, and nothing is lost.

That a cut may last a whole minute is tested in `test_night`; here cuts last until the program has
noticed. The settings of ssh are a user's who wants to hear of a dead link soon.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from tests.integration.laptop import Laptop, launching, training
from tests.testbed import host as hosts
from tests.testbed import lab as labs
from tests.waiting import wait_until

IMPATIENT = """\
Host *
  ServerAliveInterval 1
  ServerAliveCountMax 2
  ConnectTimeout 2
"""
EPOCHS = 6


@pytest.fixture
def impatient(lab: labs.Lab, host: hosts.Host, tmp_path: Path) -> Path:
    path = tmp_path / "ssh_config"
    path.write_text(IMPATIENT + lab.ssh_config.read_text())
    return path


@pytest.fixture
def laptop(impatient: Path, tmp_path: Path, user_home: Path) -> Laptop:
    return Laptop(tmp_path / "project", user_home / "rt", impatient)


@pytest.fixture
def other(impatient: Path, tmp_path: Path, user_home: Path) -> Laptop:
    """A second laptop, with the same project."""
    return Laptop(tmp_path / "other", user_home / "rt2", impatient)


class Words:
    """What a command says on its standard error, as it says it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said += line

    def wait_for(self, words: str) -> None:
        wait_until(lambda: words in self.said, timeout_s=80, what=words)

    def ended(self, code: int) -> str:
        """Waits for the end; what was printed on standard output."""
        assert self.process.stdout is not None
        out = self.process.stdout.read()
        self._reader.join()
        assert self.process.wait(timeout=100) == code, (out, self.said)
        self.process.stdout.close()
        assert self.process.stderr is not None
        self.process.stderr.close()
        return out


def project_there(host: hosts.Host) -> Path:
    return Path(host.home) / "overnight/projects/night"


def work(host: hosts.Host, run: str) -> Path:
    return project_there(host) / "runs" / run / "work"


def go(host: hosts.Host, run: str) -> None:
    host.sh(f"touch overnight/projects/night/runs/{run}/work/go")


def starts(host: hosts.Host, run: str) -> int:
    """How often the training was started, by its own account."""
    return len((work(host, run) / "starts").read_text().splitlines())


def finished_whole(laptop: Laptop, host: hosts.Host, run: str) -> None:
    """The run came to its end, and every epoch was done, once."""
    laptop.wait(run)
    assert laptop.explain(run)["state"] == "finished"
    epochs = [int(path.stem.split("_")[1]) for path in (work(host, run) / "outputs").glob("*.pt")]
    assert sorted(epochs) == list(range(1, len(epochs) + 1))
    log = laptop.run("logs", run, "--all").stdout
    assert [f"epoch {epoch}/" in log for epoch in epochs] == [True] * len(epochs)


# -- at launch ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seen", ["projects/night/snapshots/*", "projects/night/runs/*/spec.json"])
def test_the_link_is_cut_while_launching(laptop: Laptop, host: hosts.Host, seen: str) -> None:
    """Before or after the launch has arrived: the same command goes on when the link is back."""
    running = Words(laptop.start(*launching("cut"), *training("--wait-for", "go")))
    wait_until(lambda: list(host.home.glob(f"overnight/{seen}")), interval_s=0.001)
    host.cut()
    running.wait_for("trying again")
    host.heal()
    assert "cut on gpu1: running" in running.ended(0)
    assert "gpu1 is back" in running.said
    go(host, "cut")
    finished_whole(laptop, host, "cut")
    assert starts(host, "cut") == 1


def test_the_link_is_cut_while_sending(laptop: Laptop, host: hosts.Host) -> None:
    """A sync that is cut says so; the same command later leaves one snapshot, whole."""
    (laptop.project / "big").write_bytes(os.urandom(9_000_000))
    host.delay(30)
    sending = Words(laptop.start("sync"))
    wait_until(lambda: list(project_there(host).glob("incoming/*/.big*")), interval_s=0.001)
    host.cut()
    sending.ended(4)
    assert "gpu1" in sending.said
    assert "next: " in sending.said
    host.heal()
    sent = laptop.json("sync")
    snapshots = list((project_there(host) / "snapshots").iterdir())
    assert [each.name for each in snapshots] == [sent["snapshot"]]
    assert (snapshots[0] / "big").read_bytes() == (laptop.project / "big").read_bytes()


def test_the_laptop_dies_while_sending(laptop: Laptop, host: hosts.Host) -> None:
    """SIGKILL before the code has arrived; the same command again is one run."""
    (laptop.project / "big").write_bytes(os.urandom(9_000_000))
    host.delay(30)
    command = [*launching("again"), *training("--wait-for", "go")]
    first = laptop.start(*command)
    wait_until(lambda: list(project_there(host).glob("incoming/*")), interval_s=0.001)
    first.kill()
    first.communicate()
    laptop.run(*command)
    go(host, "again")
    finished_whole(laptop, host, "again")
    assert starts(host, "again") == 1
    assert len(list((project_there(host) / "runs").iterdir())) == 1


def test_the_power_goes_while_launching(laptop: Laptop, host: hosts.Host) -> None:
    """The run is on the disk and its process is gone: it is begun again, as the same run."""
    running = Words(laptop.start(*launching("dark"), *training("--wait-for", "go")))
    wait_until(lambda: list(host.home.glob("overnight/projects/night/runs/dark/spec.json")))
    host.poweroff()
    running.wait_for("trying again")
    host.boot()
    running.ended(0)
    go(host, "dark")
    finished_whole(laptop, host, "dark")


# -- while it runs ------------------------------------------------------------------------------


def test_logs_are_followed_through_a_cut(laptop: Laptop, host: hosts.Host) -> None:
    """Every line once, although the link was away in the middle."""
    laptop.launch("long", "--wait-for", "go")
    following = Words(laptop.start("logs", "long", "-f", "--all"))
    host.cut()
    following.wait_for("trying again")
    (work(host, "long") / "go").touch()
    wait_until((work(host, "long") / f"outputs/ckpt_{EPOCHS}.pt").exists)
    host.heal()
    lines = following.ended(0).splitlines()
    assert [line.split(" loss")[0] for line in lines] == [
        f"epoch {epoch}/{EPOCHS}" for epoch in range(1, EPOCHS + 1)
    ]


def test_a_reboot_under_a_waiting_laptop(laptop: Laptop, host: hosts.Host) -> None:
    """An orderly reboot: SIGTERM to all, then off. `wait` brings the watch back, and the end."""
    laptop.launch("restarted", "--epochs", "20", "--epoch-s", "0.2")
    waiting = Words(laptop.start("wait", "restarted", "--timeout", "100"))
    wait_until((work(host, "restarted") / "outputs/ckpt_3.pt").exists)
    host.reboot(orderly=True)
    waiting.ended(0)
    finished_whole(laptop, host, "restarted")
    attempts = laptop.explain("restarted")["attempts"]
    assert attempts[0]["cause"] == "reboot" or attempts[0]["signal"] == signal.SIGTERM
    assert all(attempt["checkpoint"] for attempt in attempts[1:])


def test_stop_is_repeated_through_a_cut(laptop: Laptop, host: hosts.Host) -> None:
    """A stop that could not be sent says so; typed again, it ends the run and nothing is left."""
    laptop.launch("halt", "--wait-for", "never")
    host.cut()
    assert "gpu1" in laptop.refused("stop", "halt", code=4)
    host.heal()
    laptop.run("stop", "halt")
    assert laptop.explain("halt")["state"] == "stopped"
    assert "train.py" not in host.sh("ps -ef").stdout


# -- two laptops --------------------------------------------------------------------------------


def test_two_laptops_launch_the_same_run(laptop: Laptop, other: Laptop, host: hosts.Host) -> None:
    """Same name and content at the same moment: both are told of the one run."""
    both = [Words(each.start(*launching("same"), *training())) for each in (laptop, other)]
    for each in both:
        assert each.ended(0).startswith("same on gpu1: ")
    finished_whole(other, host, "same")
    assert starts(host, "same") == 1


def test_two_laptops_want_the_same_name(laptop: Laptop, other: Laptop, host: hosts.Host) -> None:
    """Same name, other content: one of them gets it, the other is told whose it is."""
    first = laptop.start(*launching("name"), *training("--epochs", "3"))
    second = other.start(*launching("name"), *training("--epochs", "4"))
    said = [process.communicate(timeout=60)[1] for process in (first, second)]
    assert sorted([first.returncode, second.returncode]) == [0, 2]
    assert "the name 'name' belongs to another run of this project" in "".join(said)
    laptop.wait("name")
    assert starts(host, "name") == 1


def test_one_laptop_stops_what_the_other_waits_for(
    laptop: Laptop, other: Laptop, host: hosts.Host
) -> None:
    """The second laptop has never heard of the run; both learn how it ended."""
    laptop.launch("shared", "--wait-for", "never")
    waiting = Words(laptop.start("wait", "shared", "--timeout", "60"))
    other.run("stop", "shared")
    waiting.ended(3)
    assert laptop.explain("shared")["state"] == other.explain("shared")["state"] == "stopped"


def test_two_laptops_resume_at_once(laptop: Laptop, other: Laptop, host: hosts.Host) -> None:
    """One more attempt, not two."""
    laptop.launch("twice", "--wait-for", "go")
    laptop.run("stop", "twice")
    other.run("status")
    both = [Words(each.start("resume", "twice")) for each in (laptop, other)]
    for each in both:
        each.process.wait(timeout=60)
    go(host, "twice")
    assert sorted(each.process.returncode for each in both) in ([0, 0], [0, 2])
    for each in both:
        each.ended(each.process.returncode)
    finished_whole(laptop, host, "twice")
    assert starts(host, "twice") == 2


# -- a whole minute -----------------------------------------------------------------------------


def test_a_minute_without_a_link(lab: labs.Lab, host: hosts.Host, tmp_path: Path) -> None:
    """While launching, running and pulling, all at once and with nobody's settings but ours."""
    laptop = Laptop(tmp_path / "a project", tmp_path / "rt", lab.ssh_config)
    laptop.launch("there", "--epochs", "2")
    laptop.wait("there")
    outputs = "overnight/projects/night/runs/there/work/outputs"
    host.sh(f"head -c 60000000 /dev/urandom > {outputs}/a.log")
    laptop.launch("running", "--wait-for", "go")
    host.delay(75)  # or the pull would be over too soon
    waiting = Words(laptop.start("wait", "running", "--timeout", "150"))
    pulling = Words(laptop.start("pull", "there"))
    launching_ = Words(laptop.start(*launching("fresh"), *training()))
    wait_until(lambda: list(host.home.glob("overnight/projects/night/runs/fresh/spec.json")))
    host.cut()
    assert pulling.process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.process.wait(timeout=60)  # a minute, because that is what is asked for
    go(host, "running")
    host.heal()
    assert pulling.process.wait(timeout=10) == 4
    for each, code in ((launching_, 0), (waiting, 0), (pulling, 4)):
        each.ended(code)
    for run in ("running", "fresh"):
        finished_whole(laptop, host, run)
        assert starts(host, run) == 1
    laptop.run("pull", "there")
    pulled = laptop.project / ".overnight/results/there/work/outputs/a.log"
    assert pulled.read_bytes() == (host.home / outputs / "a.log").read_bytes()
