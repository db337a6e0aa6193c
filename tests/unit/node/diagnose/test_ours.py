"""What our own programs said before they ended."""

from __future__ import annotations

from overnight.node import diagnose


def test_a_supervisor_that_failed_itself() -> None:
    """Its own last words are the reason, not the training's."""
    said = (
        b'Traceback (most recent call last):\n  File "a.py", line 9, in start\n    start.env\n'
        b"AttributeError: no attribute 'env'\n"
    )
    failure = diagnose.not_started(diagnose.Log.of_bytes(said))
    assert failure.kind == "lost"
    assert failure.facts["summary"].endswith("AttributeError: no attribute 'env'")
    assert diagnose.not_started(diagnose.Log.of_bytes(b"")).facts == {}


def test_our_own_words_about_the_environment() -> None:
    """Exit code 78 with our line is a mistake in the settings, wherever the line stands."""
    said = b"overnight: there is no venv at x; type: python3 -m venv x\nmore\n"
    failure = diagnose.diagnose(diagnose.Log.of_bytes(said), diagnose.Seen(exit_code=78))
    assert failure.kind == "config"
    assert "no venv at x" in failure.facts["summary"]
