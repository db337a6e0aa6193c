"""Lines of a log, however it was written: huge, binary, or one progress bar without an end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

PIECE_BYTES = 1 << 20
# Of a longer stretch without any line end nobody reads more than the beginning.
HEAD_BYTES = 1 << 14


class Lines:
    """Iterates over the text of a log; `number` is the line (from 1) that was given last.

    A line longer than 1 MiB comes in pieces that end at a carriage return, where a progress bar
    starts anew, so that memory is bounded.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        with self._path.open("rb") as file:
            rest, ended = b"", True
            while piece := file.readline(PIECE_BYTES):
                self.number += ended
                ended = piece.endswith(b"\n")
                whole = rest + piece
                cut = len(whole) if ended else whole.rfind(b"\r") + 1
                if cut:
                    yield whole[:cut].decode("utf-8", "replace")
                rest = whole[cut:] if cut else whole[:HEAD_BYTES]
            if rest:
                yield rest.decode("utf-8", "replace")
