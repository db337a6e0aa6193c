"""What a training printed: progress bars, dict lines, tables, prose.

Names are as written (`Valid Loss`); the split is that of the name or of the line. What a bar shows
again counts once. A last line without an end is read where it surely is all (`printed_again`), and
else left for the next time.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from overnight.results import curves
from overnight.results.curves import Curve, Found, Mark, Passed
from overnight.results.formats import (
    printed_again,
    printed_bulk,
    printed_lines,
    printed_pieces,
    printed_shapes,
)
from overnight.results.formats.printed_again import Shown
from overnight.results.formats.printed_bulk import Key
from overnight.results.formats.printed_cut import Cut
from overnight.results.formats.printed_pieces import Piece

FORMAT = "text_log"
SETTLED_S = 600.0  # a log that nobody wrote to for so long has probably come to its end

# Text that is no output of a training, or that other readers know.
OTHERS = frozenset(
    (
        *(".bash", ".c", ".cc", ".cfg", ".cpp", ".css", ".csv", ".cu", ".diff", ".h", ".html"),
        *(".ini", ".ipynb", ".java", ".js", ".json", ".lock", ".md", ".patch", ".prototxt"),
        *(".py", ".rst", ".sh", ".sql", ".svg", ".tex", ".toml", ".tsv", ".xml", ".yaml", ".yml"),
    )
)
LOGS = frozenset((".log", ".out", ".err", ".txt", ".stdout", ".stderr"))


def claims(path: Path, head: bytes) -> int:
    """A text in whose beginning there are values, or which is longer than that."""
    if not head or path.suffix.lower() in OTHERS or is_binary(head):
        return curves.NO
    is_whole = len(head) < curves.HEAD_BYTES
    if not is_whole and path.suffix.lower() in LOGS:
        return curves.PERHAPS
    parser = printed_lines.Parser()
    wide = printed_pieces.encoding(head)
    text = head.decode(wide, "replace").encode() if wide else head
    for part in text.translate(None, printed_pieces.CONTROLS).replace(b"\r", b"\n").split(b"\n"):
        said = parser.line(printed_shapes.decoded(part))
        if said is not None and said.values:
            return curves.PERHAPS
    return curves.NO


def is_binary(head: bytes) -> bool:
    """Whether no text looks like this; UTF-16 is text.

    Nor do holes count, which a rotation or a crash of the machine leaves in a log: zeros in a row.
    """
    if printed_pieces.encoding(head):
        return False
    head = printed_pieces.HOLE.sub(b"", head) or head
    odd = len(head) - len(head.translate(None, bytes([*range(7), *range(14, 27), *range(28, 32)])))
    return odd > len(head) // 10


def read(path: Path, mark: Mark | None = None) -> Found:
    """See `curves.Reader`. The memory of the mark is small, whatever the size of the log."""
    reading = Reading(mark)
    try:
        with path.open("rb") as file:
            head = file.read(curves.HEAD_BYTES)
            if head and is_binary(head):
                return _refused("the file is binary")
            wide = printed_pieces.encoding(head)
            for piece in printed_pieces.pieces(
                file, reading.offset, reading.line, wide=wide, was_cut=reading.was_cut
            ):
                if piece.has_end or _is_complete(file, piece, reading.offset, wide):
                    reading.take(piece)
                else:
                    reading.leave(piece)
    except OSError as error:
        return _refused(f"the file cannot be read: {error.strerror}")
    return reading.found()


def _refused(why: str) -> Found:
    passed = Passed()
    passed.add(None, "the file", why)
    return Found(format=FORMAT, curves=(), skipped=tuple(passed.listed))


def _is_complete(file: BinaryIO, piece: Piece, begin: int, wide: str | None) -> bool:
    """Whether the file's last line, which has no end, may be believed; it begins at `begin`."""
    if not piece.text.strip():
        return False
    start = max(0, begin - printed_again.BEFORE_BYTES)
    file.seek(start)
    before = file.read(begin - start)
    if wide:
        before = before.decode(wide, "replace").encode()
    age_s = time.time() - os.fstat(file.fileno()).st_mtime
    return printed_again.is_complete(piece.text, b"\n" + before, is_settled=age_s > SETTLED_S)


class Reading:
    """One reading of a log, from its beginning or from a mark. `worth`: see `printed_bulk`."""

    def __init__(self, mark: Mark | None, *, worth: float = printed_bulk.WORTH_LEARNING) -> None:
        memory: dict[str, Any] = dict(mark.memory) if mark else {}
        self.offset = mark.offset if mark else 0
        self.line = mark.line if mark else 0
        self.was_cut: bool = memory.get("was_cut", False)
        self._is_whole = mark is None
        self._parser = printed_lines.Parser(memory.get("parser"))
        self._shown = Shown(memory.get("shown", ()))
        self._passed = Passed()
        self._bulk = printed_bulk.Bulk(self._parser, self._passed, worth=worth)
        self._columns: dict[Key, list[curves.Floats]] = {}
        self._is_empty = True

    def take(self, piece: Piece) -> None:
        """The next piece of the file."""
        self._is_empty &= not piece.text.strip()
        cut = Cut(piece.text, piece.line)
        for key, values in self._bulk.read(cut).items():
            line = cut.lines[values.place].astype(float)
            told = (values.value, values.step, values.epoch, curves.untold(line.size), line)
            fresh = self._shown.first_time(key, values, line)
            if fresh.any():
                self._columns.setdefault(key, []).append(np.stack(told)[:, fresh])
        self.offset, self.was_cut = piece.offset, piece.is_cut
        self.line = piece.line + piece.text.count(b"\n")

    def leave(self, piece: Piece) -> None:
        """The last line is not all there, as far as one can see: it is left for the next time."""
        self._is_empty &= not piece.text.strip()
        text = printed_shapes.decoded(piece.text)
        said = printed_lines.Parser(self._parser.memory()).line(text)
        if said is not None and said.values:
            self._passed.add(piece.line + 1, text.strip(), "the line has no end yet")

    def found(self) -> Found:
        if not self._columns and self._is_whole:
            why = "the file is empty" if self._is_empty else "no line tells a metric"
            self._passed.add(None, "the file", why)
        memory = {
            "parser": self._parser.memory(),
            "shown": self._shown.memory(self.line + 1),
            "was_cut": self.was_cut,
        }
        return Found(
            format=FORMAT,
            curves=tuple(self._curve(key) for key in self._columns),
            skipped=tuple(self._passed.listed),
            more_skipped=self._passed.more,
            mark=Mark(offset=self.offset, line=self.line, memory=memory),
        )

    def _curve(self, key: Key) -> Curve:
        name, split = key
        curve = curves.curve(name, np.concatenate(self._columns[key], axis=1), split=split)
        return replace(curve, is_full=self._parser.memory()["caffe"] is not None)
