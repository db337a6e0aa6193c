from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

import pytest

from overnight.core import errors
from overnight.node import fs, manifests
from overnight.sync import manifest
from tests.unit.sync import repositories, trees
from tests.unit.sync.trees import File, Link

NOBODY = 65534


def test_entries_hold_kind_size_and_hash(tmp_path: Path) -> None:
    """A file, an executable file and a link, in the order of their paths."""
    trees.write(
        tmp_path, {b"b.sh": File(b"x", executable=True), b"a": File(b"hi"), b"c": Link(b"a")}
    )
    assert manifest.build(tmp_path).entries == (
        ("a", "f", 2, hashlib.sha256(b"hi").hexdigest()),
        ("b.sh", "x", 1, hashlib.sha256(b"x").hexdigest()),
        ("c", "l", 0, "a"),
    )


def test_node_agrees_on_the_id(tmp_path: Path) -> None:
    """Both sides compute the same id from what travels, undecodable names included."""
    trees.write(tmp_path, {b"\xff\n": File(b""), "\U0001f600".encode(): Link(b"\xfe")})
    made = manifest.build(tmp_path)
    assert manifests.identify(made.to_wire()) == made.id
    assert hashlib.sha256(fs.dump(made.to_wire())).hexdigest().startswith(made.id)
    assert manifest.Manifest.from_wire(made.to_wire()) == made
    assert len(manifests.parse(made.to_wire())) == 2


def test_id_depends_on_content_mode_and_names_only(tmp_path: Path) -> None:
    """Times do not matter; one byte, one exec bit or one name does."""
    ids = []
    for number, tree in enumerate(
        [
            {b"a": File(b"1")},
            {b"a": File(b"1")},
            {b"a": File(b"2")},
            {b"a": File(b"1", executable=True)},
            {b"b": File(b"1")},
        ]
    ):
        ids.append(manifest.build(trees.write(tmp_path / str(number), dict(tree))).id)
    assert ids[0] == ids[1]
    assert len(set(ids)) == 4


def test_deleted_but_tracked_files_are_left_out(tmp_path: Path) -> None:
    """What git still tracks but the user has deleted does not travel."""
    root = repositories.init(trees.write(tmp_path, {b"a": File(b""), b"b/c": File(b"")}))
    repositories.commit(root)
    os.unlink(root / "b" / "c")
    os.rmdir(root / "b")
    assert [entry.path for entry in manifest.build(root).entries] == ["a"]


def test_special_files_are_noted(tmp_path: Path) -> None:
    """A fifo stays here, is not waited for, and is mentioned."""
    trees.write(tmp_path, {b"a": File(b"")})
    os.mkfifo(tmp_path / "pipe\x1b")
    made = manifest.build(tmp_path)
    assert [entry.path for entry in made.entries] == ["a"]
    assert made.notes == ("pipe\\x1b is neither a file nor a link; it stays here",)


@pytest.mark.parametrize("target", ["/data/imagenet", "../x", "..", "sub/../../x"])
def test_links_that_lead_out_are_noted(target: str, tmp_path: Path) -> None:
    """Such a link may dangle on the server, so the user is told; it travels as it is."""
    trees.write(tmp_path, {b"link": Link(target.encode()), b"near": Link(b"sub/../x")})
    made = manifest.build(tmp_path)
    assert made.entries[0] == ("link", "l", 0, target)
    assert len(made.notes) == 1
    assert target in made.notes[0]


def test_check_comes_before_hashing(tmp_path: Path) -> None:
    """A data set that must not travel is refused without being read."""
    with open(tmp_path / "huge.bin", "wb") as file:
        file.truncate(1 << 40)

    def check(found: object) -> None:
        assert found == [("huge.bin", "f", 1 << 40)]
        raise errors.SyncRefused("too large")

    with pytest.raises(errors.SyncRefused, match="too large"):
        manifest.build(tmp_path, check=check)


def test_empty_project(tmp_path: Path) -> None:
    """A project in which everything is ignored is refused with what to look at."""
    trees.write(tmp_path, {b".gitignore": File(b"*\n"), b"a": File(b"")})
    with pytest.raises(errors.SyncRefused, match="nothing to send"):
        manifest.build(tmp_path)


@pytest.fixture
def nobodys_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of a user for whom modes count, as they do not for root; we are that user."""
    user = os.geteuid()
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/nonexistent")
    with tempfile.TemporaryDirectory() as folder:
        if user == 0:
            os.chown(folder, NOBODY, -1)
            os.seteuid(NOBODY)
        try:
            yield Path(folder)
        finally:
            os.seteuid(user)


@pytest.mark.parametrize("path", ["secret.txt", "sub/secret.txt"])
def test_what_cannot_be_read_is_named(path: str, nobodys_folder: Path) -> None:
    """A file or a folder without the right to read is told, with how to leave it out."""
    trees.write(nobodys_folder, {os.fsencode(path): File(b"")})
    top = path.split("/")[0]
    (nobodys_folder / top).chmod(0)
    with pytest.raises(errors.SyncRefused, match=f"cannot read .*{top}") as caught:
        manifest.build(nobodys_folder)
    assert ".gitignore" in caught.value.hint


def test_file_written_to_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    """One change during the reading is no problem: the second reading counts."""
    path = tmp_path / "log"
    path.write_bytes(b"old")
    readings: list[bytes] = []

    def read(file: BufferedReader) -> str:
        readings.append(file.read())
        if len(readings) == 1:
            path.write_bytes(b"newer")
        return readings[-1].decode()

    state, content = manifest.steadily(str(path), read)
    assert (state.st_size, content) == (5, "newer")


@pytest.mark.parametrize("how", ["written to", "replaced"])
def test_file_that_keeps_changing_is_refused(how: str, tmp_path: Path) -> None:
    """A file that somebody is writing to is named, not sent half-written."""
    path = tmp_path / "log"
    path.write_bytes(b"0")

    def read(file: BufferedReader) -> str:
        place = path if how == "written to" else tmp_path / "new"
        place.write_bytes(file.read() + b"1")
        os.replace(place, path)
        return ""

    with pytest.raises(errors.SyncRefused, match="log is being written to"):
        manifest.steadily(str(path), read)
