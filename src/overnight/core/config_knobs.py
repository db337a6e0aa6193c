"""What a line of [knobs] may be: a flag, a flag with its value, the key of a file, a list file."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from overnight.core import config_kinds as kinds
from overnight.core import config_words as words
from overnight.core import knobs

_FORMS: dict[knobs.Number, tuple[str, str, str]] = {  # flag, key of a file, value
    "batch": ("--batch-size {}", "configs/exp1.yaml:train.batch_size", "64"),
    "count": ("--workers {}", "configs/exp1.yaml:data.workers", "8"),
    "float": ("--lr {}", "configs/exp1.yaml:optim.lr", "0.1"),
    "port": ("--port {}", "configs/exp1.yaml:dist.port", "29500"),
    "path": ("--exclude {}", "configs/exp1.yaml:data.exclude", ""),
}
_VALUES: dict[knobs.Number, str] = {
    "batch": "a whole number above 0",
    "count": "a whole number, 0 or more",
    "float": "a number",
    "port": "a port, 1 to 65535",
}


def kind(number: knobs.Number) -> kinds.Kind:
    """A knob at whose place stands a `number`."""

    def problems(name: str, value: str | dict[str, Any]) -> Iterator[kinds.Problem]:
        if isinstance(value, str):
            if (what := _text_problem(name, value, number)) is not None:
                yield (), what
        else:
            yield from _table_problems(name, value, number)

    return kinds.Kind("text or a table", (str, dict), problems, lambda value: build(value, number))


def _text_problem(name: str, text: str, number: knobs.Number) -> str | None:
    if (problem := kinds.text_problem(name, text)) is not None:
        return problem
    try:
        build(text, number)
    except ValueError as error:
        outside = str(error).startswith("write a file inside")
        return f"{name} = {words.toml(text)}: {error if outside else _forms(number)}"
    return None


def _forms(number: knobs.Number) -> str:
    flag, key, _ = _FORMS[number]
    forms = f'write one flag that ends in {{}}, such as "{flag}", or the key of a file, such as '
    return f'{forms}"{key}"' + ', or a text file, such as "exclude.txt"' * (number == "path")


def _table_problems(
    name: str, table: dict[str, Any], number: knobs.Number
) -> Iterator[kinds.Problem]:
    flag_form, _, example = _FORMS[number]
    for key in sorted(table.keys() - {"flag", "value"}):
        known = words.did_you_mean(key, ("flag", "value"))
        yield (key,), f"unknown key {words.toml(key)} in {name}{known}"
    flag = table.get("flag")
    if not isinstance(flag, str):
        yield (), f'{name} has no flag; write it such as {{ flag = "{flag_form}" }}'
    elif knobs.PLACE not in flag and _is_file_key(flag):
        yield ("flag",), f"{name}.flag = {words.toml(flag)}: write {name} = {words.toml(flag)}"
    elif (what := _text_problem(f"{name}.flag", flag, number)) is not None:
        yield ("flag",), what
    if "value" in table and not _is_value(table["value"], number):
        expected = _VALUES.get(number, "no value for a file")
        yield ("value",), words.expected(f"{name}.value", table["value"], expected, example)


def _is_file_key(text: str) -> bool:
    try:
        return knobs.file_key(text) is not None
    except ValueError:
        return False


def _is_value(value: Any, number: knobs.Number) -> bool:
    if number == "float":
        return type(value) in (int, float) and math.isfinite(value)
    lowest = {"batch": 1, "count": 0, "port": 1}.get(number)
    if lowest is None or type(value) is not int:
        return False
    return lowest <= value <= (65_535 if number == "port" else 1_000_000)


def build(value: str | dict[str, Any], number: knobs.Number) -> knobs.AnyKnob | knobs.ListFile:
    """The frozen value. Raises ValueError where a text is neither flag nor key nor file."""
    if isinstance(value, dict):
        return knobs.Knob(template=value["flag"], value=value.get("value"), number=number)
    if number == "path" and _is_list_file(value):
        return knobs.ListFile(path=value)
    return knobs.parse(value, number)


def _is_list_file(text: str) -> bool:
    """`exclude.txt`: a word with an ending, and neither a flag nor a key of a file."""
    plain = not any(each in text for each in "{}:= |")
    return plain and not text.startswith("-") and kinds.inside_advice(text) is None
