from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import pytest

from overnight.node import manifests, trees


def entry(path: str, content: bytes = b"1", kind: str = "f") -> manifests.Entry:
    return manifests.Entry(path, kind, len(content), hashlib.sha256(content).hexdigest())


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_differences_are_found(tmp_path: Path) -> None:
    """Missing, additional, changed, of another kind, and folders that hold nothing."""
    for name in ("same", "wrong size", "other size", "other bytes", "too many", "pipe?"):
        (tmp_path / name).write_bytes(b"1")
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("here")
    (tmp_path / "was file").symlink_to("same")
    os.unlink(tmp_path / "pipe?")
    os.mkfifo(tmp_path / "pipe?")
    entries = [
        entry("same"),
        entry("other size", b"12"),
        entry("wrong size")._replace(size=2),
        entry("other bytes", b"2"),
        entry("missing/deep"),
        entry("pipe?"),
        entry("was file"),
        manifests.Entry("link", "l", 0, "there"),
    ]
    expected = ["empty", "link", "missing/deep", "other bytes", "other size", "pipe?"]
    assert trees.differences(str(tmp_path), entries) == [
        *expected,
        "too many",
        "was file",
        "wrong size",
    ]


def test_equal_folder_has_no_differences(tmp_path: Path) -> None:
    """Strange names are compared by their bytes."""
    name = b"gr\xfc\xdf\n"
    os.mkdir(os.path.join(os.fsencode(tmp_path), b"d"))
    with open(os.path.join(os.fsencode(tmp_path), b"d", name), "wb") as file:
        file.write(b"1")
    decoded = "d/" + name.decode("utf-8", "surrogateescape")
    assert trees.differences(str(tmp_path), [entry(decoded)]) == []


def test_mode_of_a_shared_file_stays(tmp_path: Path) -> None:
    """A file with a second name gets a copy, so that the other name keeps its mode."""
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(b"x")
    old.chmod(0o444)
    os.link(old, new)
    trees.set_mode(bytes(new), 0o444)
    assert os.path.samefile(old, new)
    trees.set_mode(bytes(new), 0o555)
    assert (mode(old), mode(new), new.read_bytes()) == (0o444, 0o555, b"x")


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    """A new file never replaces what is there, nor what a link points to."""
    (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / "link").symlink_to("victim")
    for name in ("victim", "link"):
        with pytest.raises(FileExistsError):
            trees.write(bytes(tmp_path / name), io.BytesIO(b"new"))
    assert (tmp_path / "victim").read_bytes() == b"precious"


@pytest.mark.parametrize("size", [0, 1, 300_000])
def test_copies_are_files_of_their_own(size: int, tmp_path: Path) -> None:
    """The bytes are equal, the mode is the one asked for, and the original is not shared."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(size))
    source.chmod(0o444)
    assert trees.copy(bytes(source), bytes(target), 0o755) == size
    assert target.read_bytes() == source.read_bytes()
    assert (target.stat().st_nlink, mode(target) & 0o700) == (1, 0o700)


@pytest.mark.skipif(not os.path.isdir("/dev/shm"), reason="needs a second file system")
def test_copy_across_file_systems(tmp_path: Path) -> None:
    """Where the kernel cannot share or copy by itself, the bytes are copied by us."""
    source = Path("/dev/shm") / f"overnight-test-{os.getpid()}"
    source.write_bytes(b"x" * 1000)
    try:
        assert trees.copy(bytes(source), bytes(tmp_path / "copy"), 0o644) == 1000
        trees.link(bytes(source), bytes(tmp_path / "link"))
    finally:
        source.unlink()
    assert (tmp_path / "link").read_bytes() == (tmp_path / "copy").read_bytes() == b"x" * 1000
