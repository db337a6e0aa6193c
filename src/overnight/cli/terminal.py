"""Text from elsewhere is hostile until escaped: what of it may reach a terminal."""

from __future__ import annotations

import re

from overnight.core import text

# Colours and other renditions may pass; cursor movement, titles, clipboard and the rest may not.
_COLOUR = rb"(?P<colour>\x1b\[[0-9;:]*m)"
_ESCAPE = rb"\x1b(?:\[[0-9;:?<=>]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])?"
_CONTROL = rb"[\x00-\x07\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]|\xc2[\x80-\x9f]"
_SPECIAL = re.compile(rb"|".join((_COLOUR, _ESCAPE, _CONTROL)))
_UNFINISHED = re.compile(rb"\x1b(?:\[[0-9;:?<=>]*[ -/]*|[\]PX^_][^\x07\x1b]*\x1b?|[ -/]*)?\Z")
_HELD = 4096


class Filter:
    """Removes what could do more than show text, also where a sequence is cut between chunks."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        data = self._rest + data
        unfinished = _UNFINISHED.search(data)
        self._rest = b""
        if unfinished and len(data) - unfinished.start() < _HELD:
            data, self._rest = data[: unfinished.start()], data[unfinished.start() :]
        return _SPECIAL.sub(lambda match: match.group("colour") or b"", data)


def safe_text(shown: str) -> str:
    """Several lines of ours in which whatever came from elsewhere is visible and harmless."""
    return text.printable(shown, keep="\n\t")
