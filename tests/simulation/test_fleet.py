"""A few hundred runs of made-up labs: what must hold of every decision holds."""

from __future__ import annotations

import pytest

from bench.fleet import __main__ as fleet
from bench.fleet import peers, report, simulation, workloads
from overnight.node import queueing


@pytest.mark.parametrize("kind", [*workloads.KINDS, "mixed"])
@pytest.mark.parametrize("servers", [1, 6])
def test_every_run_ends_no_card_is_overfull_and_no_reservation_delayed(
    kind: str, servers: int
) -> None:
    """By the lab's own books, with true estimates, labmates, failures and shared cards."""
    lab = workloads.make(kind, servers, 200, misjudged=False, seed=7)
    outcome = simulation.Simulation(lab, queueing.decide).play()
    assert (outcome.wrong, outcome.unfinished, outcome.delayed) == ([], 0, 0)
    assert outcome.reserved > 0
    assert len(outcome.waits_s) == 200


@pytest.mark.parametrize("kind", [*workloads.KINDS, "mixed"])
def test_wrong_estimates_cost_time_but_no_run_and_no_card(kind: str) -> None:
    lab = workloads.make(kind, 3, 200, misjudged=True, seed=3)
    outcome = simulation.Simulation(lab, queueing.decide).play()
    assert (outcome.wrong, outcome.unfinished) == ([], 0)


def test_the_lab_sees_a_card_given_twice() -> None:
    """A decider that believes every card to be free is found out."""

    def forgetful(waiting, running, hosts, now, promised=None):  # type: ignore[no-untyped-def]
        return queueing.decide(waiting, (), hosts, now, promised)

    lab = workloads.make("lab", 1, 40, misjudged=False, seed=1)
    assert simulation.Simulation(lab, forgetful).play().wrong


def test_the_lab_sees_a_reservation_delayed() -> None:
    """A decider that lets everything pass is found out."""

    def careless(waiting, running, hosts, now, promised=None):  # type: ignore[no-untyped-def]
        decision = queueing.decide(waiting, running, hosts, now, promised)
        narrow = [run for run in waiting if run.gpus == 1] or waiting
        return queueing.decide(narrow, running, hosts, now)._replace(reserved=decision.reserved)

    lab = workloads.make("lab", 1, 60, misjudged=False, seed=1)
    assert simulation.Simulation(lab, careless).play().delayed


def test_easy_beats_fifo_and_reserves_truly() -> None:
    """The peers are what they are called."""
    lab = workloads.make("lab", 2, 200, misjudged=False, seed=5)
    fifo = simulation.Simulation(lab, peers.fifo).play()
    easy = simulation.Simulation(lab, peers.easy).play()
    assert fifo.wrong == easy.wrong == []
    assert (easy.delayed, easy.unfinished, fifo.unfinished) == (0, 0, 0)
    assert easy.busy_share > fifo.busy_share
    assert report.row_of(lab, easy).makespan >= 1


def test_the_table_tells_of_all_three(capsys: pytest.CaptureFixture[str]) -> None:
    code = fleet.main(["--servers", "1", "--runs", "60", "--seeds", "1", "--kinds", "lab,rough"])
    printed = capsys.readouterr().out
    assert code == 0
    assert [printed.count(f"  {name}  ") for name in ("fifo", "easy", "ours")] == [4, 4, 4]
