"""A project of which nothing has run yet."""

from __future__ import annotations

from pathlib import Path

from overnight.app import Overnight
from overnight.app.talk import Silent


def project(root: Path, *, primary: str = "val_acc", goal: str = "max") -> Overnight:
    """In `root`, which may be there already. To be closed by who has asked for it."""
    root.mkdir(exist_ok=True)
    (root / "overnight.toml").write_text(
        '[project]\nname = "p"\ntrain = "python train.py"\n'
        f'[metrics]\nprimary = "{primary}"\ngoal = "{goal}"\n'
    )
    return Overnight(root, Silent())
