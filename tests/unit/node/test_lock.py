"""Locks where the file system has no flock."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from overnight.node import identity, lock


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a lock that somebody has made."""
    made = tmp_path / "lock.d"
    made.mkdir()
    return made


def sign(folder: Path, who: identity.Identity, host: str) -> None:
    (folder / "holder").write_text(json.dumps([*who, host]))


def dead() -> identity.Identity:
    return identity.mine()._replace(start_ticks=1)


def test_the_lock_of_a_dead_process_of_this_machine_is_taken_over(folder: Path) -> None:
    """And nothing is left of the taking over."""
    sign(folder, dead(), os.uname().nodename)
    assert lock.take_over_folder_lock(str(folder))
    assert [path.name for path in folder.parent.iterdir()] == ["lock.d"]
    holder = json.loads((folder / "holder").read_text())
    assert identity.from_json(holder[:3]) == identity.mine()


def test_the_lock_of_another_machine_stands(folder: Path) -> None:
    """Its processes cannot be seen from here, so nobody may say that they are dead."""
    sign(folder, dead(), "another-node")
    assert not lock.take_over_folder_lock(str(folder))


def test_a_living_holder_keeps_it(folder: Path) -> None:
    """Ourselves, here."""
    sign(folder, identity.mine(), os.uname().nodename)
    assert not lock.take_over_folder_lock(str(folder))


def test_a_lock_that_nobody_signed(folder: Path) -> None:
    """Its maker may be about to; after a while it has crashed."""
    assert not lock.take_over_folder_lock(str(folder))
    before = time.time() - 60
    os.utime(folder, (before, before))
    assert lock.take_over_folder_lock(str(folder))


def test_one_takes_over_at_a_time(folder: Path) -> None:
    """While somebody does, others are told that the lock is held; a crash of his does not last."""
    sign(folder, dead(), os.uname().nodename)
    guard = Path(f"{folder}.over")
    guard.mkdir()
    assert not lock.take_over_folder_lock(str(folder))
    before = time.time() - 60
    os.utime(guard, (before, before))
    assert not lock.take_over_folder_lock(str(folder))
    assert lock.take_over_folder_lock(str(folder))


def test_looking_whether_a_lock_is_free_does_not_keep_it(tmp_path: Path) -> None:
    """A supervisor that starts at that moment gets it."""
    path = str(tmp_path / "lock")
    assert lock.is_free(path)
    with lock.held(path, timeout_s=0.0):
        assert not lock.is_free(path)
