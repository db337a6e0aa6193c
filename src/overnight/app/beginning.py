"""init: overnight.toml for a project that was not written for us."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overnight.app import publishing
from overnight.code import detect, template
from overnight.code.detected import Detected
from overnight.core import config_kinds, errors, places


@dataclass(frozen=True, kw_only=True)
class Begun:
    """`written` is False where only the text was asked for."""

    path: Path
    text: str
    written: bool
    found: Detected

    def to_json(self) -> dict[str, Any]:
        return {
            "path": str(self.path),
            "written": self.written,
            "text": self.text,
            "train": self.found.train,
            "framework": self.found.framework,
            "assumptions": list(self.found.assumptions),
            "questions": list(self.found.questions),
        }


def init(root: Path, *, write: bool, may_replace: Callable[[Path], bool]) -> Begun:
    """Detects what it can and writes the file; an existing one only after `may_replace` agreed."""
    found = detect.detect(root)
    text = template.render(found, config_kinds.safe_name(root.resolve().name))
    path = root / places.CONFIG_NAME
    if write:
        if path.exists() and not may_replace(path):
            raise errors.UsageError(
                f"{path} is there already, and was left as it is",
                hint="overnight init --print   shows what would be written; --force replaces it",
            )
        publishing.asked_for(path, text, hint="overnight init --print")
    return Begun(path=path, text=text, written=write, found=found)
