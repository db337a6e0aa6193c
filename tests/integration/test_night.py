"""One real training over SSH that survives the night: cut links, kills, reboots, two laptops."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.integration.laptop import TRAINER, Laptop, launching, training
from tests.testbed import host as hosts
from tests.testbed import lab as labs
from tests.waiting import wait_until


def run_folder(host: hosts.Host, name: str) -> Path:
    return Path(host.home) / "overnight" / "projects" / "night" / "runs" / name


def starts(host: hosts.Host, name: str) -> int:
    """How often the training was started, by its own account."""
    path = run_folder(host, name) / "work" / "starts"
    return len(path.read_text().splitlines()) if path.exists() else 0


def test_from_the_laptop_to_results(laptop: Laptop, host: hosts.Host) -> None:
    """sync, smoke, run, wait, results, over a real SSH connection."""
    assert laptop.json("sync")["how"] == "pipe"
    assert laptop.json("sync")["how"] == "unchanged"
    assert laptop.json("smoke")["passed"]
    assert not list((Path(host.home) / "overnight/projects/night/runs").iterdir())
    assert laptop.json("run")["run"] == "train01"
    laptop.wait("train01")
    assert "epoch 6/6" in laptop.run("logs", "train01").stdout
    found = laptop.json("results", "train01")
    assert (found["state"], found["metrics"]["loss"]["last"]) == ("finished", 0.1667)
    status = laptop.json("status")["servers"][0]
    assert (status["name"], status["reachable"], status["runs"][0]["epoch"]) == ("gpu1", True, 6)


def test_a_crash_at_night_is_mended_on_the_server(laptop: Laptop, host: hosts.Host) -> None:
    """With the link cut: SIGKILL in epoch 3, then the second attempt goes on from epoch 2."""
    laptop.launch("killed", "--die", "3", "--wait-for", "go")
    host.cut()
    (run_folder(host, "killed") / "work" / "go").touch()
    state = run_folder(host, "killed") / "state.json"
    wait_until(lambda: '"state":"finished"' in state.read_text(), what="the run to finish alone")
    host.heal()
    explained = laptop.explain("killed")
    assert [a["signal"] for a in explained["attempts"]] == [9, None]
    assert explained["attempts"][1]["checkpoint"].endswith("ckpt_2.pt")
    assert [r["class"] for r in explained["repairs"]] == ["preempted"]


def test_out_of_memory_takes_smaller_batches(laptop: Laptop, host: hosts.Host) -> None:
    """64 -> 32 x 2 -> 16 x 4, by the variants computed before the launch."""
    laptop.launch("memory", "--oom", "16")
    laptop.wait("memory")
    labels = [attempt["label"] for attempt in laptop.explain("memory")["attempts"]]
    assert labels == ["batch 64", "batch 32 x 2", "batch 16 x 4"]


def test_unreachable_is_not_failed(laptop: Laptop, host: hosts.Host) -> None:
    """While the link is cut the run is unreachable with its age, then itself again (law 1)."""
    laptop.launch("away", "--wait-for", "go")
    host.cut()
    status = laptop.json("status")["servers"][0]
    assert not status["reachable"]
    assert status["runs"][0]["state"] == "running"
    assert "unreachable" in laptop.run("status").stdout
    host.heal()
    (run_folder(host, "away") / "work" / "go").touch()
    laptop.wait("away")
    assert starts(host, "away") == 1


def test_following_survives_a_cut_of_a_minute(laptop: Laptop, host: hosts.Host) -> None:
    """`wait` is running while the link is cut for a whole minute, and still tells the end."""
    laptop.launch("cut", "--wait-for", "go")
    waiting = laptop.start("wait", "cut", "--timeout", "170")
    host.cut()
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(timeout=60)
    (run_folder(host, "cut") / "work" / "go").touch()
    host.heal()
    out, err = waiting.communicate(timeout=100)
    assert waiting.returncode == 0, (out, err)
    assert starts(host, "cut") == 1


def test_the_laptop_dies_at_launch(laptop: Laptop, host: hosts.Host) -> None:
    """SIGKILL once the run exists, then the same unnamed command: one run, one start (law 3)."""
    command = [*launching(None), *training("--wait-for", "go")]
    first = laptop.start(*command)
    runs = Path(host.home) / "overnight/projects/night/runs"
    wait_until(lambda: runs.exists() and list(runs.glob("*/spec.json")), what="the run's spec")
    first.send_signal(signal.SIGKILL)
    first.communicate()
    again = laptop.json(*launching(None), command=("--wait-for", "go"))
    assert again["run"] == "train01"
    assert [each.name for each in runs.iterdir()] == ["train01"]
    (run_folder(host, "train01") / "work" / "go").touch()
    laptop.wait("train01")
    assert starts(host, "train01") == 1


def test_a_named_launch_typed_twice_is_one_run(laptop: Laptop, host: hosts.Host) -> None:
    """The same name and content again; with other content the name is taken."""
    laptop.launch("twice")
    assert laptop.launch("twice")["existed"]
    refused = laptop.launch("twice", "--epochs", "9", code=2)
    assert refused["error"]["code"] == "name_taken"
    laptop.wait("twice")
    assert starts(host, "twice") == 1


def test_supervisor_and_shim_are_killed(laptop: Laptop, host: hosts.Host) -> None:
    """Both of our processes die; the training is followed to its end, and the run finishes."""
    laptop.launch("orphan", "--wait-for", "go")
    wait_until(lambda: starts(host, "orphan") == 1, what="the training")
    host.sh("pkill -9 -f '[s]upervise.*orphan'; pkill -9 -f 'overnight-[s]him'", check=False)
    laptop.run("status")
    (run_folder(host, "orphan") / "work" / "go").touch()
    laptop.wait("orphan")
    explained = laptop.explain("orphan")
    assert explained["state"] == "finished"
    assert explained["attempts"][0]["cause"] == "lost"


def test_the_server_reboots(laptop: Laptop, host: hosts.Host) -> None:
    """A power cut in the middle; the laptop's next contact starts the watch, which goes on."""
    laptop.launch("rebooted", "--epochs", "30", "--epoch-s", "0.2")
    outputs = run_folder(host, "rebooted") / "work" / "outputs"
    wait_until(lambda: (outputs / "ckpt_3.pt").exists(), what="some checkpoints")
    host.reboot()
    laptop.wait("rebooted")
    explained = laptop.explain("rebooted")
    assert [attempt["cause"] for attempt in explained["attempts"]] == ["reboot", None]
    assert explained["attempts"][1]["checkpoint"]


def test_a_half_written_checkpoint_is_passed_over(laptop: Laptop, host: hosts.Host) -> None:
    """The newest file is torn; the attempt goes on from the one before."""
    laptop.launch("torn", "--die", "4", "--wait-for", "go")
    outputs = run_folder(host, "torn") / "work" / "outputs"
    wait_until(lambda: (outputs / "ckpt_1.pt").exists(), what="the first checkpoint")
    host.sh("printf 'PK\\003\\004torn' > overnight/projects/night/runs/torn/work/outputs/ckpt_9.pt")
    host.sh("touch -d '+1 hour' overnight/projects/night/runs/torn/work/outputs/ckpt_9.pt")
    (run_folder(host, "torn") / "work" / "go").touch()
    laptop.wait("torn")
    assert laptop.explain("torn")["attempts"][1]["checkpoint"].endswith("ckpt_3.pt")


def test_two_laptops_steer_one_server(
    laptop: Laptop, lab: labs.Lab, host: hosts.Host, tmp_path: Path, user_home: Path
) -> None:
    """Both launch at once; each run starts once, and each laptop sees both."""
    other = Laptop(tmp_path / "other", user_home / "rt2", lab.ssh_config)
    first = laptop.start(*launching("one"), *training())
    second = other.start(*launching("two"), *training())
    for process in (first, second):
        out, err = process.communicate(timeout=100)
        assert process.returncode == 0, (out, err)
    for name in ("one", "two"):
        laptop.wait(name)
        assert starts(host, name) == 1
    assert len(other.json("status")["servers"][0]["runs"]) == 2


def test_a_labmate_with_the_same_command_is_left_alone(laptop: Laptop, host: hosts.Host) -> None:
    """`stop` ends our processes; the labmate's, with the same command line, live on (law 6)."""
    host.labmate("mate")
    script = run_folder(host, "ours") / "work" / "train.py"
    laptop.launch("ours", "--wait-for", "never")
    source = Path("/tmp") / "train.py"
    host.sh(f"cat > {source} <<'X'\n{TRAINER.read_text()}\nX")
    command = f"cd; nohup python3 {source} --wait-for never >/dev/null 2>&1 &"
    host.sh(command, user="mate")
    wait_until(lambda: host.pids("mate"), what="the labmate's training")
    before = host.pids("mate")
    laptop.run("stop", "ours")
    assert script.exists()
    assert host.pids("mate") == before
    assert laptop.explain("ours")["state"] == "stopped"


def test_ctrl_c_leaves_nothing_of_a_smoke_test(laptop: Laptop, host: hosts.Host) -> None:
    """SIGINT while it runs: no process of it and no folder is left on the server."""
    smoke = laptop.start("smoke", *training("--wait-for", "never"))
    wait_until(lambda: "train.py" in host.sh("ps -ef").stdout, what="the training")
    smoke.send_signal(signal.SIGINT)
    smoke.communicate(timeout=60)
    assert smoke.returncode == 130
    assert "train.py" not in host.sh("ps -ef").stdout
    assert not list((Path(host.home) / "overnight/projects/night/runs").iterdir())


def test_the_disk_of_the_server_is_full(laptop: Laptop, host: hosts.Host) -> None:
    """A sync that does not fit is refused in one line and leaves nothing half done."""
    host.small_disk("/home/train/overnight", 1)
    (laptop.project / "weights.txt").write_bytes(os.urandom(3 << 20))
    done = laptop.run("sync", code=4)
    assert "gpu1" in done.stderr
    assert "next:" in done.stderr
    host.small_disk("/home/train/overnight", 64)
    laptop.run("sync")
    projects = Path(host.home) / "overnight/projects/night"
    assert not (projects / "incoming").exists() or not list((projects / "incoming").iterdir())


def test_pull_goes_on_after_a_cut(laptop: Laptop, host: hosts.Host) -> None:
    """The link is cut while results are fetched; the same command later brings the rest."""
    laptop.launch("big", "--epochs", "2")
    laptop.wait("big")
    host.sh("head -c 30000000 /dev/urandom > overnight/projects/night/runs/big/work/outputs/a.log")
    pulling = laptop.start("pull", "big")
    part = laptop.project / ".overnight" / "results" / "big"
    wait_until(part.exists, what="the pull to begin")
    host.cut()
    pulling.communicate(timeout=170)
    host.heal()
    laptop.run("pull", "big")
    pulled = part / "work" / "outputs" / "a.log"
    assert pulled.stat().st_size == 30_000_000
