"""From configuration to the run spec."""

from __future__ import annotations

from pathlib import Path

from overnight.app import preparing
from overnight.sync import manifest


def test_data_that_git_ignores_is_named(tmp_path: Path) -> None:
    """The training misses a file that lies here: it was not sent, and how to link it."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.bin").write_bytes(b"x")
    (tmp_path / "train.py").write_text("")
    made = manifest.build(tmp_path)
    sent = manifest.Manifest(entries=tuple(e for e in made.entries if e.path == "train.py"))
    problem = "FileNotFoundError: [Errno 2] No such file or directory: 'data/train.bin'"
    said = preparing.not_sent(tmp_path, sent, [problem])
    assert said is not None
    assert "data/train.bin is here but was not sent" in said
    assert preparing.not_sent(tmp_path, made, [problem]) is None
    assert preparing.not_sent(tmp_path, sent, ["No such file: 'data/other.bin'"]) is None
