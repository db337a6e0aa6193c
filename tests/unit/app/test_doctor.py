"""What `doctor` makes of a server's answers: levels, words, and the line that mends."""

from __future__ import annotations

from typing import Any

import pytest

from overnight.app import doctor, doctor_findings
from overnight.core import config, config_slurm

SERVER = config.ServerConfig(name="gpu1", kind="ssh", host="box", root="/data/me")
HEALTHY: dict[str, Any] = {
    "python": ["3.11.2", "/usr/bin/python3"],
    "tmux": "tmux 3.3a",
    "rsync": "rsync  version 3.2.7  protocol version 31",
    "disk_free_mib": 900_000,
    "inodes_free": 50_000_000,
    "flock": True,
    "gpus": [["NVIDIA H100 80GB HBM3", 81559]],
    "gpu_problem": None,
    "internet": "pypi.org",
    "cron": {"state": "installed", "problem": "", "daemon": True},
    "messages": {"problem": None},
    "activation": {"ok": True, "said": "3.11.2 /usr/bin/python3", "missing": []},
    "links": {},
}


def cron(state: str, problem: str = "", daemon: bool | None = True) -> dict[str, Any]:
    return {"state": state, "problem": problem, "daemon": daemon}


def judged(kind: str = "none", **changes: Any) -> dict[str, doctor_findings.Finding]:
    env = config.Environment(kind=kind, name="" if kind == "none" else "clip")
    found = doctor.judge({**HEALTHY, **changes}, SERVER, config.Project(name="p", env=env))
    return {each.check: each for each in found}


def test_a_healthy_server_has_nothing_to_mend() -> None:
    """Every finding is ok, and none tells people to do anything."""
    found = judged().values()
    assert {each.level for each in found} == {"ok"}
    assert {each.mend for each in found} == {""}


@pytest.mark.parametrize(
    ("changes", "check", "level", "says"),
    [
        ({"links": {"data": "/d"}}, "links", "mend", "/d does not exist there, and 'data'"),
        (
            {"activation": {"ok": True, "said": "3.11", "missing": ["torch", "yaml"]}},
            "packages",
            "note",
            "the training imports it: torch, yaml",
        ),
        ({"disk_free_mib": 4000}, "disk", "note", "3.9 GiB free under /data/me"),
        ({"disk_free_mib": 100}, "disk", "mend", "0.1 GiB free under /data/me"),
        ({"inodes_free": 10}, "disk", "mend", "and room for 10 more files"),
        ({"inodes_free": None}, "disk", "ok", "878.9 GiB free"),
        ({"flock": False}, "locks", "note", "two machines that share it could both start a run"),
        ({"cron": cron("absent")}, "cron", "note", "does not start the watch"),
        ({"cron": cron("installed", daemon=False)}, "cron", "note", "no cron daemon runs"),
        ({"cron": cron("no_program", "no crontab")}, "cron", "note", "no crontab: without it"),
        ({"cron": cron("forbidden", "cron.allow")}, "cron", "note", "allows you no crontab"),
        ({"messages": {"problem": "HTTP 500"}}, "messages", "mend", "HTTP 500"),
        ({"tmux": None}, "tmux", "note", "not installed: `overnight attach` will not work"),
        ({"rsync": None}, "rsync", "note", "through the pipe, more slowly"),
        ({"gpus": [], "gpu_problem": "no driver"}, "gpus", "mend", "no driver"),
        ({"gpus": []}, "gpus", "note", "no GPU: trainings run on the CPU"),
        ({"internet": None}, "internet", "note", "no way out"),
    ],
)
def test_each_weakness(changes: dict[str, Any], check: str, level: str, says: str) -> None:
    """It has its level and its words, and a line that mends it unless all is well."""
    found = judged(**changes)[check]
    assert found.level == level
    assert says in found.text
    nothing_to_do = level == "ok" or "on the CPU" in says
    assert bool(found.mend) is not nothing_to_do


def test_an_environment_that_fails_shows_its_last_word() -> None:
    """One line, whatever conda printed before it."""
    said = "usage: conda [-h]\n\novernight: cannot activate clip; type: conda env list\n"
    found = judged("conda", activation={"ok": False, "said": said, "missing": []})["environment"]
    assert found.level == "mend"
    assert found.text.startswith("conda clip does not work in a non-interactive shell: overnight:")
    assert "\n" not in found.text


@pytest.mark.parametrize(
    ("off_s", "level", "says"),
    [(0.4, "ok", "0.4 s"), (-4.0, "ok", "4.0 s"), (-7200.0, "note", "7200 s"), (6, "note", "6 s")],
)
def test_clocks(off_s: float, level: str, says: str) -> None:
    """A clock that is off by more than five seconds is worth a word, in either direction."""
    found = doctor.clock(off_s)
    assert (found.level, says in found.text) == (level, True)


def test_processes_that_do_not_survive_are_to_be_mended() -> None:
    """Without it no training would live until the morning."""
    assert doctor.survived(True, SERVER).level == "ok"
    found = doctor.survived(False, SERVER)
    assert found.level == "mend"
    assert found.mend.startswith("ssh box loginctl enable-linger")


CLUSTER = config.ServerConfig(
    name="cluster", kind="slurm", host="login", slurm=config_slurm.Slurm(partition="gpu")
)
SLURM: dict[str, Any] = {
    "missing": [],
    "version": [22, 5],
    "problem": "",
    "partitions": ["cpu", "gpu"],
    "partition": {"name": "gpu", "is_up": True, "time_limit": "1-00:00:00"},
    "has_gpus": True,
    "accounts": "",
    "file_system": {"kind": "nfs4", "is_shared": True},
}


def on_cluster(**changes: Any) -> dict[str, doctor_findings.Finding]:
    healthy = {**HEALTHY, "slurm": {**SLURM, **changes}}
    found = doctor.judge(healthy, CLUSTER, config.Project(name="p"))
    return {each.check: each for each in found}


def test_a_healthy_cluster_has_nothing_to_mend() -> None:
    """The GPUs of its login node say nothing."""
    found = on_cluster()
    assert {each.level for each in found.values()} == {"ok"}
    assert "gpus" not in found
    assert found["slurm"].text == "Slurm 22.05 answers"
    assert found["partition"].text == "gpu, with GPUs, at most 1-00:00:00 for a job"


@pytest.mark.parametrize(
    ("changes", "check", "level", "says"),
    [
        ({"missing": ["sbatch", "srun"]}, "slurm", "mend", "non-interactive login: sbatch, srun"),
        ({"problem": "no answer"}, "slurm", "mend", "Slurm 22.05 does not answer: no answer"),
        ({"version": [19, 5]}, "slurm", "note", "Slurm 19.05; overnight was made for 20.02"),
        ({"version": None}, "slurm", "ok", "Slurm of an unknown version answers"),
        ({"partition": None}, "partition", "mend", "there is no partition 'gpu'"),
        (
            {"partition": {"name": "gpu", "is_up": False, "time_limit": "1:00"}},
            "partition",
            "note",
            "it is down now",
        ),
        ({"accounts": "storage is disabled"}, "accounts", "ok", "of no use (storage is disabled)"),
        (
            {"file_system": {"kind": "ext4", "is_shared": False}},
            "shared disk",
            "note",
            "the root lies on ext4: nothing shows that compute nodes see it",
        ),
    ],
)
def test_findings_of_a_cluster(changes: dict[str, Any], check: str, level: str, says: str) -> None:
    found = on_cluster(**changes)[check]
    assert found.level == level
    assert says in found.text
    assert found.mend or level == "ok"
