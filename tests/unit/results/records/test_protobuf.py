"""Fields of messages."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.results.records import protobuf


@given(st.integers(-(2**63), 2**63 - 1))
def test_numbers_come_back(value: int) -> None:
    """Also negative ones, which take ten bytes."""
    (field,) = protobuf.fields(protobuf.write_number(3, value))
    assert (field.number, protobuf.signed(field.value)) == (3, value)


@given(st.binary())
def test_any_bytes_are_fields_or_malformed(data: bytes) -> None:
    """Nothing else is raised, and no field reaches beyond the message."""
    with contextlib.suppress(protobuf.Malformed):
        assert all(each.end <= len(data) for each in protobuf.fields(data))


@pytest.mark.parametrize("data", [b"\x80", b"\x0a\x05ab", b"\x0b", b"\x09\0\0", b"\x00\x01"])
def test_what_is_cut_off_or_unknown_is_malformed(data: bytes) -> None:
    """A number that does not end, a text too short, a group, eight bytes that are two, field 0."""
    with pytest.raises(protobuf.Malformed):
        list(protobuf.fields(data))
