"""The values of a sweep: typed like YAML, written so that every reader takes them for the same."""

from __future__ import annotations

import json
import math
import tomllib
from typing import Any

import pytest
import ruamel.yaml
from hypothesis import given
from hypothesis import strategies as st

from overnight.core import sweep_values
from overnight.core.sweep_values import Value
from overnight.core.unclear import UnclearError


def test_values_are_typed_like_yaml() -> None:
    """The text stays as it was written; quotes make a text of anything."""
    written = "1e-3,12,true,False,null,~,none,'1',\"a, b\",.5,-2,+3,a.b/c,1e,''"
    assert [tuple(each) for each in sweep_values.split(written)] == [
        ("1e-3", 0.001),
        ("12", 12),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("none", "none"),
        ("1", "1"),
        ("a, b", "a, b"),
        (".5", 0.5),
        ("-2", -2),
        ("+3", 3),
        ("a.b/c", "a.b/c"),
        ("1e", "1e"),
        ("", ""),
    ]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [(1e-3, 0.001, True), (1, 1.0, True), (1, True, False), ("1", 1, False), (None, "", False)],
)
def test_which_values_are_the_same(one: Any, other: Any, same: bool) -> None:
    """By what they mean, not by how they are written."""
    assert sweep_values.same(one, other) is same


def read_yaml_1_1(text: str) -> Any:
    yaml = ruamel.yaml.YAML(typ="safe", pure=True)
    yaml.version = (1, 1)
    return yaml.load(text)["key"]


def read_yaml_1_2(text: str) -> Any:
    return ruamel.yaml.YAML(typ="safe", pure=True).load(text)["key"]


VALUES = st.one_of(
    st.integers(-(10**12), 10**12).map(sweep_values.of),
    st.floats(allow_nan=False, allow_infinity=False).map(sweep_values.of),
    st.booleans().map(sweep_values.of),
    st.from_regex(r"\A[+-]?[0-9]{1,3}\.?[0-9]{0,3}([eE][+-]?[0-9]{1,2})?\Z").map(
        sweep_values.plain
    ),
    st.text(
        st.characters(
            min_codepoint=32, max_codepoint=0xD7FF, exclude_characters="\x7f\x85\u2028\u2029\ufeff"
        )
    )
    .filter(lambda text: all(c.isprintable() for c in text))
    .map(lambda text: Value(text, text)),
)
OLD = st.sampled_from(["1", "0.1", "text", '"quoted"', "'single'", "true", "null"])


TRICKY = (
    "yes No on OFF y true Null ~ none 1e-3 -1 0x1f 1:30 = << .inf .nan 2020-01-01 - #c a: & * ! | %"
)


@pytest.mark.parametrize("old", ["1", "text", '"quoted"', "'single'"])
def test_texts_that_yaml_would_take_for_something_else(old: str) -> None:
    """They are put in quotes."""
    for text in [*TRICKY.split(), "- a", "a: b", "a #b", " a", "", "it's", 'say "a"', "a\\b"]:
        survives(Value(text, text), old)


@given(VALUES, OLD)
def test_a_value_survives_each_kind_of_file(value: Value, old: str) -> None:
    """YAML of both versions, JSON and TOML read what was meant."""
    survives(value, old)


def survives(value: Value, old: str) -> None:
    in_yaml = f"key: {sweep_values.for_file('a.yaml', value, old)}\n"
    in_json = f'{{"key": {sweep_values.for_file("a.json", value, old)}}}'
    in_toml = f"key = {sweep_values.for_file('a.toml', value, old)}\n"
    read = [read_yaml_1_1(in_yaml), read_yaml_1_2(in_yaml), json.loads(in_json)["key"]]
    read.append(tomllib.loads(in_toml)["key"])
    assert all(is_same(each, value.value) for each in read)


def is_same(read: Any, meant: Any) -> bool:
    if isinstance(meant, float):
        return isinstance(read, float) and math.isclose(read, meant, rel_tol=1e-15)
    if isinstance(meant, int) and not isinstance(meant, bool):
        return type(read) in (int, float) and read == meant
    return type(read) is type(meant) and bool(read == meant)


def test_a_number_keeps_its_kind() -> None:
    """A learning rate of 1 stays a number with a point where one stood."""
    assert sweep_values.for_file("a.toml", Value("1", 1), "0.5") == "1.0"
    assert sweep_values.for_file("a.toml", Value("1", 1), "5") == "1"
    assert sweep_values.for_file("a.yaml", Value("1e-3", 1e-3), "0.1") == "1.0e-3"


def test_null() -> None:
    """YAML and JSON have it, TOML does not."""
    null = Value("null", None)
    assert sweep_values.for_file("a.yaml", null, "1") == "null"
    assert sweep_values.for_file("a.json", null, "1") == "null"
    with pytest.raises(UnclearError, match="TOML has no null"):
        sweep_values.for_file("a.toml", null, "1")


@given(VALUES, st.sampled_from(["a.yaml", "a.json", "a.toml"]), OLD)
def test_what_was_written_is_read_back(value: Value, path: str, old: str) -> None:
    """By our own reader too, which compares with the base."""
    written = sweep_values.for_file(path, value, old)
    assert sweep_values.same(sweep_values.read_file(path, written).value, value.value)
