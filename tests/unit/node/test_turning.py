"""Values at their places."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from overnight.node import turning

ARGV = ["python", "t.py", "--lr=0.1", "--workers", "8"]
TEXT = "train:\n  lr: 0.1  # tuned\n  workers: 8\n"
PLACES = {
    "lr": [{"word": 2, "start": 5, "end": 8}, {"file": "a.yaml", "start": 13, "end": 16}],
    "workers": [{"word": 4, "start": 0, "end": 1}, {"file": "a.yaml", "start": 37, "end": 38}],
}
VARIANT = {"argv": ARGV, "files": {"a.yaml": TEXT}, "places": PLACES}


def test_nothing_to_turn() -> None:
    """As it is; a variant of an older launch knows no places and no files."""
    assert turning.turned(VARIANT, {}) == (ARGV, {"a.yaml": TEXT})
    assert turning.turned({"argv": ARGV}, {"lr": 1.0}) == (ARGV, {})


@given(st.floats(1e-9, 1e3), st.integers(0, 999))
def test_only_the_numbers_change(rate: float, workers: int) -> None:
    """In the arguments and in the files, however long the new numbers are."""
    argv, files = turning.turned(VARIANT, {"lr": rate, "workers": workers})
    assert argv == ["python", "t.py", f"--lr={rate:g}", "--workers", str(workers)]
    assert files == {"a.yaml": f"train:\n  lr: {rate:g}  # tuned\n  workers: {workers}\n"}
