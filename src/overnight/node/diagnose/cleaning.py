"""From bytes to text that can be searched: encodings, colours, carriage returns, rank prefixes."""

from __future__ import annotations

import re

MAX_LINE = 4000
KEPT_FRONT = 3000
KEPT_BARS = 2
PROBE_BYTES = 4096
MAX_SOURCE = 40

CONTROLS = re.compile(
    r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]{0,300}(?:\x07|\x1b\\)|\x1b[@-Z\\-_]"
    r"|[\x00-\x08\x0b-\x1f\x7f\u200b\ufeff]"
)
BAR = re.compile(
    r"\d+%[|\s]|\d+(?:\.\d+)?\s?(?:it|s|steps?|batch(?:es)?|B|[kMG]i?B"
    r"|examples)/s?\b|\d+/\d+ "
)

# How launchers and frameworks mark whose line it is: torch's own exception hook ("[rank0]: "),
# torchrun --tee ("[default0]:", also in front of the hook's), mpirun ("[1,0]<stderr>:"),
# ray ("(Worker pid=19, ip=…)"), Kubernetes.
PREFIX = re.compile(
    r"(?:\[default(?P<local>\d{1,5})\]:)?\[rank(?P<rank>\d{1,5})\]:\s?"
    r"|\[default(?P<tee>\d{1,5})\]:(?:\s(?!\s))?"
    r"|\[\d{1,5},(?P<mpi>\d{1,5})\]<std(?:err|out)>:\s?"
    r"|\((?P<ray>[\w.]{1,60}(?: rank=\d+)? pid=\d{1,10}(?:, ip=[\d.]{7,15})?)\)\s?"
    r"|\d{4}-\d\d-\d\dT[\d:.]{8,20}Z (?:std(?:err|out) )?(?:[FP] )?"
)
# `srun --label`, pdsh (DeepSpeed's hosts) and docker compose: only in front of a traceback's parts.
LABEL = re.compile(
    r"(?P<label>\d{1,4}|[\w.-]{1,40}): {1,2}(?=Traceback \(most|  (?:File \"|  )|"
    r"(?:\w+\.)*\w+(?:Error|Exception|Interrupt)\b)"
    r"|(?P<service>[\w.-]{1,40}) {1,20}\| "
)


def encoding_of(data: bytes) -> str:
    """UTF-16 where a byte order mark or its many zeros say so, else UTF-8."""
    if data[:2] == b"\xff\xfe":
        return "utf-16-le"
    if data[:2] == b"\xfe\xff":
        return "utf-16-be"
    probe = data[:PROBE_BYTES]
    half = len(probe) // 2
    if half > 8 and probe.count(0, 0, len(probe)) * 5 > half * 4 and b"\0\0" not in probe:
        return "utf-16-le" if probe[1:2] == b"\0" else "utf-16-be"
    return "utf-8"


def decoded(data: bytes, encoding: str | None = None) -> str:
    return data.decode(encoding or encoding_of(data), "replace")


def shown(line: str) -> list[str]:
    """What a terminal would have shown of one line, in pieces.

    Of a progress bar its last states; text that it was drawn over is kept.
    """
    if "\r" not in line:
        return [tidy(line)]
    pieces = [piece for piece in line.split("\r") if piece.strip()]
    bars_from = len(pieces) - KEPT_BARS
    kept = [
        tidy(piece)
        for number, piece in enumerate(pieces)
        if number >= bars_from or not BAR.search(piece)
    ]
    return kept or [""]


def tidy(text: str) -> str:
    if len(text) > MAX_LINE:
        text = f"{text[:KEPT_FRONT]} … {text[KEPT_FRONT - MAX_LINE :]}"
    if not text.isprintable():
        text = CONTROLS.sub("", text)
    return text.rstrip()


def source_of(text: str) -> tuple[str, str]:
    """(the line without the mark of its writer, the writer)."""
    if not text or text[0] in " \t":
        return text, ""
    found = PREFIX.match(text)
    if found:
        marks = ("rank", "tee", "mpi", "ray")
        name = next((found.group(mark) for mark in marks if found.group(mark)), "")
        return text[found.end() :], name[:MAX_SOURCE]
    if ": " in text[:44] or "| " in text[:62]:
        label = LABEL.match(text)
        if label:
            return text[label.end() :], (label.group("label") or label.group("service"))
    return text, ""
