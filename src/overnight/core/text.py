"""Text from servers, logs and files, made harmless for a terminal."""

from __future__ import annotations

import unicodedata

# Controls (ANSI begins with one), invisible and direction-changing marks, half characters that
# stand for undecodable bytes, and the line ends of Unicode.
_ESCAPED = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))


def printable(text: str, *, keep: str = "") -> str:
    r"""`text` with everything that a terminal might obey written out, as in `\x1b[2J`.

    `keep` names characters that stay as they are: `"\n\t"` where several lines are shown.
    """
    if text.isprintable():
        return text
    return "".join(
        each if each in keep or unicodedata.category(each) not in _ESCAPED else _written_out(each)
        for each in text
    )


def _written_out(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was no UTF-8, as os.fsdecode keeps it
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
