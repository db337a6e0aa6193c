"""What a sync remembers so that its question can leave before any file was read."""

from __future__ import annotations

from pathlib import Path

import pytest

from overnight.sync import manifest, opening, transfer
from tests.unit.sync import trees
from tests.unit.sync.in_process import InProcess


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / ".overnight").mkdir()
    return tmp_path


def test_each_server_has_its_own(root: Path) -> None:
    """What one server was given says nothing of another."""
    opening.remember(root, "gpu1", "a" * 16)
    opening.remember(root, "gpu2", "b" * 16)
    opening.remember(root, "gpu1", "c" * 16)
    assert opening.remembered(root, "gpu1") == "c" * 16
    assert opening.remembered(root, "gpu2") == "b" * 16
    assert opening.remembered(root, "gpu3") is None


@pytest.mark.parametrize("content", [b"", b"[]", b'{"gpu1": 1}', b"\xff"])
def test_a_file_that_is_not_ours_is_as_none(root: Path, content: bytes) -> None:
    """A torn or foreign file costs a round trip, no more; it is replaced by the next sync."""
    (root / opening.FILE).write_bytes(content)
    assert opening.remembered(root, "gpu1") is None
    opening.remember(root, "gpu1", "a" * 16)
    assert opening.remembered(root, "gpu1") == "a" * 16


def test_a_folder_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    """To remember only saves time."""
    opening.remember(tmp_path, "gpu1", "a" * 16)
    assert opening.remembered(tmp_path, "gpu1") is None


def test_a_sync_begins_with_this_question(tmp_path: Path) -> None:
    """Else the one that travels with the login would be asked in vain."""
    project = trees.write(tmp_path / "laptop", {b"train.py": trees.File(b"print(1)\n")})
    server = InProcess(tmp_path / "server")
    asked = []
    server.before = asked.append
    made = manifest.build(project)
    transfer.push(server, "p", project, made, nonce="n", known=lambda _: None)
    assert asked[0] == opening.question("p", made.id, "n")
