"""Reading both files as a whole: whatever stands in them."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import hypothesis
import tomlkit
from hypothesis import strategies as st

from overnight.core import config_keys, errors
from tests.unit.core.config_files import load

KEYS = sorted({key for keys in config_keys.PROJECT_SECTIONS.values() for key in keys})
ODD_TEXT = st.sampled_from(["", "x", "/", "~", "a\nb", "\x1b", "{}", "x {}", "'", "..", "|", "1"])
ODD_KEY = st.sampled_from(["conda", "uv", "exe", "flag", "value", "source", "a b", "a\nb", "é"])
ODD_VALUE = st.recursive(
    st.integers(-1, 2) | st.booleans() | st.floats() | ODD_TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(ODD_KEY, inner, max_size=3),
    max_leaves=4,
)
ODD_SECTION = st.dictionaries(st.sampled_from(KEYS) | ODD_KEY, ODD_VALUE, max_size=4)
ODD_FILE = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("project", "metrics", "smoke", "knobs", "recovery", "x"), ODD_SECTION),
        "servers": st.dictionaries(
            st.sampled_from(["local", "g", "a\nb"]), ODD_SECTION, max_size=2
        ),
    },
)


@hypothesis.given(ODD_FILE)
@hypothesis.settings(max_examples=20, deadline=None)
def test_any_file_is_read_or_refused_line_by_line(data: dict[str, Any]) -> None:
    """Whatever stands in a file, it is read, or each mistake is one visible line with its place."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "proj"
        folder.mkdir()
        try:
            load(folder, tomlkit.dumps(data))
        except errors.ConfigError as error:
            for line in error.message.split("\n"):
                assert re.match(r"overnight\.toml:[1-9]\d*: ", line)
                assert line.isprintable()
