"""What programs said on their standard error."""

from __future__ import annotations

from overnight.core import text


def last_line(said: str) -> str:
    """The last line that says something, harmless for a terminal."""
    lines = [line.strip() for line in said.splitlines()]
    return text.printable(next((line for line in reversed(lines) if line), ""))
