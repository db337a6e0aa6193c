from __future__ import annotations

import os

import pathspec
import pytest

from overnight.sync import names


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("src/train.py", "src/train.py"),
        ("gr\u00fc\u00df e.py", "gr\u00fc\u00df e.py"),
        ("red\x1b[31m\n\r", "red\\x1b[31m\\n\\r"),
        (os.fsdecode(b"\xff.bin"), "\\xff.bin"),
        ("txt\u202egpj", "txt\\u202egpj"),
    ],
)
def test_names_cannot_drive_the_terminal(path: str, shown: str) -> None:
    """What a terminal would obey or hide is spelled out."""
    assert names.visible(path) == shown


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "a/b.bin",
        "!a",
        "#a",
        "a[1]*?.bin",
        "back\\slash",
        "end ",
        "nl\nx",
        "\udcff.bin",
        "\u00fc",
    ],
)
def test_pattern_matches_its_path_and_no_other_place(path: str) -> None:
    """The line we tell the user to write really means that file, in that folder."""
    line = names.pattern(path)
    assert line.isprintable()
    spec = pathspec.GitIgnoreSpec.from_lines([line])
    assert spec.match_file(path)
    assert not spec.match_file(f"elsewhere/{path}")
    assert not spec.match_file("other")


def test_sizes_are_decimal() -> None:
    """Sizes are shown as file managers show them."""
    assert [names.size(each) for each in (0, 999, 1500, 52_300_000, 3 * 10**9)] == [
        "0 B",
        "999 B",
        "1.5 kB",
        "52.3 MB",
        "3.0 GB",
    ]
