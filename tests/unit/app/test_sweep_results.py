"""Sweeps as a laptop puts them together: which are done, and whose word counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from overnight.app import Overnight, sweep_results
from overnight.app.talk import Silent
from overnight.core import views
from overnight.results.comparison import sweeps
from overnight.results.comparison.arms import Comparison


def row(run: str, state: str, sweep: str = "lr", total: int = 2, **more: Any) -> dict[str, Any]:
    of = {"name": sweep, "index": 0, "total": total, "point": {}, "seed": None, "base": True}
    return {"run": run, "state": state, "sweep": of, "changed_at": 5.0, "created_at": 1.0, **more}


def server(name: str, *rows: dict[str, Any]) -> views.ServerView:
    runs = tuple(views.run_view(each) for each in rows)
    return views.ServerView(name=name, reachable=True, age_s=0.0, problem="", runs=runs)


def test_a_sweep_is_done_when_all_of_it_has_ended_everywhere() -> None:
    """Not while a run is missing or goes on; the largest total counts."""
    a, b = row("a", "finished"), row("b", "failed")
    assert set(sweep_results.done([server("one", a), server("two", b)])) == {"lr"}
    assert sweep_results.done([server("one", a)]) == {}
    assert sweep_results.done([server("one", a), server("two", row("b", "running"))]) == {}
    assert sweep_results.done([server("one", a, row("b", "failed", total=3))]) == {}


def test_a_moved_run_counts_where_it_is() -> None:
    moved = row("b", "stopped", moved_to="two")
    there = server("two", row("b", "queued"))
    assert sweep_results.done([server("one", row("a", "finished"), moved), there]) == {}


def test_a_run_that_ends_again_is_another_end() -> None:
    """So that its table is shown once more."""
    first = sweep_results.done([server("one", row("a", "failed", total=1))])
    again = sweep_results.done([server("one", row("a", "finished", total=1, changed_at=9.0))])
    assert first.keys() == again.keys()
    assert first != again


def test_names_that_lead_elsewhere_are_none() -> None:
    """A server's word never becomes a path."""
    assert sweep_results.done([server("one", row("a", "finished", "../../x", total=1))]) == {}


def test_the_fresh_word_counts() -> None:
    """A run that two servers tell of has moved since the old one was asked."""
    old = sweeps.outcome(row("a", "queued"), "one", age_s=60.0)
    new = sweeps.outcome(row("a", "finished"), "two")
    for runs in ([old, new], [new, old]):
        assert [run.server for run in sweep_results.once(runs)] == ["two"]


def test_many_old_sweeps_at_once(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A laptop that sees the project for the first time shows the last ones, not dozens."""
    rows = [row(f"r{n}", "finished", f"s{n}", 1, created_at=float(n)) for n in range(9)]
    asked: list[str] = []

    def compared(o: Overnight, name: str) -> Comparison:
        asked.append(name)
        return sweeps.compare(name, [sweeps.outcome({**row("r", "finished"), "total": 1}, "one")])

    monkeypatch.setattr(sweep_results, "compared", compared)
    with Overnight(project, Silent()) as o:
        o.mirror.record("one", 1.0, rows, {})
        fresh, old = sweep_results.finished_unseen(o, [server("one", *rows)])
        names = [each.sweep.name for each in fresh if each.sweep]
        assert (names, asked) == (["s8", "s7"], ["s8", "s7"])
        assert len(old) == 7
        assert sweep_results.finished_unseen(o, [server("one", *rows)])[0] == []
        assert len(asked) == 2
