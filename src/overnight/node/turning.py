"""Writing values into a command line and its config files, at places known beforehand. Pure.

A place is {"word": n, "start": i, "end": j} in the arguments, or {"file": path, "start": i,
"end": j} in the variant's text of that config file; offsets count characters.
"""

from __future__ import annotations

from typing import Any, Mapping


def turned(
    variant: Mapping[str, Any], settings: Mapping[str, Any]
) -> tuple[list[str], dict[str, str]]:
    """The variant's arguments and config files with these settings; others stay as they are."""
    argv = list(variant["argv"])
    files = dict(variant.get("files") or {})
    places = variant.get("places") or {}
    edits = [
        (place, shown(value)) for name, value in settings.items() for place in places.get(name, ())
    ]
    for place, text in sorted(edits, key=lambda edit: -edit[0]["start"]):  # later places stay right
        if "file" in place:
            files[place["file"]] = replaced(files[place["file"]], place, text)
        else:
            argv[place["word"]] = replaced(argv[place["word"]], place, text)
    return argv, files


def replaced(text: str, place: Mapping[str, Any], value: str) -> str:
    return text[: place["start"]] + value + text[place["end"] :]


def shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
