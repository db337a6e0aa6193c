"""A variant with some of its settings turned: fewer loader workers, another port, and so on.

Where each setting stands was worked out before the night and lies in the variant. A place is

    {"word": n, "start": i, "end": j}                  in word n of the argv
    {"file": path, "start": i, "end": j}               in the text of a file of the variant
    {…, "add": ["--lr", "{}"]}                         these words are put in there
    {"file": path, "start": i, "end": i, "form": "lines"}   one line for each entry of a list

in characters. Pure: nothing is read or written here.
"""

from __future__ import annotations

import math
import re
import shlex
from typing import Any, Dict, List, Mapping, Tuple, Union

Place = Mapping[str, Any]
Edits = Dict[Union[str, int], List[Tuple[int, int, str]]]
PLACE = "{}"
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
_CONTROL = re.compile(r"[\0-\x1f\x7f]")


def turnable(variant: Mapping[str, Any], name: str) -> bool:
    """Whether it is known where the setting stands in this variant."""
    return bool((variant.get("places") or {}).get(name))


def turned(
    variant: Mapping[str, Any], settings: Mapping[str, Any]
) -> tuple[list[str], dict[str, str]]:
    """The argv and the full text of each file, with `settings` (name -> value) at their places.

    None leaves a setting as it is; so does one whose place is not known (`turnable` tells). The
    value of `exclude` is a path or a list of paths, added to the list that is there already.
    Raises ValueError for a value that cannot be written.
    """
    argv, files = list(variant["argv"]), dict(variant.get("files") or {})
    places = variant.get("places") or {}
    edits: Edits = {}
    additions: list[tuple[int, list[str]]] = []
    for name in sorted(places):
        if settings.get(name) is None:
            continue
        for place in places[name]:
            _plan(argv, files, place, settings[name], edits, additions)
    for target, changes in edits.items():
        if isinstance(target, str):
            files[target] = _changed(files[target], changes)
        else:
            argv[target] = _changed(argv[target], changes)
    for word, new in sorted(additions, key=lambda each: each[0], reverse=True):
        argv[word:word] = new
    return argv, files


def _plan(
    argv: list[str],
    files: dict[str, str],
    place: Place,
    value: Any,
    edits: Edits,
    additions: list[tuple[int, list[str]]],
) -> None:
    target = place["file"] if "file" in place else place["word"]
    if "add" in place:
        words = [_filled(word, value) for word in place["add"]]
        in_text = place["start"] > 0  # of a shell's text; a whole word is put in before its start
        if in_text:
            text = "".join(f" {shlex.quote(word)}" for word in words)
            edits.setdefault(target, []).append((place["start"], place["end"], text))
        else:
            additions.append((place["word"], words))
        return
    text = files[target] if "file" in place else argv[target]
    old = text[place["start"] : place["end"]]
    new = _lines(value) if place.get("form") == "lines" else _like(old, value)
    edits.setdefault(target, []).append((place["start"], place["end"], new))


def _filled(word: str, value: Any) -> str:
    """The words that name a list's file have no place for a value. A folder of ours is one word."""
    if PLACE not in word:
        return word
    is_folder = isinstance(value, str) and value.startswith("/") and not _CONTROL.search(value)
    return word.replace(PLACE, value if is_folder else _written(value))


def _changed(text: str, changes: list[tuple[int, int, str]]) -> str:
    """From the end, so that the places before stay right."""
    for start, end, new in sorted(changes, key=lambda each: each[:2], reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _like(old: str, value: Any) -> str:
    """`value` as text; what stands there where that is the same number already."""
    new = _written(value)
    if _NUMBER.fullmatch(old) and _NUMBER.fullmatch(new):
        if float(old) == float(new):
            return old
        if new.lstrip("-").isdigit() and re.search(r"[.eE]", old):
            return f"{new}.0"  # a learning rate of 1 stays a number with a point
    return new


def _written(value: Any) -> str:
    """A number that YAML, JSON, TOML and every command line read as a number.

    YAML 1.1 takes 1e-05 for text and 1.0e-05 for a number.
    """
    if isinstance(value, float) and math.isfinite(value):
        mantissa, exponent, power = repr(value).partition("e")
        if exponent and "." not in mantissa:
            mantissa += ".0"
        return mantissa + exponent + (power if not power or power[0] in "+-" else f"+{power}")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"not a value to write: {value!r}")


def _lines(value: Any) -> str:
    entries = [value] if isinstance(value, str) else list(value)
    for entry in entries:
        if not isinstance(entry, str) or not entry.strip() or _CONTROL.search(entry):
            raise ValueError(f"not a path that fits on one line: {entry!r}")
    return "".join(f"{entry}\n" for entry in entries)
