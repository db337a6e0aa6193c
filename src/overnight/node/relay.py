"""DeepSpeed's ranks write either to the common output or each to a log of its own, never to both.

Where they were told to keep their own, what they write is copied from there into the common
output, line by line with the rank in front, in torchrun's words. Progress, hangs and people are
then served by one log, and a supervisor that is lost delays these lines and loses none.
"""

from __future__ import annotations

import contextlib
import os
from typing import Any, Mapping

from overnight.node import fs, rank_logs, reading

OPTION = "--enable_each_rank_log="
PIECE_BYTES = 256 * 1024
MOST_ROUNDS = 1000
LINE_ENDS = (b"\n", b"\r")


def needed(start: Mapping[str, Any]) -> bool:
    """By what start.json says: whether the node itself has asked for such logs."""
    folder = (start.get("settings") or {}).get("rank_logs")
    return folder is not None and f"{OPTION}{folder}" in (start.get("argv") or ())


class Relay:
    """`offsets`: how far each log has been copied, to be handed to the next supervisor."""

    def __init__(self, folder: str, offsets: Mapping[str, int]) -> None:
        self.output = os.path.join(folder, "output.log")
        self.ranks = os.path.join(folder, rank_logs.FOLDER)
        self.offsets: dict[str, int] = dict(offsets)
        self._open_line = ""  # of the log whose last line is not ended yet, a progress bar

    def copy(self) -> bool:
        """What has been added, at most so much of each log; whether that was anything."""
        copied = False
        for log in rank_logs.listed(self.ranks):
            if log.stream == "both":
                with contextlib.suppress(OSError):  # the disk is full: later
                    copied = self._copy(log) or copied
        return copied

    def finish(self) -> None:
        """All that is left, also a last line without an end.

        Bounded, because a process that was left behind may still write.
        """
        for _ in range(MOST_ROUNDS):
            if not self.copy():
                break
        for log in rank_logs.listed(self.ranks):
            if log.stream == "both":
                with contextlib.suppress(OSError):
                    self._copy(log, is_over=True)

    def _copy(self, log: rank_logs.RankLog, *, is_over: bool = False) -> bool:
        offset = self.offsets.get(log.path, 0)
        piece = reading.part(os.path.join(self.ranks, log.path), offset, PIECE_BYTES)
        ended = max(piece.rfind(end) for end in LINE_ENDS) + 1
        if len(piece) == PIECE_BYTES:
            piece = piece[: ended or PIECE_BYTES]
        elif not is_over:
            piece = piece[:ended]
        if not piece:
            return False
        append(self.output, self._marked(log, piece))
        self.offsets[log.path] = offset + len(piece)
        self._open_line = "" if piece.endswith(b"\n") else log.path
        return True

    def _marked(self, log: rank_logs.RankLog, piece: bytes) -> bytes:
        """Each line with its writer; a line that another rank left open is ended first."""
        goes_on = self._open_line == log.path
        before = b"\n" if self._open_line and not goes_on else b""
        mark = b"[default%d]:" % log.rank
        lines = piece.split(b"\n")
        ended = lines.pop()
        marked = b"".join(mark + line + b"\n" for line in lines) + (mark + ended if ended else b"")
        return before + (marked[len(mark) :] if goes_on else marked)


def offsets_of(beat: object) -> dict[str, int]:
    """As the last heartbeat has them; nothing of garbage."""
    known = beat.get("relayed") if isinstance(beat, dict) else None
    pairs = known.items() if isinstance(known, dict) else ()
    return {path: at for path, at in pairs if type(at) is int and at >= 0}


def of_attempt(folder: str) -> Relay | None:
    """The relay of an attempt that needs one, from where the last supervisor had got to."""
    if not needed(fs.read_json(f"{folder}/start.json") or {}):
        return None
    return Relay(folder, offsets_of(fs.read_json(f"{folder}/heartbeat")))


def append(path: str, data: bytes) -> None:
    """All or, where the disk is full, an OSError."""
    output = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        while data:
            data = data[os.write(output, data) :]
    finally:
        os.close(output)
