"""File names as a person may see and write them: on a terminal, in a pattern, with a size."""

from __future__ import annotations


def visible(path: str) -> str:
    """The path with control characters, odd blanks and undecodable bytes spelled out."""
    return "".join(char if char.isprintable() else _escaped(char) for char in path)


def _escaped(char: str) -> str:
    if "\udc80" <= char <= "\udcff":
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")


def pattern(path: str) -> str:
    """A .gitignore pattern for this one path; `?` stands for what cannot be written in a line."""
    return "/" + "".join(_pattern_char(char) for char in path)


def _pattern_char(char: str) -> str:
    if not char.isprintable():
        return "?"
    return f"\\{char}" if char in "*?[\\ " else char


def size(count: int) -> str:
    """Bytes in decimal units, as file managers show them."""
    if count < 1000:
        return f"{count} B"
    for unit, factor in (("kB", 10**3), ("MB", 10**6)):
        if count < 1000 * factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count / 10**9:.1f} GB"
