"""A library of NVML's shape (`fakenvml.c`): compiled, told what its cards are, and put in place."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from overnight.node import nvml

if TYPE_CHECKING:
    import pytest

SOURCE = Path(__file__).with_name("fakenvml.c")
NAME = "libnvidia-ml.so.1"


def compiled(folder: Path, *flags: str) -> Path:
    """The library, in a folder of its own below `folder`."""
    place = folder / ("nvml" + "".join(flags))
    place.mkdir(exist_ok=True)
    options = ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror"]
    subprocess.run(["gcc", *options, *flags, "-o", place / NAME, SOURCE], check=True)
    return place / NAME


def card(
    index: int,
    uuid: str,
    *,
    used_mib: int = 4,
    percent: int = 0,
    mig: int = 0,
    total_mib: int = 81559,
    name: str = "NVIDIA H100 80GB HBM3",
) -> str:
    """A line of the library's file; the bus number is one more than `index`."""
    return f"card {uuid} 0 {index + 1:x} 0 {total_mib} 551 {used_mib} {percent} {mig} {name}"


def process(card: int, pid: int, mib: int | None, kind: str = "Compute") -> str:
    return f"process {card} {kind} {pid} {-1 if mib is None else mib << 20}"


def use(library: Path, lines: Iterable[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on the node of this process asks this library, which says what `lines` tell it."""
    file = folder / "cards.txt"
    file.write_text("".join(f"{line}\n" for line in lines))
    monkeypatch.setenv("FAKENVML", os.fspath(file))
    device = folder / "pci" / "0000:01:00.0"
    device.mkdir(parents=True, exist_ok=True)
    (device / "vendor").write_text("0x10de\n")
    monkeypatch.setattr(nvml, "PCI", os.fspath(device.parent))
    monkeypatch.setattr(nvml, "LIBRARY", os.fspath(library))
    monkeypatch.setattr(nvml, "not_used", {})
