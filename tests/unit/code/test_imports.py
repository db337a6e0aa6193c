"""What a training needs to be installed, read from its imports."""

from __future__ import annotations

from pathlib import Path

from overnight.code import imports

TRAIN = """\
import os, numpy as np
import torch.nn as nn
from helpers import data
from . import near
try:
    import apex
except ImportError:
    apex = None
"""


def test_packages_of_the_script_and_its_modules(tmp_path: Path) -> None:
    """Neither the standard library, nor the project's own files, nor what it can do without."""
    (tmp_path / "helpers").mkdir()
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "helpers" / "data.py").write_text("import yaml\nfrom PIL import Image\n")
    (tmp_path / "helpers" / "__init__.py").write_text("")
    found = imports.needed(tmp_path, ["python", "train.py", "--lr", "1"])
    assert found == ("PIL", "numpy", "torch", "yaml")


def test_no_script_no_packages(tmp_path: Path) -> None:
    """A module's name, or a program, says nothing."""
    assert imports.needed(tmp_path, ["python", "-m", "trainer"]) == ()
