"""How a verb finds out in which form it writes, and where to."""

from __future__ import annotations

from pathlib import Path

import pytest

from overnight.cli import written
from overnight.core import errors

ENDINGS = {"table": ".txt", "latex": ".tex", "json": ".json"}


@pytest.mark.parametrize(
    ("asked", "output", "as_json", "form"),
    [
        (None, None, False, "table"),
        (None, "a.tex", False, "latex"),
        (None, "A.TEX", False, "latex"),
        ("latex", "a.txt", False, "latex"),
        ("latex", None, True, "json"),
    ],
)
def test_the_form(asked: str | None, output: str | None, as_json: bool, form: str) -> None:
    """--json, then --format, then the ending, then what is usual."""
    assert written.form(asked, output, as_json, ENDINGS, "table") == form


@pytest.mark.parametrize("output", ["a.pdf", "a", ".tex"])
def test_an_ending_that_is_none(output: str) -> None:
    """With those that are."""
    with pytest.raises(errors.UsageError) as caught:
        written.form(None, output, False, ENDINGS, "table")
    assert ".txt, .tex, .json" in caught.value.hint


def test_into_a_file(tmp_path: Path) -> None:
    """Whole, also half characters; nothing is left beside it."""
    written.out("a \udc80 b\n", str(tmp_path / "a.txt"))
    assert (tmp_path / "a.txt").read_text() == "a \\udc80 b\n"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """Said with the file's name."""
    with pytest.raises(errors.UsageError, match=r"no/a\.txt cannot be written"):
        written.out("a", str(tmp_path / "no/a.txt"))


def test_a_file_has_no_colours_and_no_width() -> None:
    """Whatever terminal there is."""
    assert written.terminal("a.txt") == (False, None)
