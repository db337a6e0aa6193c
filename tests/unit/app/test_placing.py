"""What servers answer, as offers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from overnight.app import Overnight, placing
from overnight.app.talk import Silent
from overnight.core import config
from overnight.core.placement import Offer

TOML = """\
[project]
name = "p"
train = "python3 train.py"

[servers.a]
gpus = [0, "GPU-bb"]

[servers.b]
"""


@pytest.fixture
def o(tmp_path: Path) -> Any:
    (tmp_path / "overnight.toml").write_text(TOML)
    with Overnight(tmp_path, Silent()) as made:
        yield made


def answer(**more: Any) -> dict[str, Any]:
    cards = [
        {"uuid": uuid, "index": n, "name": "NVIDIA A", "state": "free"}
        for n, uuid in enumerate(("GPU-aa", "GPU-bb1", "GPU-cc"))
    ]
    return {"cards": cards, "waiting": [], "running": [], "slots": 4, "problem": None, **more}


def test_only_the_gpus_that_the_settings_name(o: Overnight) -> None:
    """By index or by the beginning of a UUID; the others are shown as excluded."""
    made = placing.offer(o.config.servers["a"], answer(), 0.0, None)
    assert [card["state"] for card in made.cards] == ["free", "free", "excluded"]
    free = placing.offer(o.config.servers["b"], answer(), 0.0, None)
    assert {card["state"] for card in free.cards} == {"free"}


def test_what_a_run_needs_there(o: Overnight) -> None:
    """Links that are missing, code that is there, CPU slots of the settings before the node's."""
    settings = o.config.servers["b"]
    told = answer(missing_links=["/data"], has_snapshot=True, problem="nvidia-smi hangs")
    made = placing.offer(settings, told, 7.0, "s1")
    assert (made.missing_links, made.snapshots) == (frozenset(["/data"]), frozenset(["s1"]))
    assert (made.slots, made.problem, made.clock_offset_s) == (4, "nvidia-smi hangs", 7.0)
    assert placing.offer(settings, answer(), 0.0, "s1").snapshots == frozenset()
    few = config.ServerConfig(name="b", kind="ssh", host="b", cpu_slots=1)
    assert placing.offer(few, answer(), 0.0, None).slots == 1


def test_speed_is_learnt_from_smoke_tests(o: Overnight) -> None:
    """The same command took half as long per step on the other model."""
    cards = {name: [{"name": f"NVIDIA {name}"}] for name in "ab"}
    told = [Offer(server=name, cards=cards[name]) for name in "ab"]
    assert [each.speed for each in placing.with_speeds(o, told)] == [1.0, 1.0]
    o.mirror.remember_smoke("s", "key", "a", {"step_time_s": 0.4, "full_run_s": 400.0})
    o.mirror.remember_smoke("s", "key", "b", {"step_time_s": 0.2})
    fast = placing.with_speeds(o, told)
    assert fast[1].speed == 2 * fast[0].speed
    assert placing.expected(o, "key", fast) == 400.0 * fast[0].speed
    assert placing.expected(o, "other", fast) is None


def test_a_launch_that_was_begun_is_found_again(o: Overnight) -> None:
    """By its name; a run that has left a server is not there any more."""
    wanted: Any = None  # what a run without a name would be found by
    assert placing.begun_on(o, "r", wanted) is None
    o.mirror.intend(placing.by_name("r"), "b", ("r", ""))
    assert placing.begun_on(o, "r", wanted) == "b"
    o.mirror.record("a", 1.0, [{"run": "r", "state": "running"}], {})
    assert placing.begun_on(o, "r", wanted) == "a"
    o.mirror.record("a", 1.0, [{"run": "r", "state": "stopped", "moved_to": "b"}], {})
    assert placing.begun_on(o, "r", wanted) == "b"
