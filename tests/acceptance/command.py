"""The command line as a user types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def overnight(project: Path, *words: str, code: int = 0, timeout_s: float = 150.0) -> Any:
    """What it printed in the project's folder, with --json as a value; it ends with `code`."""
    done = subprocess.run(
        [sys.executable, "-m", "overnight", *words],
        cwd=project,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=timeout_s,
    )
    assert done.returncode == code, (words, done.stdout, done.stderr)
    return json.loads(done.stdout) if "--json" in words else done.stdout
