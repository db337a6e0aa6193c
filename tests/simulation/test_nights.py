"""A short form of `make nights` and `make nights-mutants`."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from overnight.node import fs, identity, lock
from tests.simulation import __main__ as command
from tests.simulation import mutants, night, seams, shrink

NIGHTS = 60
PARTS = 4


@pytest.fixture
def machine() -> Iterator[None]:
    """The node runs on the simulated machine while a test lasts."""
    with seams.installed():
        yield


@pytest.mark.parametrize("part", range(PARTS))
def test_no_law_is_broken(machine: None, part: int) -> None:
    """Nights with every kind of fault: each run ends as it should, and no law is broken."""
    for number in range(part, NIGHTS, PARTS):
        plan = night.plan(f"test-{number}")
        result = night.live(plan)
        assert not result.violations, shrink.story(night.plan(f"test-{number}"))


def test_a_night_is_the_same_again(machine: None) -> None:
    """A seed names a night: its story can be told again."""
    first, second = (night.live(night.plan("again")) for _ in range(2))
    assert first.story == second.story
    assert first.story


@pytest.mark.parametrize("law", range(1, 9))
def test_a_broken_law_is_seen(machine: None, law: int) -> None:
    """One deliberate breakage of each law, found within a few nights."""
    mutant = next(each for each in mutants.ALL if each.law == law and each.is_quick)
    with mutant.applied():
        number, _ = command.first_caught(mutant, (str(n) for n in range(60)))
    assert number is not None, mutant.name


def test_a_story_is_made_short(machine: None) -> None:
    """What has nothing to do with a violation is left out of its story."""
    mutant = mutants.named("every end is a good one")
    with mutant.applied():
        plan = next(
            night.plan(str(n)) for n in range(60) if night.live(night.plan(str(n))).violations
        )
        short = shrink.shrunken(plan, 2)
        told = shrink.story(short)
    assert shrink.weight(short) <= min(4, shrink.weight(plan))
    assert "LAW 2 BROKEN" in told


def test_the_real_machine_is_back_afterwards() -> None:
    """Nothing of the simulation stays in the node."""
    boot_id = identity.boot_id()
    with seams.installed():
        assert fs.os is not os
        night.live(night.plan("before"))
    assert fs.os is os and lock.os is os and "open" not in vars(fs)
    assert identity.stat(os.getpid()) is not None
    assert identity.boot_id() == boot_id
