"""The text of a configuration file of the project, for those who look for a number in it."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Mapping
from pathlib import Path

from overnight.core import command, invocation
from overnight.core.unclear import UnclearError

MAX_BYTES = 200_000  # a configuration; reading YAML takes about a second for as much


def reader(root: Path, links: Iterable[str]) -> invocation.Read:
    """Reads files below `root`. What lies behind one of `links` is the server's, not ours."""
    behind = [posixpath.normpath(link) for link in links]

    def read(path: str) -> str:
        shown = command.visible(path)
        if any(path == link or path.startswith(f"{link}/") for link in behind):
            raise UnclearError(f"{shown} lies behind a link to the server's data")
        if not _is_inside(root, path):
            raise UnclearError(f"{shown} lies outside the project")
        return _text(root / path, shown)

    return read


def overlaid(read: invocation.Read, files: Mapping[str, str]) -> invocation.Read:
    """Reads as if some files had another text."""

    def text(path: str) -> str:
        return files[path] if path in files else read(path)

    return text


def _is_inside(root: Path, path: str) -> bool:
    real = os.path.realpath(root / path)
    return real.startswith(os.path.realpath(root) + os.sep)


def _text(path: Path, shown: str) -> str:
    if not os.path.lexists(path):
        raise invocation.NoFileError(f"there is no file {shown} in the project")
    if not path.is_file():  # reading a pipe would wait for ever
        raise UnclearError(f"{shown} is not a file")
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UnclearError(f"{shown} cannot be read: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise UnclearError(f"{shown} is larger than {MAX_BYTES // 1000} KB")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise UnclearError(f"{shown} is not UTF-8") from None
