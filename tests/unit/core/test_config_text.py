"""Values of YAML, JSON and TOML files are found where they stand, or refused."""

from __future__ import annotations

import io
import json
import tomllib
from typing import Any

import pytest
import ruamel.yaml
from hypothesis import given
from hypothesis import strategies as st

from overnight.core import config_text
from overnight.core.unclear import UnclearError

KEYS = st.text("abcdefgh_", min_size=1, max_size=4)
LEAVES = st.integers(0, 999) | st.booleans() | st.sampled_from(["x", "a b", 'q"#: ', "é"])
TREES = st.dictionaries(
    KEYS, LEAVES | st.dictionaries(KEYS, LEAVES | st.lists(LEAVES, max_size=3), max_size=3)
)


def found(path: str, text: str, key: str) -> str:
    return config_text.find(path, config_text.read(path, text), key).text


def refusal(path: str, text: str, key: str) -> str:
    with pytest.raises(UnclearError) as caught:
        found(path, text, key)
    return str(caught.value)


def edited(path: str, text: str, key: str, new: str) -> str:
    scalar = config_text.find(path, config_text.read(path, text), key)
    return text[: scalar.start] + new + text[scalar.end :]


YAML = """\
# comment with batch_size: 1
train:            # é 😀
  "batch_size": 64   # fits
  sizes: [1, 2,
          3]
  flow: {lr: 1e-3, "x": 'y'}
text: |
  batch_size: 5
"""


@pytest.mark.parametrize(
    ("key", "new", "line"),
    [
        ("train.batch_size", "32", '  "batch_size": 32   # fits'),
        ("train.sizes.2", "9", "          9]"),
        ("train.flow.lr", "0.5", "  flow: {lr: 0.5, \"x\": 'y'}"),
    ],
)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_yaml_is_changed_at_the_number_alone(
    key: str, new: str, line: str, mark: str, end: str
) -> None:
    """Comments, quotes, flow style, byte order mark and line ends stay."""
    text = mark + YAML.replace("\n", end)
    after = edited("a.yaml", text, key, new).split(end)
    different = [b for a, b in zip(text.split(end), after, strict=True) if a != b]
    assert different == [line]


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        ("a: 1\na: 2\n", "a", "more than once"),
        ("a.b: 1\na: {b: 2}\n", "a.b", "more than once"),
        ("a: &n 1\nb: *n\n", "a", "anchor"),
        ("a: &n 1\nb: *n\n", "b", "anchor"),
        ("base: &n {x: 1}\na:\n  <<: *n\n  y: 2\n", "a.y", "merge"),
        ("base: &n {x: 1}\na: *n\n", "base.x", "anchor"),
        ("a: !env 1\n", "a", "tag"),
        ("a: !include b.yaml\nc: 1\n", "a", "tag"),
        ("_base_: base.yaml\na: 1\n", "a", "takes over other files"),
        ("defaults: [x, y]\na: 1\n", "a", "takes over other files"),
        ("a: 1\nb: ${mul:${a},2}\n", "a", "also used by b"),
        ("batch: 1\n", "batsh", "did you mean batch?"),
        ("a: 1\n---\na: 2\n", "a", "one YAML document"),
        ("a: [1\n", "a", "line 2"),
        ("? {x: 1}\n: 2\n", "a", "plain word"),
        ("a: {{n}}\n", "a", "plain word"),
        ("", "a", "not in the file"),
        ("- 1\n", "a", "not in the file"),
    ],
)
def test_unclear_yaml_is_refused(text: str, key: str, said: str) -> None:
    """What stands in several places, elsewhere, or is computed is not changed."""
    assert said in refusal("a.yaml", text, key)


@pytest.mark.parametrize("path", ["a.yaml", "a.json", "a.toml"])
def test_nothing_deep_or_strange_ends_badly(path: str) -> None:
    """Nesting without end, aliases of aliases and binary are refused in a sentence."""
    bomb = "a0: &a0 [1]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30)
    )
    for text in ("[" * 100_000, '{"a":' * 5000, "\0\1", "a = " + "[" * 3000, bomb, "&a [*a]"):
        try:
            config_text.read(path, text)
        except UnclearError as error:
            assert path in str(error)


def test_json_is_changed_at_the_number_alone() -> None:
    """Also where text looks like the key, and where a key is escaped."""
    text = '{"note": "batch: 1", "train": {"b\\u0061tch": 64 ,"l":[1, -2e3]}}'
    assert edited("a.json", text, "train.batch", "8") == text.replace("64", "8")
    assert found("a.json", text, "train.l.1") == "-2e3"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1, "a": 2}', "more than once"),
        ('{"a": 1 // no\n}', "not JSON"),
        ('{"a": 1, "b": "${a}"}', "also used"),
        ('{"a.b": 1}', "not in the file"),
    ],
)
def test_unclear_json_is_refused(text: str, said: str) -> None:
    """Comments are no JSON, and of twins nobody knows which is read."""
    assert said in refusal("a.json", text, "a")


def test_toml_is_changed_at_the_number_alone() -> None:
    """Tables, dotted keys, inline tables and arrays of tables."""
    text = 'x = "batch = 1"\n[train]\nbatch = 64 # fits\nopt.lr = 1e-3\n[[d]]\nn = {w = 4}\n'
    assert edited("a.toml", text, "train.batch", "8") == text.replace("64", "8")
    assert edited("a.toml", text, "train.opt.lr", "2.5") == text.replace("1e-3", "2.5")
    assert edited("a.toml", text, "d.0.n.w", "0") == text.replace("w = 4", "w = 0")
    assert "not TOML" in refusal("a.toml", "a = 1\na = 2\n", "a")


def test_other_kinds_of_files_are_refused() -> None:
    """Only what can be read for certain is changed."""
    assert "only YAML, JSON and TOML" in refusal("a.ini", "a = 1", "a")


def as_yaml(tree: dict[str, Any]) -> str:
    out = io.StringIO()
    ruamel.yaml.YAML().dump(tree, out)
    return out.getvalue()


def from_yaml(text: str) -> Any:
    return ruamel.yaml.YAML(typ="safe", pure=True).load(text)


def as_toml(tree: dict[str, Any]) -> str:
    lines = []
    for first in (False, True):
        for key, value in tree.items():
            if isinstance(value, dict) != first:
                continue
            if not isinstance(value, dict):
                lines.append(f"{key} = {json.dumps(value, ensure_ascii=False)}")
                continue
            lines.append(f"[{key}]")
            lines += [f"{k} = {json.dumps(v, ensure_ascii=False)}" for k, v in value.items()]
    return "\n".join(lines) + "\n"


FORMATS: list[Any] = [
    ("a.yaml", as_yaml, from_yaml),
    ("a.json", lambda tree: json.dumps(tree, indent=1), json.loads),
    ("a.toml", as_toml, tomllib.loads),
]


@pytest.mark.parametrize(("path", "dump", "load"), FORMATS)
@given(tree=TREES, data=st.data())
def test_a_change_is_seen_by_other_parsers_at_this_key_only(
    path: str, dump: Any, load: Any, tree: dict[str, Any], data: st.DataObject
) -> None:
    """Whatever the file holds: one number differs and nothing else."""
    text = dump(tree)
    numbers = [
        (outer, inner)
        for outer, value in tree.items()
        for inner in (value if isinstance(value, dict) else {"": value})
        if type(value[inner] if isinstance(value, dict) else value) is int
    ]
    if not numbers or "base" in text:
        return
    outer, inner = data.draw(st.sampled_from(numbers))
    key = f"{outer}.{inner}" if inner else outer
    expected = load(text)
    (expected[outer] if inner else expected)[inner or outer] = 12345
    assert load(edited(path, text, key, "12345")) == expected
