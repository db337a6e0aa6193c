from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from overnight.core import errors
from overnight.ports import Request
from overnight.sync import manifest, transfer
from tests.unit.sync import trees
from tests.unit.sync.in_process import InProcess
from tests.unit.sync.trees import File, Link

WAYS = ("pipe", "parts", "rsync")
EDITED = {b"train.py": File(b"print(2)\n"), b"data/new.txt": File(b"new")}
TREE: dict[bytes, File | Link] = {
    b"train.py": File(b"print(1)\n"),
    b"run.sh": File(b"#!/bin/sh\n", executable=True),
    b"data/labels.txt": File(b"a\nb\n"),
    b"data/empty": File(b""),
    b"latest": Link(b"data/labels.txt"),
}


def limits(way: str) -> Iterator[None]:
    """Lets small trees go the ways that are meant for large ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer, "PIPE_LIMIT_BYTES", -1 if way == "rsync" else 1 << 30)
        patch.setattr(transfer, "PART_BYTES", 64 if way == "parts" else 1 << 20)
        yield


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Iterator[str]:
    for _ in limits(request.param):
        yield request.param


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return trees.write(tmp_path / "laptop", TREE)


@pytest.fixture
def server(tmp_path: Path) -> InProcess:
    return InProcess(tmp_path / "server")


def push(server: InProcess, root: Path, *, nonce: str = "n", **options: Any) -> transfer.Pushed:
    """Like a laptop that has never seen any of the server's snapshots, unless told otherwise."""
    made = manifest.build(root)
    return transfer.push(
        server, "p", root, made, nonce=nonce, **{"known": lambda _: None, **options}
    )


def snapshot(server: InProcess, pushed: transfer.Pushed) -> Path:
    return Path(server.folder, "snapshots", pushed.snapshot)


def test_first_snapshot_arrives(way: str, server: InProcess, root: Path) -> None:
    """Files, links and exec bits arrive, read-only, whichever way they took."""
    pushed = push(server, root)
    assert pushed.how == ("rsync" if way == "rsync" else "pipe")
    assert trees.read(snapshot(server, pushed)) == TREE
    modes = {stat.S_IMODE(os.lstat(snapshot(server, pushed) / "train.py").st_mode)}
    modes.add(stat.S_IMODE(os.lstat(snapshot(server, pushed) / "run.sh").st_mode))
    assert modes == {0o444, 0o555}
    assert os.listdir(Path(server.folder, "incoming")) == []


def test_unchanged_costs_one_round_trip(server: InProcess, root: Path) -> None:
    """What the server has is asked for once and never sent."""
    push(server, root)
    server.asked.clear()
    pushed = push(server, root, nonce="again")
    assert server.asked == ["snapshot_begin"]
    assert (pushed.how, pushed.transferred_files, pushed.transferred_bytes) == ("unchanged", 0, 0)


def test_round_trips_of_a_change(server: InProcess, root: Path) -> None:
    """A small change costs two round trips, and a third where the base is not known here."""
    first = push(server, root)
    trees.write(root, {b"train.py": File(b"print(2)\n")})
    server.asked.clear()
    push(server, root, known={first.snapshot: first.manifest}.get)
    assert server.asked == ["snapshot_begin", "snapshot_put"]
    trees.write(root, {b"train.py": File(b"print(3)\n")})
    server.asked.clear()
    push(server, root)
    assert server.asked == ["snapshot_begin", "snapshot_manifest", "snapshot_put"]


def test_only_new_content_is_sent(server: InProcess, root: Path) -> None:
    """A moved file is content that the server has; the others share one inode with the base."""
    first = push(server, root)
    os.rename(root / "data" / "labels.txt", root / "classes.txt")
    trees.write(root, {b"train.py": File(b"print(2)\n")})
    second = push(server, root)
    assert (second.transferred_files, second.transferred_bytes) == (1, 9)
    same = [snapshot(server, each) / "run.sh" for each in (first, second)]
    assert os.path.samefile(*same)


def test_new_mode_is_sent_as_a_change(server: InProcess, root: Path) -> None:
    """The same bytes with another exec bit are another file, sent at the first try."""
    push(server, root)
    os.chmod(root / "run.sh", 0o644)
    server.asked.clear()
    assert push(server, root).transferred_files == 1
    assert server.asked == ["snapshot_begin", "snapshot_manifest", "snapshot_put"]


def test_second_try_builds_on_nothing(
    server: InProcess, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a mismatch rsync gets no link-dest: the older snapshot may be what is wrong."""
    monkeypatch.setattr(transfer, "PIPE_LIMIT_BYTES", -1)
    bases: list[bool] = []

    def rsync(
        source: Path, files: Sequence[str], destination: str, *, link_dest: str | None
    ) -> bool:
        bases.append(link_dest is not None)
        return InProcess.rsync(server, source, files, destination, link_dest=link_dest)

    push(server, root)
    made = manifest.build(trees.write(root, EDITED))
    trees.write(root, {b"train.py": File(b"print(3)\n")})
    server.rsync = rsync  # type: ignore[method-assign]
    transfer.push(server, "p", root, made, nonce="n", known=lambda _: None)
    assert bases == [True, False]


def test_rsync_links_what_is_unchanged(server: InProcess, root: Path) -> None:
    """The newest snapshot is rsync's link-dest."""
    for _ in limits("rsync"):
        first = push(server, root)
        trees.write(root, EDITED)
        second = push(server, root)
    assert second.how == "rsync"
    assert os.path.samefile(*(snapshot(server, each) / "run.sh" for each in (first, second)))
    assert trees.read(snapshot(server, second)) == {**TREE, **EDITED}


def test_without_rsync_much_goes_through_the_pipe(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server without rsync gets large changes in parts."""
    monkeypatch.setattr(transfer, "PIPE_LIMIT_BYTES", 900)
    monkeypatch.setattr(transfer, "PART_BYTES", 1000)
    server = InProcess(tmp_path / "server", rsync=False)
    trees.write(root, {b"big.bin": File(os.urandom(1500))})
    told: list[tuple[int, int]] = []
    pushed = push(server, root, progress=lambda done, total: told.append((done, total)))
    assert server.asked == ["snapshot_begin", "snapshot_part", "snapshot_put"]
    assert pushed.how == "pipe"
    assert trees.read(snapshot(server, pushed)) == trees.read(root)
    total = told[-1][1]
    assert told[-3:] == [(0, total), (1000, total), (total, total)]


def test_earlier_snapshots_never_change(way: str, server: InProcess, root: Path) -> None:
    """Edits, deletions, new modes and new types on the laptop leave old snapshots as they are."""
    first = push(server, root)
    before, held = trees.states(snapshot(server, first)), trees.read(snapshot(server, first))
    trees.write(root, EDITED)
    os.chmod(root / "run.sh", 0o644)
    os.chmod(root / "data" / "labels.txt", 0o755)
    os.unlink(root / "data" / "empty")
    os.unlink(root / "latest")
    trees.write(root, {b"latest/now": File(b"a folder")})
    second = push(server, root)
    assert trees.read(snapshot(server, second)) == trees.read(root)
    assert trees.states(snapshot(server, first)) == before
    assert trees.read(snapshot(server, first)) == held


def test_file_edited_while_it_is_sent(way: str, server: InProcess, root: Path) -> None:
    """The snapshot then holds the new bytes under their own id, never old ones under a wrong id."""
    made = manifest.build(root)
    trees.write(root, {b"train.py": File(b"print(7)\n")})
    pushed = transfer.push(server, "p", root, made, nonce="n", known=lambda _: None)
    assert pushed.snapshot != made.id
    assert pushed.snapshot == manifest.build(root).id
    assert trees.read(snapshot(server, pushed)) == trees.read(root)
    assert os.listdir(Path(server.folder, "snapshots")) == [pushed.snapshot]
    assert os.listdir(Path(server.folder, "incoming")) == []


@pytest.mark.parametrize("change", ["gone", "shorter"])
def test_file_vanishes_before_it_is_sent(change: str, server: InProcess, root: Path) -> None:
    """A file that is gone or shorter than when it was hashed makes the manifest be built anew."""
    made = manifest.build(root)
    if change == "gone":
        os.unlink(root / "train.py")
    else:
        trees.write(root, {b"train.py": File(b"p")})
    pushed = transfer.push(server, "p", root, made, nonce="n", known=lambda _: None)
    assert trees.read(snapshot(server, pushed)) == trees.read(root)


def test_files_that_keep_changing_are_refused(server: InProcess, root: Path) -> None:
    """After the second mismatch the user is told which file it is."""
    made = manifest.build(root)

    def spoil(request: Request) -> None:
        """Another writer, between the hashing and the archive of every attempt."""
        if request.verb == "snapshot_begin":
            trees.write(root, {b"train.py": File(os.urandom(9))})

    server.before = spoil
    with pytest.raises(errors.SyncRefused, match=r"train\.py"):
        transfer.push(server, "p", root, made, nonce="n", known=lambda _: None)
    assert not os.path.exists(Path(server.folder, "snapshots"))


def test_rebuilt_manifest_is_guarded(server: InProcess, root: Path) -> None:
    """A secret that appears while files are sent does not slip through with the second try."""
    made = manifest.build(root)
    trees.write(root, {b"train.py": File(b"changed!\n"), b".env": File(b"TOKEN=1")})
    with pytest.raises(errors.SyncRefused, match=r"\.env"):
        transfer.push(server, "p", root, made, nonce="n", known=lambda _: None)
    pushed = transfer.push(server, "p", root, made, nonce="m", known=lambda _: None, allow=[".env"])
    assert (snapshot(server, pushed) / ".env").read_bytes() == b"TOKEN=1"


@pytest.mark.parametrize("damage", ["content", "deleted file", "deleted snapshot"])
def test_damaged_base_is_not_built_upon(damage: str, server: InProcess, root: Path) -> None:
    """What somebody broke in an old snapshot is sent anew."""
    first = push(server, root)
    victim = snapshot(server, first) / "run.sh"
    if damage == "content":
        victim.chmod(0o644)
        victim.write_bytes(b"#!/bin/no\n")
    elif damage == "deleted file":
        victim.unlink()
    known = {first.snapshot: first.manifest}.get
    trees.write(root, EDITED)
    if damage == "deleted snapshot":
        server.before = lambda request: (
            None
            if request.verb != "snapshot_put" or not snapshot(server, first).exists()
            else os.rename(snapshot(server, first), Path(server.folder, "gone"))
        )
    second = push(server, root, known=known)
    assert trees.read(snapshot(server, second)) == trees.read(root)


def test_given_up_rsync_leaves_nothing(server: InProcess, root: Path) -> None:
    """Where rsync fails, on a full disk for instance, what has arrived is removed."""

    def full(source: Path, files: object, destination: str, *, link_dest: str | None) -> bool:
        Path(destination, "half").write_bytes(b"half")
        raise errors.ServerError("gpu1: the disk is full", code="disk_full")

    server.rsync = full  # type: ignore[method-assign]
    for _ in limits("rsync"):
        with pytest.raises(errors.ServerError, match="full"):
            push(server, root)
    assert os.listdir(Path(server.folder, "incoming")) == []


def test_two_laptops_at_once(server: InProcess, root: Path) -> None:
    """The same snapshot sent by two laptops at a time is made once, and neither fails."""
    other = InProcess(Path(server.folder))
    done: list[transfer.Pushed] = []

    def overtake(request: Request) -> None:
        if request.verb == "snapshot_put" and not done:
            done.append(push(other, root, nonce="other"))

    server.before = overtake
    pushed = push(server, root)
    assert pushed.snapshot == done[0].snapshot
    assert trees.read(snapshot(server, pushed)) == TREE
    assert os.listdir(Path(server.folder, "incoming")) == []


COMPONENT = st.binary(min_size=1, max_size=12).map(
    lambda raw: raw.replace(b"/", b"_").replace(b"\0", b"0")
)
STRANGE = st.sampled_from(
    [
        b"-rf",
        b"new\nline",
        b"'q\"",
        b"\xff\xfe",
        "gr\u00fc\u00df".encode(),
        b"#c",
        b";",
        b" ",
        b"*",
        b"\\",
    ]
)
PATH = st.lists(COMPONENT | STRANGE, min_size=1, max_size=3).map(b"/".join)
ITEM = st.builds(File, st.binary(max_size=40), st.booleans()) | st.builds(
    Link, COMPONENT | STRANGE | st.just(b"/outside")
)
RESERVED = {b".", b"..", b".git", b".overnight", b".gitignore"}


def is_tree(tree: trees.Tree) -> bool:
    """No path is a folder of another one, and none means something to git or to us."""
    parts = [path.split(b"/") for path in tree]
    folders = {b"/".join(each[:depth]) for each in parts for depth in range(1, len(each))}
    return not folders & set(tree) and all(RESERVED.isdisjoint(each) for each in parts)


TREES = st.dictionaries(PATH, ITEM, min_size=1, max_size=5).filter(is_tree)


@pytest.mark.parametrize("how", WAYS)
@hypothesis.given(first=TREES, second=TREES)
@hypothesis.settings(max_examples=12)
def test_any_tree_arrives_byte_for_byte(how: str, first: trees.Tree, second: trees.Tree) -> None:
    """Whatever the names and the bytes, on top of whatever was there before, by every way."""
    with tempfile.TemporaryDirectory() as folder:
        server = InProcess(Path(folder, "server"))
        for number, tree in enumerate((first, second)):
            root = trees.write(Path(folder, f"laptop{number}"), tree)
            for _ in limits(how):
                pushed = push(server, root)
            assert trees.read(snapshot(server, pushed)) == tree
