"""Interpreters of this machine that hosts can be given."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

INTERPRETER = os.path.realpath("/usr/bin/python3")


def find(version: str) -> Path | None:
    """The newest interpreter of this version (`3.7`) that pyenv installed, None where none is."""
    root = Path(os.environ.get("PYENV_ROOT", "/root/.pyenv"))
    found = sorted(root.glob(f"versions/{version}.*/bin/python{version}"))
    return found[-1] if found else None


def standard_library() -> str:
    """The folder of the standard library of the machine's own interpreter."""
    code = "import os; print(os.path.dirname(os.__file__))"
    done = subprocess.run([INTERPRETER, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()
