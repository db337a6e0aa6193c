"""What a server tells `doctor` about itself, without leaving anything behind."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from overnight.node import identity, probe, server


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network, and no waiting for what a closed login might still do."""
    monkeypatch.setattr(probe, "INTERNET", ())
    monkeypatch.setattr(probe, "LOGOUT_S", 0.05)


def test_the_answer_travels_and_leaves_nothing(tmp_path: Path) -> None:
    """All of it is JSON; the root is as empty as before."""
    found = probe.probe(str(tmp_path), "project", {"environment": {"kind": "none"}})
    assert json.loads(json.dumps(found)) == found
    assert found["disk_free_mib"] > 0
    assert found["flock"] is True
    assert found["activation"]["ok"]
    assert list(tmp_path.iterdir()) == []


def test_an_environment_that_is_not_there(tmp_path: Path) -> None:
    """The activation's own words, and no project folder made for it."""
    wanted = {"environment": {"kind": "venv", "name": "no/such"}}
    found = probe.try_activation(wanted, str(tmp_path), str(tmp_path / "projects" / "p"))
    assert not found["ok"]
    assert "there is no venv at no/such" in found["said"]
    assert list(tmp_path.iterdir()) == []


def test_what_a_project_needs_is_looked_for(tmp_path: Path) -> None:
    """Packages that its Python lacks, and data that is not where the links lead."""
    wanted = {
        "environment": {"kind": "none"},
        "packages": ["json", "no_such_package_of_ours"],
        "links": {"data": str(tmp_path / "none"), "here": str(tmp_path)},
    }
    found = probe.probe(str(tmp_path), "project", wanted)
    assert found["activation"]["missing"] == ["no_such_package_of_ours"]
    assert found["links"] == {"data": str(tmp_path / "none")}


def test_programs_that_are_missing_or_mute() -> None:
    """None, not an error."""
    assert probe.first_line(["no-such-program-of-ours"]) is None
    assert probe.first_line(["true"]) is None
    assert probe.first_line(["printf", "tmux 3.3a\\nmore\\n"]) == "tmux 3.3a"


def test_a_lingering_process_is_found_and_ended() -> None:
    """Alive at first; ended by the check, so that nothing of doctor's stays."""
    started = probe.linger_start()["identity"]
    assert probe.linger_check(started) == {"alive": True}
    assert server.wait_for_started(5.0)
    assert probe.linger_check(started) == {"alive": False}


def test_a_process_that_was_killed_did_not_survive() -> None:
    """And nobody who has its pid by now is signalled."""
    started = probe.linger_start()["identity"]
    os.kill(started[1], signal.SIGKILL)
    assert probe.linger_check(started) == {"alive": False}
    me = identity.mine()
    assert probe.linger_check([me.boot_id, me.pid, me.start_ticks + 1]) == {"alive": False}


def test_garbage_is_not_alive() -> None:
    """Whatever is sent instead of an identity."""
    assert probe.linger_check(None) == {"alive": False}
    assert probe.linger_check(["x", 1, "2"]) == {"alive": False}
