"""What a training printed: progress bars, dict lines, tables, prose.

Names are as written (`Valid Loss`); the split is that of the name or of the line. A bar that is
drawn anew for the same step counts once, and so does the value of an evaluation that a bar goes on
showing. Values behind the last line end are provisional (see `Found`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overnight.results import curves
from overnight.results.curves import Curve, Found, Mark, Passed
from overnight.results.formats import printed_bulk, printed_lines, printed_pieces, printed_shapes
from overnight.results.formats.printed_bulk import Key, Values
from overnight.results.formats.printed_pieces import Piece

FORMAT = "text_log"

# Text that is no output of a training, or that other readers know.
OTHERS = frozenset(
    ".py .md .rst .yaml .yml .toml .cfg .ini .sh .bash .html .js .css .c .cc .cpp .cu .h .tex .xml"
    " .svg .ipynb .json .csv .tsv .sql .lock .patch .diff .prototxt".split()
)
LOGS = frozenset(".log .out .err .txt .stdout .stderr".split())


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
    """Whether no text looks like this; UTF-16 is text."""
    if printed_pieces.encoding(head):
        return False
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
                reading.take(piece)
    except OSError as error:
        return _refused(f"the file cannot be read: {error.strerror}")
    return reading.found()


def _refused(why: str) -> Found:
    passed = Passed()
    passed.add(None, "the file", why)
    return Found(format=FORMAT, curves=(), skipped=tuple(passed.listed))


class Reading:
    """One reading of a log, from its beginning or from a mark."""

    def __init__(self, mark: Mark | None, *, learns: bool = True) -> None:
        memory: dict[str, Any] = dict(mark.memory) if mark else {}
        self.offset = mark.offset if mark else 0
        self.line = mark.line if mark else 0
        self.was_cut: bool = memory.get("was_cut", False)
        self._is_whole = mark is None
        self._parser = printed_lines.Parser(memory.get("parser"))
        self._passed = Passed()
        self._bulk = printed_bulk.Bulk(self._parser, self._passed, learns=learns)
        self._memory = self._remembered()
        self._columns: dict[Key, list[curves.Floats]] = {}
        self._is_empty = True

    def take(self, piece: Piece) -> None:
        """The next piece; one without an end leaves no trace in the mark."""
        self._is_empty &= not piece.text.strip()
        cut = printed_shapes.Cut(piece.text, piece.line)
        for key, values in self._bulk.read(cut).items():
            self._columns.setdefault(key, []).append(_columns(cut, key, values))
        if piece.has_end:
            self.offset, self.was_cut = piece.offset, piece.is_cut
            self.line = piece.line + piece.text.count(b"\n")
            self._memory = self._remembered()

    def _remembered(self) -> dict[str, Any]:
        return {"parser": self._parser.memory(), "was_cut": self.was_cut}

    def found(self) -> Found:
        if not self._columns and self._is_whole:
            why = "the file is empty" if self._is_empty else "no line tells a metric"
            self._passed.add(None, "the file", why)
        return Found(
            format=FORMAT,
            curves=tuple(self._curve(key) for key in self._columns),
            skipped=tuple(self._passed.listed),
            more_skipped=self._passed.more,
            mark=Mark(offset=self.offset, line=self.line, memory=self._memory),
        )

    def _curve(self, key: Key) -> Curve:
        name, split = key
        return curves.curve(name, np.concatenate(self._columns[key], axis=1), split=split)


def _columns(cut: printed_shapes.Cut, key: Key, values: Values) -> curves.Floats:
    """Shape (5, n): value, step, epoch, time, line, without what a bar only shows again."""
    line = cut.lines[values.place].astype(float)
    columns = np.stack((values.value, values.step, values.epoch, curves.untold(line.size), line))
    same_line = line[1:] == line[:-1]
    if not same_line.any():
        return columns
    step, epoch = columns[1], columns[2]
    drawn_again = same_line & (step[1:] == step[:-1]) & _same(epoch[1:], epoch[:-1])
    columns = columns[:, ~np.append(drawn_again, False)]
    if key[1] in ("val", "test") or key[0].endswith("_epoch"):
        value, line = columns[0], columns[4]
        shown_on = (line[1:] == line[:-1]) & _same(value[1:], value[:-1])
        columns = columns[:, ~np.append(False, shown_on)]
    return columns


def _same(one: curves.Floats, other: curves.Floats) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = (one == other) | (np.isnan(one) & np.isnan(other))
    return same
