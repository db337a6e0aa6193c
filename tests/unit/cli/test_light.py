"""What is typed often starts quickly."""

from __future__ import annotations

import subprocess
import sys

import pytest

MODULES = (
    "overnight.cli",
    "overnight.cli.status",
    "overnight.app.following",
    "overnight.app.sweep_results",
    "overnight.results.sweep_text",
    "overnight.cli.compare",
    "overnight.cli.report",
)


@pytest.mark.parametrize("module", MODULES)
def test_no_arrays(module: str) -> None:
    """NumPy takes longer to load than a server to answer."""
    program = f"import sys, {module}; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
