"""What new output says about the phase of the training: an evaluation, or a checkpoint. Pure.

It is used to be more patient, never to be less, so a wrong guess costs only time.
"""

from __future__ import annotations

import re

from overnight.node import lines, patience

LOOKED_AT = 4096
EVALUATION = re.compile(
    r"\b(?:evaluat(?:e|es|ing|ion)|validat(?:e|es|ing|ion)|eval|val|test|testing|inference"
    r"|predict(?:ing|ion)?|sampling|generating)\b"
)
CHECKPOINT = re.compile(
    r"\b(?:sav(?:e|es|ing|ed)|writ(?:e|es|ing)|dump(?:ing)?|upload(?:ing)?|push(?:ing)?)\b.{0,80}"
    r"(?:checkpoint|ckpt|model|weights|state|optimizer|snapshot)|\bcheckpoint(?:ing)?\b"
)
# Times and rates, which change while nothing else does.
MOVING = re.compile(r"\d+(?::\d\d)+(?:\.\d+)?|\d[\d.,]*\s?(?:ms|s|sec|it/s|s/it|it)\b|[^\w\s/%.,:]")


def announced(chunk: bytes, advanced: bool) -> str | None:
    """The phase that the newest output speaks of.

    Where the training went on in the same chunk, only its last line can speak of what comes now.
    """
    said = [part for part in pieces(chunk) if part.strip()]
    for part in reversed(said[-1:] if advanced else said):
        low = part.lower()
        if CHECKPOINT.search(low):
            return patience.CHECKPOINT
        if EVALUATION.search(low):
            return patience.EVALUATION
    return None


def pieces(chunk: bytes) -> list[str]:
    text = chunk[-LOOKED_AT:].decode("utf-8", "replace")
    return [lines.said(part) for part in re.split(r"[\r\n]", text)]


class Redraws:
    """Tells a bar that is only drawn anew, by a thread of its own, from output."""

    def __init__(self) -> None:
        self._shown = ""

    def is_only_one(self, chunk: bytes) -> bool:
        """True where the chunk draws what was there before, with another time in it."""
        if b"\r" not in chunk or b"\n" in chunk.rstrip(b"\r"):
            self._shown = ""
            return False
        shown = {MOVING.sub("", part).strip() for part in pieces(chunk)} - {""}
        same = shown <= {self._shown}
        self._shown = max(shown, default=self._shown)
        return same
