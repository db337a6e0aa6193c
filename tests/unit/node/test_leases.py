"""Who of our runs holds which GPU, alone or with others."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from overnight.node import leases

A = "GPU-0a8f2b4c-1111-2222-3333-444455556666"
B = "GPU-9f00aa11-1111-2222-3333-444455556666"

ME = {"project": "clip", "run": "train01"}
OTHER = {"project": "clip", "run": "train02"}


def record(holder: dict[str, Any], share: float = 1.0, mib: int | None = None) -> dict[str, Any]:
    return {**holder, "share": share, "mib": mib}


def alive(holder: dict[str, Any]) -> bool:
    return holder.get("run") != "dead"


def test_a_lease_is_all_or_nothing(tmp_path: Path) -> None:
    """Where one of the GPUs belongs to somebody else, none is taken."""
    root = str(tmp_path)
    assert leases.lease(root, [A], OTHER, alive)
    assert not leases.lease(root, [B, A], ME, alive)
    assert leases.held(root, alive) == {A: [record(OTHER)]}


def test_a_lease_file_names_its_holders(tmp_path: Path) -> None:
    """This form stays readable: nodes of other versions share the folder."""
    leases.lease(str(tmp_path), [A], ME, alive, 0.5, 9000)
    text = (tmp_path / "leases" / f"{A}.json").read_text()
    assert json.loads(text) == {"holders": [{**ME, "share": 0.5, "mib": 9000}]}


def test_leasing_again_is_the_same_lease(tmp_path: Path) -> None:
    """A call that lost its answer may be repeated."""
    root = str(tmp_path)
    assert leases.lease(root, [A, B], ME, alive) and leases.lease(root, [A, B], ME, alive)
    assert leases.held(root, alive) == {A: [record(ME)], B: [record(ME)]}


def test_release_drops_what_agrees_with_the_holder(tmp_path: Path) -> None:
    """Only the leases of this run are dropped, whatever else their records say."""
    root = str(tmp_path)
    leases.lease(root, [A], {**ME, "attempt": 2}, alive)
    leases.lease(root, [B], OTHER, alive)
    leases.release(root, ME)
    assert leases.held(root, alive) == {B: [record(OTHER)]}


def test_leases_of_the_dead_and_damaged_ones_are_dropped(tmp_path: Path) -> None:
    """Nobody waits for a holder that is gone; files that are not leases stay."""
    root = str(tmp_path)
    leases.lease(root, [A], {"run": "dead"}, lambda holder: True)
    for name, text in ((f"{B}.json", "[]"), ("GPU-torn.json", "{"), ("note.txt", "x")):
        (tmp_path / "leases" / name).write_text(text)
    assert leases.held(root, alive) == {}
    assert os.listdir(tmp_path / "leases") == ["note.txt"]
    assert leases.lease(root, [A, B], ME, alive)


@pytest.mark.parametrize("uuid", ["", "../x", "a/b", "a.json", "x" * 81])
def test_a_uuid_can_lead_nowhere_else(tmp_path: Path, uuid: str) -> None:
    """The name of a lease file is never a path."""
    with pytest.raises(ValueError):
        leases.lease(str(tmp_path), [uuid], ME, alive)


def test_nothing_is_leased_when_a_record_cannot_be_written(tmp_path: Path) -> None:
    """A full disk or a bad folder ends in an error, not in half of the GPUs."""
    root = str(tmp_path)
    (tmp_path / "leases" / f"{B}.json.{os.getpid()}.tmp").mkdir(parents=True)
    with pytest.raises(OSError):
        leases.lease(root, [A, B], ME, alive)
    assert not (tmp_path / "leases" / f"{A}.json").exists()


# -- shares -----------------------------------------------------------------------------------


def test_runs_share_a_gpu_up_to_the_whole_of_it(tmp_path: Path) -> None:
    """Three thirds fit, also as people round them; nothing fits beside a whole one."""
    root = str(tmp_path)
    for run in ("a", "b", "c"):
        assert leases.lease(root, [A], {"run": run}, alive, 0.3334)
    assert not leases.lease(root, [A], {"run": "d"}, alive, 0.01)
    assert leases.lease(root, [B], ME, alive)
    assert not leases.lease(root, [B], OTHER, alive, 0.1)
    assert [each["run"] for each in leases.held(root, alive)[A]] == ["a", "b", "c"]


def test_a_share_that_is_leased_again_replaces_the_one_before(tmp_path: Path) -> None:
    """A run has one share of a GPU, the last one."""
    root = str(tmp_path)
    assert leases.lease(root, [A], OTHER, alive, 0.5)
    assert leases.lease(root, [A], ME, alive, 0.25, 100)
    assert leases.lease(root, [A], ME, alive, 0.5, 200)
    assert not leases.lease(root, [A], ME, alive, 0.75)
    assert leases.held(root, alive) == {A: [record(OTHER, 0.5), record(ME, 0.5, 200)]}


def test_a_share_is_given_back_alone(tmp_path: Path) -> None:
    """The others that share the GPU keep theirs; the last one takes the file along."""
    root = str(tmp_path)
    leases.lease(root, [A], ME, alive, 0.5)
    leases.lease(root, [A], OTHER, alive, 0.5)
    leases.release(root, ME)
    assert leases.held(root, alive) == {A: [record(OTHER, 0.5)]}
    leases.release(root, OTHER)
    assert os.listdir(tmp_path / "leases") == []


def test_the_dead_make_room_for_others(tmp_path: Path) -> None:
    """Their shares count no more, and those of the living stay."""
    root = str(tmp_path)
    leases.lease(root, [A], {"run": "dead"}, lambda holder: True, 0.5)
    leases.lease(root, [A], OTHER, lambda holder: True, 0.5)
    assert leases.seen(root, alive) == {A: [record(OTHER, 0.5)]}
    assert leases.lease(root, [A], ME, alive, 0.5)
    assert leases.held(root, alive) == {A: [record(OTHER, 0.5), record(ME, 0.5)]}
    assert leases.total(leases.held(root, alive)[A]) == 1.0


def test_who_only_looks_changes_nothing(tmp_path: Path) -> None:
    """Leases of the dead are passed over, and damaged files stay."""
    root = str(tmp_path)
    leases.lease(root, [A], {"run": "dead"}, lambda holder: True)
    (tmp_path / "leases" / f"{B}.json").write_text('{"holders": [{"run')
    assert leases.seen(root, alive) == {}
    assert len(os.listdir(tmp_path / "leases")) == 2


def test_a_lease_of_before_shares_were_known_is_the_whole_gpu(tmp_path: Path) -> None:
    """An update of the node while runs live doubles nothing."""
    root = str(tmp_path)
    (tmp_path / "leases").mkdir()
    (tmp_path / "leases" / f"{A}.json").write_text(json.dumps(OTHER))
    assert not leases.lease(root, [A], ME, alive, 0.1)
    assert leases.held(root, alive) == {A: [record(OTHER)]}
    leases.release(root, OTHER)
    assert leases.lease(root, [A], ME, alive, 0.1)


@pytest.mark.parametrize("share", ["half", None, True, -1, 0, 2, [], {}])
def test_a_share_that_makes_no_sense_is_the_whole_gpu(tmp_path: Path, share: Any) -> None:
    """A damaged record never makes room."""
    (tmp_path / "leases").mkdir()
    value = {"holders": [{**OTHER, "share": share}, "nobody"]}
    (tmp_path / "leases" / f"{A}.json").write_text(json.dumps(value))
    assert not leases.lease(str(tmp_path), [A], ME, alive, 0.1)


@pytest.mark.parametrize("share", [0.0, -0.5, 1.5, float("nan")])
def test_no_other_share_can_be_leased(tmp_path: Path, share: float) -> None:
    """More than nothing, at most the whole."""
    with pytest.raises(ValueError):
        leases.lease(str(tmp_path), [A], ME, alive, share)


def test_the_shares_of_others_outlive_a_failure(tmp_path: Path) -> None:
    """Where one record cannot be written, the others are as they were."""
    root = str(tmp_path)
    leases.lease(root, [A], OTHER, alive, 0.5)
    (tmp_path / "leases" / f"{B}.json.{os.getpid()}.tmp").mkdir()
    with pytest.raises(OSError):
        leases.lease(root, [A, B], ME, alive, 0.5)
    assert leases.held(root, alive) == {A: [record(OTHER, 0.5)]}
