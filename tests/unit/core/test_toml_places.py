"""The places in a TOML file are checked against tomllib and against files written by tomlkit."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import tomlkit
from hypothesis import strategies as st

from overnight.core import toml_places

DOCUMENT = '''\
# a comment = 1
top = 1
[project]          # with "quotes" and [brackets]
name = "a # b"     # not a comment inside
a.b."c.d" = 1
'single key' = 2
train = """
[not.a.table]
x = 1
"""
outputs = [
    "one",  # ] no end
    # "none",
    'two',
]
links = { data = "/d", "my data" = "/m" }
ends_in_quotes = """"x"""""
when = 1979-05-27 07:32:00Z

[servers."gpu 1"]
root = "/data"
[servers.gpu2]
gpus = [[0, 1], [
  2]]

[[runs]]
name = 1
[[runs]]
name = 2
[runs.deeper]
x = 3
[[runs.steps]]
y = 4
'''


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("top",), 2),
        (("project",), 3),
        (("project", "name"), 4),
        (("project", "a"), 5),
        (("project", "a", "b", "c.d"), 5),
        (("project", "single key"), 6),
        (("project", "train"), 7),
        (("project", "outputs"), 11),
        (("project", "outputs", 0), 12),
        (("project", "outputs", 1), 14),
        (("project", "links", "data"), 16),
        (("project", "links", "my data"), 16),
        (("project", "ends_in_quotes"), 17),
        (("project", "when"), 18),
        (("servers",), 20),
        (("servers", "gpu 1", "root"), 21),
        (("servers", "gpu2", "gpus", 1), 23),
        (("servers", "gpu2", "gpus", 1, 0), 24),
        (("runs",), 26),
        (("runs", 0, "name"), 27),
        (("runs", 1, "name"), 29),
        (("runs", 1, "deeper", "x"), 31),
        (("runs", 1, "steps", 0, "y"), 33),
    ],
)
def test_each_construct_has_its_line(place: toml_places.Place, line: int) -> None:
    """Tables, arrays of tables, dotted and quoted keys, inline tables and arrays are found."""
    assert toml_places.lines(DOCUMENT)[place] == line


def test_every_value_of_the_document_has_a_place() -> None:
    """The scanner and tomllib agree on what the document holds."""
    assert set(places_in(tomllib.loads(DOCUMENT))) == set(toml_places.lines(DOCUMENT))


def test_unknown_place_falls_back_to_what_is_around_it() -> None:
    """A missing key is shown on the line of its table, and line 1 is the last resort."""
    found = toml_places.lines("a = 1\n[project]\nname = 'x'\n")
    assert toml_places.line_of(found, ("project", "goal")) == 2
    assert toml_places.line_of(found, ("project", "name", 3)) == 3
    assert toml_places.line_of(found, ("nowhere", "x")) == 1
    assert toml_places.line_of({}, ()) == 1


def test_windows_line_ends_are_lines() -> None:
    """CR LF counts as one line end."""
    assert toml_places.lines("a = 1\r\n\r\nb = 2\r\n") == {("a",): 1, ("b",): 3}


@pytest.mark.parametrize("text", ["a", "a = ", "a = [", "= 1", "[a\nb = 1", 'a = "', "a = {b}"])
def test_text_that_is_not_toml_is_refused(text: str) -> None:
    """A broken text ends in ValueError, never in an endless loop."""
    with pytest.raises(ValueError):
        toml_places.lines(text)


def places_in(value: Any, place: toml_places.Place = ()) -> Iterator[toml_places.Place]:
    """The place of everything inside `value`."""
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, each in items:
        yield (*place, key)
        yield from places_in(each, (*place, key))


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
LEAVES = st.integers(-9, 9) | st.booleans() | TEXT
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@hypothesis.given(st.dictionaries(TEXT, VALUES, max_size=4))
@hypothesis.settings(max_examples=60, deadline=None)
def test_files_of_tomlkit_are_scanned_whole(data: dict[str, Any]) -> None:
    """Whatever keys and nesting a file has, each value has a place in it."""
    text = tomlkit.dumps(data)
    hypothesis.assume(tomllib.loads(text) == data)
    found = toml_places.lines(text)
    assert set(found) == set(places_in(data))
    assert all(1 <= line <= text.count("\n") + 1 for line in found.values())
