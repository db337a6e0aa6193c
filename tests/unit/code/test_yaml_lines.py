from __future__ import annotations

from textwrap import dedent

from hypothesis import given
from hypothesis import strategies as st

from overnight.code import yaml_lines


def test_plain_values_are_read() -> None:
    """Nested mappings, numbers, truth values, nothing and quoted text."""
    text = """
        # a comment
        defaults:
        - _self_
        - data: digits
        data:
          batch_size: 64   # per GPU
          train:
            lr: 1e-3
          name: "a # b: c"
        resume: null
        fast: true
        big: 55_000
        text: |
          batch_size: 1
          other: 2
        last: ${data.name}
    """
    found = {leaf.key: leaf.value for leaf in yaml_lines.leaves(dedent(text))}
    assert found == {
        "defaults.data": "digits",
        "data.batch_size": 64,
        "data.train.lr": 1e-3,
        "data.name": "a # b: c",
        "resume": None,
        "fast": True,
        "big": 55000,
        "last": "${data.name}",
    }


def test_lines_are_numbered() -> None:
    """For the evidence."""
    (leaf,) = yaml_lines.leaves("\n# x\na: 1\n")
    assert leaf.line == 3


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    """A file may be anything."""
    list(yaml_lines.leaves(text))
