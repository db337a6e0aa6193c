"""Files on the laptop that are there whole or not at all, whoever reads them meanwhile."""

from __future__ import annotations

import os
from pathlib import Path

from overnight.core import errors
from overnight.node import fs


def publish(path: Path, content: str | bytes, *, durable: bool = True) -> None:
    """Replaces `path`; its folder is there. Half characters are written as their escapes.

    `durable`: when this returns, no power cut takes it away. Raises `OSError`.
    """
    raw = content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace")
    fs.publish(os.fspath(path), raw, mode=0o666, durable=durable)


def asked_for(path: Path, content: str | bytes, *, hint: str) -> None:
    """The same for a file that somebody has named. Raises `errors.UsageError` with `hint`."""
    try:
        publish(path, content)
    except OSError as error:
        raise errors.UsageError(
            f"{path} cannot be written: {error.strerror or error}", hint=hint
        ) from error
