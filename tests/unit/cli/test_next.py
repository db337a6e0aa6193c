"""What `next` prints: as wide as the terminal, and a complaint about words that do nothing."""

from __future__ import annotations

from click.testing import CliRunner

from overnight.cli import next as verb
from overnight.results.advice.proposal import Proposal


def test_a_long_proposal_hangs_below_its_number() -> None:
    what = "more seeds of " + " ".join(f"lr=0.{n}" for n in range(20))
    made = Proposal(kind="seeds", what=what, why="one seed has no spread", use=1.0, evidence={})
    first, second, why = verb.proposal(1, made, "overnight next")
    assert first.startswith("1. more seeds of lr=0.0")
    assert second.startswith("   lr=0.")
    assert why == "   one seed has no spread"


def test_a_choice_of_what_is_not_written_is_refused() -> None:
    """With what to type; before any server is asked."""
    found = CliRunner().invoke(verb.command, ["train01", "--pick", "2"])
    assert found.exit_code != 0
    assert "--pick says which proposal to write" in str(found.exception)
    assert found.exception.hint == "overnight next train01 --write sweep.toml --pick 2"  # type: ignore[union-attr]
