from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.core import text


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("plain", "plain"),
        ("größe 模型", "größe 模型"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\rb\nc\td", "a\\rb\\nc\\td"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202etxt.exe", "\\u202etxt.exe"),
        ("line\u2028end", "line\\u2028end"),
        ("\udce9", "\\xe9"),
        ("\ud800", "\\ud800"),
    ],
)
def test_hostile_text_is_written_out(hostile: str, shown: str) -> None:
    """Controls, invisible marks and undecodable bytes become visible; letters stay."""
    assert text.printable(hostile) == shown


def test_kept_characters_stay() -> None:
    """Where several lines are shown, line ends may stay."""
    assert text.printable("a\nb\x1b", keep="\n") == "a\nb\\x1b"


@given(st.text() | st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape")))
def test_what_comes_out_can_be_printed(hostile: str) -> None:
    """No control character is left, and the text encodes."""
    shown = text.printable(hostile)
    shown.encode("utf-8")
    assert not any(ord(each) < 32 or 0x7F <= ord(each) < 0xA0 for each in shown)
