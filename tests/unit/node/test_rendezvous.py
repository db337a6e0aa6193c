"""A free port for each start, and the folder of the ranks' logs."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from overnight.node import actions, rendezvous
from tests.unit.node import runs

KERNELS = (32768, 60999)


def test_a_start_finds_its_port_once_and_its_own_folder(tmp_path: Path) -> None:
    """Only where they are asked for; everything else stays as it is."""
    run = runs.make(tmp_path)
    found = rendezvous.Finder(run, 3)
    filled = found.filled({"port": actions.FREE_PORT, "logs": actions.ATTEMPT_FOLDER, "lr": 0.1})
    assert filled["logs"] == run.attempt(3, "ranks")
    assert filled["lr"] == 0.1
    assert rendezvous.FIRST_PORT <= filled["port"] <= rendezvous.LAST_PORT
    assert found.filled({"MASTER_PORT": actions.FREE_PORT}) == {"MASTER_PORT": filled["port"]}
    assert list(json.loads((tmp_path / rendezvous.GIVEN).read_text())) == [str(filled["port"])]


def test_no_port_is_given_twice_before_anybody_listens(tmp_path: Path) -> None:
    """Also to the same asker: nothing listens yet, and still each gets another."""
    given = [rendezvous.free_port(str(tmp_path), "same", 1000.0 + at) for at in range(8)]
    assert len(set(given)) == 8


def test_a_port_given_long_ago_may_be_given_again(tmp_path: Path) -> None:
    """The one who got it listens by now, or has ended."""
    first = rendezvous.free_port(str(tmp_path), "same", 1000.0)
    assert rendezvous.free_port(str(tmp_path), "same", 1000.0 + rendezvous.KEPT_S) == first


def test_a_port_on_which_somebody_listens_is_passed_over(tmp_path: Path) -> None:
    """A labmate's training knows nothing of our file."""
    wanted = rendezvous.free_port(str(tmp_path), "same", 1000.0)
    with socket.socket() as other:
        other.bind(("", wanted))
        other.listen()
        assert rendezvous.free_port(str(tmp_path), "same", 5000.0) != wanted


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"20001": "x", "y": 3}', "null"])
def test_a_broken_file_of_given_ports_is_no_obstacle(tmp_path: Path, text: str) -> None:
    """It is written anew."""
    (tmp_path / rendezvous.GIVEN).write_text(text)
    port = rendezvous.free_port(str(tmp_path), "same", 1000.0)
    assert json.loads((tmp_path / rendezvous.GIVEN).read_text())[str(port)] == 1000.0


def test_ports_of_the_kernel_are_left_to_it() -> None:
    """Any connection may get one of them while the training loads."""
    tried = list(rendezvous.candidates("a", {"20005": 1.0}, (20010, 60999)))
    assert sorted(tried) == [port for port in range(20000, 20010) if port != 20005]
    assert list(rendezvous.candidates("a", {}, (1024, 65535))) == []
    assert next(rendezvous.candidates("a", {}, KERNELS)) != next(
        rendezvous.candidates("b", {}, KERNELS)
    )
