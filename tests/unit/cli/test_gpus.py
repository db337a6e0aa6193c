"""How `overnight gpus` looks: whose each GPU is, whatever servers say."""

from __future__ import annotations

import time
from typing import Any

import pytest

from overnight.cli import gpus, render

NOW = time.mktime(time.strptime("2026-01-05 12:00", "%Y-%m-%d %H:%M"))
HOSTILE = "e\x1b[2Jve\n\u202e"


def gpu(state: str = "free", **changes: Any) -> dict[str, Any]:
    row = {
        "index": 0,
        "name": "H100",
        "memory_used_mib": 4,
        "memory_total_mib": 81559,
        "utilization": 0,
        "state": state,
        "why": "",
        "users": [],
        "runs": [],
    }
    return {**row, **changes}


def shown(*rows: dict[str, Any], behind_s: float = 0.0, problem: str | None = None) -> str:
    """The table of one server whose clock is that far behind ours."""
    told = {"time": NOW - behind_s, "problem": problem, "gpus": list(rows)}
    return gpus.table({"gpu1": told}, NOW)


def test_a_free_gpu() -> None:
    """Model, memory, utilisation, state."""
    assert shown(gpu()) == "gpu1  GPU 0  H100  4 of 81559 MiB  0 %  free"


@pytest.mark.parametrize("behind_s", [0.0, 7200.0, -86400.0])
def test_somebody_elses_gpu_says_since_when(behind_s: float) -> None:
    """By the clock on our own wall, whatever the server's says."""
    began = NOW - 3600
    users = [{"user": "bob", "pid": 7, "mib": 30200, "since": began - behind_s}]
    line = shown(gpu("other", why="used by bob", users=users), behind_s=behind_s)
    assert line.endswith(f"bob 30200 MiB since {render.clock(began)}")


def test_the_processes_of_a_user_are_told_together() -> None:
    """Their memory added up, since the first of them."""
    bob = {"user": "bob", "pid": 7, "mib": 100, "since": NOW - 60}
    users = [bob, {**bob, "user": "eve", "mib": None}, {**bob, "since": NOW - 3600}]
    first = f"bob 200 MiB in 2 processes since {render.clock(NOW - 3600)}"
    line = shown(gpu("other", users=users))
    assert line.endswith(f"  {first}; eve since {render.clock(NOW - 60)}")


def test_what_is_not_told_is_left_out() -> None:
    """Memory of a process, its age, the figures of the GPU."""
    users = [{"user": "?", "pid": 0, "mib": None, "since": None}]
    silent = gpu("other", users=users, memory_used_mib=None, utilization=None)
    assert shown(silent) == "gpu1  GPU 0  H100  ?"


def test_our_gpus_name_the_run() -> None:
    """With the share of each where several share it, and with others who are there too."""
    whole = {"project": "clip", "run": "train01", "share": 1.0, "mib": None}
    assert shown(gpu("ours", runs=[whole])).endswith("ours: clip/train01")
    halves = [{**whole, "share": 0.5}, {**whole, "run": "b", "share": 0.25}]
    assert shown(gpu("ours", runs=halves)).endswith("ours: clip/train01 (50%), clip/b (25%)")
    users = [{"user": "bob", "pid": 7, "mib": 5, "since": None}]
    assert shown(gpu("ours", runs=[whole], users=users)).endswith("ours: clip/train01; bob 5 MiB")


@pytest.mark.parametrize(
    ("state", "why", "says"),
    [
        ("quiet", "quiet hours until 18:00", "0 %  quiet hours until 18:00"),
        ("resting", "used by bob until just now; 9 s more", "resting: used by bob until"),
        ("excluded", "overnight.toml excludes it", "excluded: overnight.toml excludes it"),
        ("other", "busy (60 %), by whom cannot be seen", "in use: busy (60 %), by whom"),
        ("unknown", "NVML: GPU is lost", "unknown: NVML: GPU is lost"),
    ],
)
def test_other_states_say_why(state: str, why: str, says: str) -> None:
    """In the words of the server."""
    assert says in shown(gpu(state, why=why))


def test_a_server_that_cannot_tell() -> None:
    """Away, without GPUs, or with a driver that answers half."""
    away = {"problem": "gpu1: no answer", "gpus": []}
    assert gpus.table({"gpu1": away}, NOW) == "gpu1  gpu1: no answer"
    assert shown() == "gpu1  no GPUs"
    lines = shown(gpu("unknown", why="NVML: x"), problem="NVML: x").splitlines()
    assert lines[0] == "gpu1  NVML: x"
    assert "unknown: NVML: x" in lines[1]


def test_hostile_names_are_escaped() -> None:
    """A terminal obeys nothing of what users and cards are called."""
    users = [{"user": HOSTILE, "pid": 7, "mib": 5, "since": None}]
    text = shown(gpu("other", users=users, name=HOSTILE))
    assert "\n" not in text and text.isprintable()
    assert r"\x1b[2J" in text
