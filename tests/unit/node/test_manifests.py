from __future__ import annotations

from typing import Any

import pytest

from overnight.node import manifests

HASH = "0" * 64


@pytest.mark.parametrize(
    "rows",
    [
        [["/etc/passwd", "f", 1, HASH]],
        [["../x", "f", 1, HASH]],
        [["a/../../x", "f", 1, HASH]],
        [["a//b", "f", 1, HASH]],
        [["./a", "f", 1, HASH]],
        [["a/", "f", 1, HASH]],
        [["", "f", 1, HASH]],
        [["a\0b", "f", 1, HASH]],
        [["\ud800", "f", 1, HASH]],
        [["a", "f", 1, HASH], ["a", "f", 1, HASH]],
        [["b", "f", 1, HASH], ["a", "f", 1, HASH]],
        [["a", "l", 0, "/etc"], ["a/b", "f", 1, HASH]],
        [["a", "f", 1, HASH], ["a/b/c", "f", 1, HASH]],
        [["a", "d", 0, HASH]],
        [["a", "f", -1, HASH]],
        [["a", "f", True, HASH]],
        [["a", "f", "1", HASH]],
        [["a", "l", 1, "b"]],
        [["a", "l", 0, ""]],
        [["a", "l", 0, "b\0c"]],
        [["a", "f", 1]],
        [[1, "f", 1, HASH]],
        ["a"],
        7,
        None,
    ],
)
def test_what_is_no_manifest(rows: Any) -> None:
    """Paths that could lead outside, be written twice or below a link are refused."""
    with pytest.raises(ValueError):
        manifests.parse({"files": rows})


@pytest.mark.parametrize("wire", [None, {}, [], "x"])
def test_what_is_no_manifest_at_all(wire: Any) -> None:
    """Other JSON than a manifest is an error of the same kind."""
    with pytest.raises(ValueError):
        manifests.parse(wire)


def test_strange_names_are_fine() -> None:
    """Newlines, blanks, bytes that are no UTF-8, and links to anywhere."""
    rows = [
        ["\n", "f", 0, HASH],
        [" ", "l", 0, "/data"],
        ["..a", "x", 1, HASH],
        ["\udcff", "f", 1, HASH],
    ]
    entries = manifests.parse({"files": rows})
    assert [list(entry) for entry in entries] == rows
    assert manifests.raw(entries[3].path) == b"\xff"


def test_folders_are_those_above_the_files() -> None:
    """Every depth counts."""
    entries = manifests.parse({"files": [["a/b/c", "f", 0, HASH], ["d", "f", 0, HASH]]})
    assert manifests.folders(entries) == {"a", "a/b"}


def test_ids_keep_their_value() -> None:
    """The id of a manifest is part of the format: snapshots on servers are named by it."""
    wire = {"files": [["train.py", "f", 3, HASH], ["\udcff", "l", 0, "train.py"]]}
    assert manifests.identify(wire) == "2489c6298f8263b2"
    assert manifests.is_id("0123456789abcdef")
    assert not any(manifests.is_id(name) for name in ("", "..", "0123456789ABCDEF", "0" * 17))
