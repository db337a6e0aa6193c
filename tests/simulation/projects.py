"""The code that the laptops send: a small project in several versions."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from overnight.sync import manifest


def texts(version: int) -> dict[str, str]:
    return {"model.py": f"WIDTH = {version}\n", "train.py": f"# version {version}\nimport model\n"}


@functools.cache
def made(version: int) -> manifest.Manifest:
    entries = tuple(
        manifest.Entry(path, "f", len(text), hashlib.sha256(text.encode()).hexdigest())
        for path, text in sorted(texts(version).items())
    )
    return manifest.Manifest(entries=entries)


@functools.cache
def files_of(snapshot: str) -> dict[str, str]:
    return next(texts(n) for n in range(100) if made(n).id == snapshot)


def write(folder: Path, version: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in texts(version).items():
        (folder / path).write_text(text)
