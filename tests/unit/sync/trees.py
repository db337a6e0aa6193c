"""Folders for the tests: written from, and read back as, what they hold."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class File(NamedTuple):
    content: bytes
    executable: bool = False


class Link(NamedTuple):
    target: bytes


Tree = Mapping[bytes, File | Link]


def write(root: Path, tree: Tree) -> Path:
    """Makes `root` hold what `tree` says, beside what was there."""
    for path, item in tree.items():
        full = os.path.join(os.fsencode(root), path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        if isinstance(item, Link):
            os.symlink(item.target, full)
        else:
            with open(full, "wb") as file:
                file.write(item.content)
            os.chmod(full, 0o755 if item.executable else 0o644)
    return root


def read(root: Path | str) -> dict[bytes, File | Link]:
    """All files and links below `root`; empty folders are told as they must not be there."""
    base = os.fsencode(root)
    tree: dict[bytes, File | Link] = {}
    for parent, folders, files in os.walk(base):
        assert folders or files or parent == base, f"an empty folder: {parent!r}"
        for name in [*files, *(each for each in folders if os.path.islink(parent + b"/" + each))]:
            full = os.path.join(parent, name)
            path = os.path.relpath(full, base)
            if os.path.islink(full):
                tree[path] = Link(os.readlink(full))
            else:
                with open(full, "rb") as file:
                    tree[path] = File(file.read(), bool(os.stat(full).st_mode & stat.S_IXUSR))
    return tree


def states(root: Path | str) -> dict[str, tuple[int, ...]]:
    """What must not change in a snapshot: inode, mode, size and time of writing of each path."""
    found: dict[str, tuple[int, ...]] = {}
    for parent, folders, files in os.walk(root):
        for name in [*folders, *files]:
            path = os.path.join(parent, name)
            state = os.lstat(path)
            found[path] = (state.st_ino, state.st_mode, state.st_size, state.st_mtime_ns)
    return found
