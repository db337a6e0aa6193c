"""What `explain` says of a run, in the order in which a person asks."""

from __future__ import annotations

from typing import Any

from overnight.cli import explain
from overnight.core import views

ATTEMPT = {"label": "batch 64", "started_at": 1000.0, "ended_at": 1060.0, "exit_code": 1}
FAILURE = {
    "attempt": 2,
    "class": "cuda_oom",
    "confidence": 0.98,
    "facts": {"summary": "CUDA out of memory"},
    "evidence": [{"line": n, "text": f"line {n}"} for n in range(1, 11)],
}
REPAIR = {"class": "cuda_oom", "change": "batch 64 -> batch 32 x 2", "at": 1061.0, "attempt": 1}


def server(**more: Any) -> views.ServerView:
    told = {"name": "gpu1", "reachable": True, "age_s": 0.0, "problem": "", "runs": ()}
    return views.ServerView(**{**told, **more})


def run(state: str = "failed", **more: Any) -> views.RunView:
    row = {"run": "r", "state": state, "attempts": [ATTEMPT, ATTEMPT], "reason": "no smaller one"}
    return views.run_view({**row, "failure": FAILURE, "repairs": [REPAIR], **more})


def labels(shown: str) -> list[str]:
    starts = [line[: explain.LABEL].strip() for line in shown.splitlines()[1:]]
    return [each for each in starts if each]


def test_a_failed_run_answers_every_question() -> None:
    """What happened, what it was taken for and why, what was tried, what to do."""
    shown = explain.text(server(), run())
    asked = ["attempts", "taken for", "seen", "tried", "now", "to mend it", "type"]
    assert labels(shown) == asked
    assert "exit code 1 after 1 min" in shown
    assert "cuda_oom (attempt 2, 98% sure): CUDA ran out of memory" in shown
    assert "line 10" in shown
    assert "line 4\n" not in shown
    assert "cuda_oom: batch 64 -> batch 32 x 2" in shown
    assert "overnight resume r   (once it is mended)" in shown


def test_a_healthy_run_is_short() -> None:
    """Nothing has failed, so nothing is to be mended."""
    shown = explain.text(server(), run("running", failure=None, repairs=[], reason=""))
    assert labels(shown) == ["attempts", "taken for", "now", "type"]
    assert "nothing has failed" in shown


def test_a_server_that_is_away_is_not_a_failure() -> None:
    """It says how old that is, and names only what works without the server."""
    away = server(reachable=False, age_s=300.0)
    shown = explain.text(away, run("running", failure=None, repairs=[]))
    assert shown.startswith("r on gpu1: unreachable, last seen running 5 min ago")
    assert explain.next_commands(away, run("running")) == ["overnight doctor gpu1"]


def test_many_attempts_are_shortened() -> None:
    """The first and the last ones stay."""
    lines = explain.shortened([f"attempt {n}" for n in range(40)])
    assert len(lines) == explain.MOST_ATTEMPTS
    assert (lines[0], lines[-1]) == ("attempt 0", "attempt 39")
    assert lines[1].startswith("… 33 more")


def test_text_from_logs_is_escaped() -> None:
    """A log line cannot move the cursor, nor make lines of its own."""
    forged = "now            all is well"
    hostile = {**FAILURE, "evidence": [{"line": 1, "text": f"\x1b[2Jgone\n{forged}"}]}
    shown = explain.text(server(), run(failure=hostile))
    assert "\x1b" not in shown
    assert forged not in shown.splitlines()
