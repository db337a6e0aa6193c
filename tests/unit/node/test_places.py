"""The last look at the GPUs of a run before it starts on them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from overnight.node import places, waiting
from tests.testbed import nvml as fake
from tests.unit.node import runs

A = "GPU-0a8f2b4c-1111-2222-3333-444455556666"
WHOLE = {"gpus": [A], "share": 1.0}
HALF = {"gpus": [A], "share": 0.5}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake.compiled(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def problem(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What is said of a place, with these lines of the driver."""
    run = runs.make(tmp_path / "root")

    def ask(place: dict[str, Any], *lines: str, sharing: dict[str, Any] | None = None) -> str:
        fake.use(library, list(lines), tmp_path, monkeypatch)
        found = places.problem(run, {"queue": {"sharing": sharing or {}}}, place)
        return found.text if found else ""

    return ask


def test_an_empty_card_is_ours(problem: Any) -> None:
    """Nothing stands in the way."""
    assert problem(WHOLE, fake.card(0, A)) == ""


def test_somebody_came_between_the_decision_and_the_start(problem: Any) -> None:
    """Who, and which process, is said; not of a user who counts as free."""
    me = fake.process(0, os.getpid(), 500)
    said = problem(WHOLE, fake.card(0, A, used_mib=504), me)
    assert said.startswith("GPU 0 is used by ")
    assert said.endswith(f"(process {os.getpid()})")
    user = said.split()[5]
    assert problem(WHOLE, fake.card(0, A, used_mib=504), me, sharing={"free_users": [user]}) == ""


def test_who_stays_is_not_waited_for(tmp_path: Path, library: Path, monkeypatch: Any) -> None:
    """The run goes back to the queue at once, for another card; a process that is gone passes."""
    run = runs.make(tmp_path / "root")
    for pid, passes in ((os.getpid(), False), (2**22 + 1, True)):
        lines = [fake.card(0, A, used_mib=504), fake.process(0, pid, 500)]
        fake.use(library, lines, tmp_path, monkeypatch)
        found = places.problem(run, {}, WHOLE)
        assert found is not None and found.passes is passes


def test_memory_that_has_not_drained_is_waited_for(problem: Any) -> None:
    """Of a card of its own; on one that is shared other runs of ours hold some."""
    full = fake.card(0, A, used_mib=5000)
    assert problem(WHOLE, full) == "memory of GPU 0 is still in use"
    assert problem(HALF, full) == ""


def test_a_card_that_is_gone_and_a_driver_that_is_silent(problem: Any) -> None:
    """Nothing is started on what cannot be seen."""
    assert problem(WHOLE, fake.card(0, A.replace("0a", "0b"))) == f"{A} is no longer there"
    said = problem(WHOLE, fake.card(0, A), "refuse 0 GetMemoryInfo 15")
    assert said.startswith("the GPUs cannot be seen now: ")


def test_the_rules_are_those_by_which_the_queue_decided(
    tmp_path: Path, library: Path, monkeypatch: Any
) -> None:
    """The newest; else what the queue gives would be refused here, again and again."""
    run = runs.make(tmp_path / "root")
    lines = [fake.card(0, A, used_mib=504), fake.process(0, os.getpid(), 500)]
    fake.use(library, lines, tmp_path, monkeypatch)
    found = places.problem(run, {}, WHOLE)
    assert found is not None
    waiting.keep_rules(run.root, run.project, {"free_users": [found.text.split()[5]]})
    assert places.problem(run, {}, WHOLE) is None
