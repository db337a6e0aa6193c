"""Small projects for the measurements, on the server `local` below a folder of their own."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from overnight.app import Overnight
from overnight.app.talk import Silent

SETTINGS = """\
[project]
name = "bench"
train = "{python} train.py"
checkpoints = ["checkpoint-*.npz"]

[knobs]
resume = "--resume {{checkpoint}}"

[servers.local]
root = "{root}"
cpu_slots = {slots}
"""


@contextlib.contextmanager
def project(train: str, slots: int = 64) -> Iterator[Overnight]:
    """A project whose training is the Python program `train`, on a server that runs `slots` of
    them at once; gone at the end.
    """
    with TemporaryDirectory(prefix="overnight-bench-", ignore_cleanup_errors=True) as folder:
        place = Path(folder) / "project"
        place.mkdir()
        (place / "train.py").write_text(train)
        settings = SETTINGS.format(python=sys.executable, root=root_of(place), slots=slots)
        (place / "overnight.toml").write_text(settings)
        with Overnight(place, Silent()) as o:
            yield o


def root_of(place: Path) -> Path:
    """The root of the local server of a project in the folder `place`."""
    return place.parent / "server"


def run_folder(o: Overnight, name: str) -> Path:
    return root_of(o.root) / "projects" / "bench" / "runs" / name


def processes_naming(words: list[str]) -> list[int]:
    """The pids of the processes whose command line ends with `words`."""
    wanted = b"\0".join(os.fsencode(word) for word in words) + b"\0"
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if (entry / "cmdline").read_bytes().endswith(wanted):
                    found.append(int(entry.name))
    return found
