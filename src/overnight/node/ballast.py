"""A little space of our own, given up to write records when the disk has run full."""

from __future__ import annotations

import os

from overnight.node import fs, layout

FILE = "ballast"
SIZE_BYTES = 64 * 1024


def take_in(run: layout.Run) -> None:
    """Random bytes, because some file systems store nothing for zeros."""
    fs.publish(run.file(FILE), os.urandom(SIZE_BYTES), durable=False)


def drop(run: layout.Run) -> bool:
    """False where it was given up before."""
    try:
        os.unlink(run.file(FILE))
    except FileNotFoundError:
        return False
    return True
