"""What lies in a folder that is to be imported: metrics, hyperparameters, what is passed over."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from overnight.results import reading, settings_files
from overnight.results.curves import Found
from overnight.results.run_roots import Parts
from overnight.results.runs.run_files import legible
from overnight.results.runs.sources import is_candidate

MOST_BYTES = 2 << 30  # of one file


@dataclass(frozen=True, kw_only=True)
class Left:
    path: str
    why: str

    def to_json(self) -> dict[str, str]:
        return {"path": self.path, "why": self.why}


@dataclass(kw_only=True)
class Seen:
    """What lies below a folder."""

    found: dict[Parts, Found] = field(default_factory=dict)
    settings: list[Parts] = field(default_factory=list)
    skipped: list[Left] = field(default_factory=list)


def look(folder: Path) -> Seen:
    """Reads every file that may hold metrics; links are not followed."""
    seen = Seen()
    for path in reading.files(folder):
        parts = path.relative_to(folder).parts
        if settings_files.is_settings(parts):
            seen.settings.append(parts)
        elif is_candidate("/".join(("work", *parts))):
            _read(path, parts, seen)
        elif why := _passed_over(path):
            seen.skipped.append(
                Left(
                    path=os.fsencode(path.relative_to(folder)).decode("utf-8", "backslashreplace"),
                    why=why,
                )
            )
    return seen


def _passed_over(path: Path) -> str:
    """Why a file is not read that may well hold metrics; empty where nobody expects it to."""
    if path.suffix.lower() == ".gz":
        return "compressed: gunzip it, and type the same again"
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return "its name is no text in UTF-8: rename it, and type the same again"
    return ""


def _read(path: Path, parts: Parts, seen: Seen) -> None:
    shown = "/".join(parts)
    try:
        if path.stat().st_size > MOST_BYTES:
            seen.skipped.append(Left(path=shown, why="larger than 2 GiB"))
            return
        found = reading.read(path)
    except OSError as error:
        seen.skipped.append(Left(path=shown, why=error.strerror or "cannot be read"))
        return
    if found is None:
        return
    if any(each.value.size for each in found.curves):
        seen.found[parts] = legible(found)
    elif path.suffix.lower() not in (".txt", ".json"):  # those are rarely meant to be metrics
        why = found.skipped[0].why if found.skipped else "it holds no metric"
        seen.skipped.append(Left(path=shown, why=why))
