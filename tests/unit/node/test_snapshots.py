from __future__ import annotations

import hashlib
import io
import json
import multiprocessing
import os
import shutil
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from overnight.node import manifests, snapshots

FILES = {"train.py": b"print(1)\n", "sub/run.sh": b"#!/bin/sh\n", "sub/empty": b""}
LINKS = {"latest": "sub/run.sh"}
EXECUTABLE = {"sub/run.sh"}
# A file system of its own, of 128 kB, at $0, that only the command sees.
SMALL_DISK = ("unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=128k none "$0" && exec "$@"')
FILL_DISK = """
import json, os, sys
from overnight.node import manifests, snapshots
disk = sys.argv[1] + "/disk"
p = disk + "/p"
made = json.load(open(sys.argv[1] + "/manifest"))
archive = open(sys.argv[1] + "/archive", "rb").read()
name = manifests.identify(made)
incoming = snapshots.begin(p, name, "n")["incoming"]
def put_whole(): snapshots.put(p, name, made, None, incoming, archive)
try:
    ACTION
except snapshots.SnapshotError as error:
    print(error.code, os.listdir(p + "/incoming"), os.listdir(disk))
"""


def may_mount() -> bool:
    try:
        return subprocess.run([*SMALL_DISK, "/mnt", "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def manifest(
    files: Mapping[str, bytes] = FILES, links: Mapping[str, str] = LINKS
) -> dict[str, Any]:
    rows: list[list[Any]] = [[path, "l", 0, target] for path, target in links.items()]
    for path, content in files.items():
        kind = "x" if path in EXECUTABLE else "f"
        rows.append([path, kind, len(content), hashlib.sha256(content).hexdigest()])
    return {"files": sorted(rows)}


def archive(files: Mapping[str, bytes] = FILES) -> bytes:
    def add(tar: tarfile.TarFile) -> None:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))

    return packed(add)


def packed(add: Callable[[tarfile.TarFile], None]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        add(tar)
    return data.getvalue()


def put(
    project: Path,
    files: Mapping[str, bytes] = FILES,
    *,
    sent: bytes | None = None,
    base: str | None = None,
    nonce: str = "n",
) -> str:
    """Sends `files`, or of them only what the archive `sent` holds; returns the snapshot's id."""
    made = manifest(files)
    name = manifests.identify(made)
    begun = snapshots.begin(str(project), name, nonce)
    if not begun["have"]:
        data = archive(files) if sent is None else sent
        snapshots.put(str(project), name, made, base, begun["incoming"], data)
    return name


def refused(code: str, call: Callable[[], Any]) -> str:
    with pytest.raises(snapshots.SnapshotError) as caught:
        call()
    assert caught.value.code == code
    return caught.value.message


def content(folder: Path) -> dict[str, bytes | str]:
    found: dict[str, bytes | str] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = os.readlink(path)
        elif path.is_file():
            found[name] = path.read_bytes()
    return found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return tmp_path / "projects" / "p"


def test_first_contact(project: Path) -> None:
    """Nothing is there yet: the laptop gets a folder to send to, and again when it asks again."""
    name = manifests.identify(manifest())
    begun = snapshots.begin(str(project), name, "n")
    incoming = str(project / "incoming" / f"{name}.n")
    assert begun == {"have": False, "latest": None, "latest_path": None, "incoming": incoming}
    assert os.path.isdir(incoming)
    assert snapshots.begin(str(project), name, "n") == begun


def test_put_makes_a_read_only_snapshot(project: Path) -> None:
    """Files are 0444, programs 0555, links as they were; nothing is left in incoming."""
    name = put(project)
    folder = project / "snapshots" / name
    assert content(folder) == {**FILES, **LINKS}
    assert stat.S_IMODE((folder / "train.py").stat().st_mode) == 0o444
    assert stat.S_IMODE((folder / "sub/run.sh").stat().st_mode) == 0o555
    assert os.listdir(project / "incoming") == []
    assert snapshots.read_manifest(str(project), name) == manifest()
    assert snapshots.begin(str(project), name, "m")["have"]


def test_latest_is_the_newest_that_is_there(project: Path) -> None:
    """Notes beside the manifests, and manifests without a snapshot, are passed over."""
    first, second = put(project), put(project, {"a": b"2"})
    for number, name in enumerate((first, second)):
        os.utime(project / "manifests" / f"{name}.json", (number, number))
    (project / "manifests" / f"{second}.git.json").write_text("{}")
    (project / "manifests" / f"{'f' * 16}.json").write_text("{}")
    begun = snapshots.begin(str(project), "0" * 16, "n")
    assert (begun["latest"], begun["latest_path"]) == (second, str(project / "snapshots" / second))
    shutil.rmtree(project / "snapshots" / second)
    assert snapshots.begin(str(project), "0" * 16, "n")["latest"] == first


def test_unchanged_files_are_linked_to_the_base(project: Path) -> None:
    """Content that the base has is not sent, under whatever name it was there."""
    first = put(project)
    changed = {**FILES, "train.py": b"print(2)\n", "moved.py": FILES["train.py"]}
    second = put(project, changed, sent=archive({"train.py": b"print(2)\n"}), base=first)
    folders = [project / "snapshots" / each for each in (first, second)]
    assert content(folders[1]) == {**changed, **LINKS}
    assert os.path.samefile(folders[0] / "sub/run.sh", folders[1] / "sub/run.sh")
    assert os.path.samefile(folders[0] / "train.py", folders[1] / "moved.py")
    assert content(folders[0]) == {**FILES, **LINKS}


@pytest.mark.parametrize("damage", ["never there", "no manifest", "file deleted"])
def test_base_that_is_gone(damage: str, project: Path) -> None:
    """The laptop is told so, and can send everything."""
    base = put(project)
    if damage == "never there":
        base = "0" * 16
    elif damage == "no manifest":
        (project / "manifests" / f"{base}.json").unlink()
    else:
        (project / "snapshots" / base / "train.py").unlink()
    changed = {**FILES, "new.py": b"3"}
    sent = archive({"new.py": b"3"})
    refused("base_missing", lambda: put(project, changed, sent=sent, base=base, nonce="m"))
    assert os.listdir(project / "incoming") == []


@pytest.mark.parametrize(
    "sent",
    [{}, {**FILES, "train.py": b"print(2)\n"}],
    ids=["file not sent", "other bytes"],
)
def test_mismatch_names_the_files(sent: dict[str, bytes], project: Path) -> None:
    """What is not as in the manifest never gets a name."""
    message = refused("mismatch", lambda: put(project, sent=archive(sent)))
    assert "'train.py'" in message
    assert not (project / "snapshots").exists()
    assert os.listdir(project / "incoming") == []


def member(name: str = "train.py", **fields: Any) -> Callable[[tarfile.TarFile], None]:
    def add(tar: tarfile.TarFile) -> None:
        item = tarfile.TarInfo(name)
        for field, value in fields.items():
            setattr(item, field, value)
        tar.addfile(item, io.BytesIO(b"\0" * item.size))

    return add


@pytest.mark.parametrize(
    "add",
    [
        member("../outside", size=1),
        member("/tmp/outside", size=1),
        member("unknown", size=1),
        member("latest", size=1),
        member("sub/empty", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        member("sub/empty", type=tarfile.LNKTYPE, linkname="/etc/passwd"),
        member("sub/empty", type=tarfile.CHRTYPE),
        member("sub/empty", type=tarfile.DIRTYPE),
        member(type=tarfile.CONTTYPE, size=9),
        member(size=10**6),
    ],
)
def test_unexpected_members_are_refused(
    add: Callable[[tarfile.TarFile], None], project: Path
) -> None:
    """An archive can make nothing but the regular files of the manifest."""
    refused("bad_archive", lambda: put(project, sent=packed(add)))
    assert os.listdir(project / "incoming") == []


@pytest.mark.parametrize("cut", [0, 10, 60])
def test_damaged_archive(cut: int, project: Path) -> None:
    """An archive that breaks off is an error, not a smaller project."""
    refused("bad_archive", lambda: put(project, sent=archive()[:cut]))


def test_archive_in_parts(project: Path) -> None:
    """Parts may come twice; the last one travels with `put`."""
    made, data = manifest(), archive()
    name = manifests.identify(made)
    incoming = snapshots.begin(str(project), name, "n")["incoming"]
    for part in (0, 0, 1):
        piece = data[part * 50 : part * 50 + 50]
        snapshots.put_part(str(project), name, incoming, part, piece)
    snapshots.put(str(project), name, made, None, incoming, data[100:], parts=2)
    assert content(project / "snapshots" / name) == {**FILES, **LINKS}


def incoming_with(project: Path, files: Mapping[str, bytes] = FILES) -> tuple[str, str]:
    """As rsync leaves it: writable files of any mode; (snapshot id, incoming)."""
    name = manifests.identify(manifest())
    incoming = snapshots.begin(str(project), name, "n")["incoming"]
    for path, data in files.items():
        place = Path(incoming, path)
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(data)
    for path, target in LINKS.items():
        os.symlink(target, os.path.join(incoming, path))
    return name, incoming


def test_commit_makes_the_same_snapshot(project: Path, tmp_path: Path) -> None:
    """Files that came by rsync make the same snapshot as those of an archive."""
    name, incoming = incoming_with(project)
    snapshots.commit(str(project), name, manifest(), incoming)
    other = tmp_path / "other"
    assert put(other) == name
    one, two = project / "snapshots" / name, other / "snapshots" / name
    assert content(one) == content(two)
    modes = [[path.lstat().st_mode for path in sorted(each.rglob("*"))] for each in (one, two)]
    assert modes[0] == modes[1]


@pytest.mark.parametrize("extra", ["more.py", ".train.py.Xy12", "sub/more"])
def test_commit_refuses_more_than_the_manifest(extra: str, project: Path) -> None:
    """Also what a broken rsync left behind does not become part of a snapshot."""
    name, incoming = incoming_with(project, {**FILES, extra: b""})
    message = refused(
        "mismatch", lambda: snapshots.commit(str(project), name, manifest(), incoming)
    )
    assert extra in message
    assert not os.path.exists(incoming)


def test_every_verb_can_be_repeated(project: Path) -> None:
    """An answer that was lost costs nothing but asking again."""
    name, incoming = incoming_with(project)
    for _ in range(2):
        snapshots.commit(str(project), name, manifest(), incoming)
    for _ in range(2):
        snapshots.put(str(project), name, manifest(), None, incoming, archive())
        snapshots.discard(str(project), name, incoming)
    assert content(project / "snapshots" / name) == {**FILES, **LINKS}
    assert os.listdir(project / "incoming") == []


def send_together(project: Path, nonce: str, start: Any, problems: Any) -> None:
    """What each laptop's process on the server does."""
    start.wait()
    try:
        put(project, nonce=nonce)
    except BaseException as error:
        problems.put(repr(error))


def test_laptops_at_once(project: Path) -> None:
    """Several that send the same snapshot at a time all succeed, and one snapshot stands."""
    forking = multiprocessing.get_context("fork")
    start, problems = forking.Barrier(6), forking.SimpleQueue()
    laptops = [
        forking.Process(target=send_together, args=(project, f"n{number}", start, problems))
        for number in range(6)
    ]
    for laptop in laptops:
        laptop.start()
    for laptop in laptops:
        laptop.join()
    assert problems.empty(), problems.get()
    name = manifests.identify(manifest())
    assert content(project / "snapshots" / name) == {**FILES, **LINKS}
    assert os.listdir(project / "incoming") == []


def test_manifest_that_was_lost_comes_back(project: Path) -> None:
    """A snapshot without its manifest is not `have`; sending it again mends that."""
    name = put(project)
    (project / "manifests" / f"{name}.json").unlink()
    put(project, nonce="m")
    assert snapshots.read_manifest(str(project), name) == manifest()


@pytest.mark.parametrize("name", ["", "../../x", "0123456789ABCDEF", "0" * 15])
def test_ids_cannot_lead_elsewhere(name: str, project: Path) -> None:
    """Only the names that we give are taken."""
    refused("bad_request", lambda: snapshots.begin(str(project), name, "n"))


@pytest.mark.parametrize("nonce", ["", "a/b", "..", "a.b", "\u00fc", "n" * 65])
def test_nonces_cannot_lead_elsewhere(nonce: str, project: Path) -> None:
    """A nonce is part of a folder's name."""
    refused("bad_request", lambda: snapshots.begin(str(project), "0" * 16, nonce))


@pytest.mark.parametrize(
    "where", ["/etc", "{p}/snapshots/{n}", "{p}/incoming/../{n}.n", "{p}/incoming/f.n"]
)
def test_transfers_lie_in_incoming_only(where: str, project: Path) -> None:
    """A folder that the laptop names may be removed later, so it must be its own transfer."""
    name = put(project)
    place = where.format(p=project, n=name)
    refused("bad_request", lambda: snapshots.discard(str(project), name, place))
    refused("bad_request", lambda: snapshots.commit(str(project), name, manifest(), place))
    assert (project / "snapshots" / name).exists()


def test_manifest_must_be_that_of_the_snapshot(project: Path) -> None:
    """The id is recomputed, so a snapshot never carries another one's name."""
    incoming = snapshots.begin(str(project), "0" * 16, "n")["incoming"]
    project_dir, name = str(project), "0" * 16
    refused("bad_manifest", lambda: snapshots.commit(project_dir, name, manifest(), incoming))
    refused("bad_manifest", lambda: snapshots.put(project_dir, name, {}, None, incoming, b""))


def test_work_is_a_writable_copy(project: Path, tmp_path: Path) -> None:
    """A run may change its files; the snapshot never notices."""
    name = put(project)
    work = tmp_path / "work"
    snapshots.copy_to_work(str(project), name, str(work))
    assert content(work) == {**FILES, **LINKS}
    for path in FILES:
        assert (work / path).stat().st_nlink == 1
        assert (work / path).stat().st_mode & stat.S_IWUSR
        assert bool((work / path).stat().st_mode & stat.S_IXUSR) == (path in EXECUTABLE)
        (work / path).write_bytes(b"changed")
    assert content(project / "snapshots" / name) == {**FILES, **LINKS}


def test_work_is_made_once(project: Path, tmp_path: Path) -> None:
    """A second call changes nothing in a work copy that is in use, and clears up after a crash."""
    name = put(project)
    work = tmp_path / "work"
    (tmp_path / "work.copying-dead" / "sub").mkdir(parents=True)
    snapshots.copy_to_work(str(project), name, str(work))
    (work / "train.py").write_bytes(b"mine")
    snapshots.copy_to_work(str(project), name, str(work))
    assert (work / "train.py").read_bytes() == b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["projects", "work"]


@pytest.mark.parametrize("damage", ["snapshot", "manifest", "file"])
def test_work_needs_a_whole_snapshot(damage: str, project: Path, tmp_path: Path) -> None:
    """A snapshot that is gone or shorter than its manifest says starts no run."""
    name = put(project)
    file = project / "snapshots" / name / "train.py"
    if damage == "snapshot":
        shutil.rmtree(project / "snapshots" / name)
    elif damage == "manifest":
        (project / "manifests" / f"{name}.json").unlink()
    else:
        file.chmod(0o644)
        file.write_bytes(b"")
    refused(
        "no_snapshot", lambda: snapshots.copy_to_work(str(project), name, str(tmp_path / "work"))
    )
    assert [path.name for path in tmp_path.iterdir()] == ["projects"]


def test_sweep_removes_abandoned_transfers_only(project: Path, tmp_path: Path) -> None:
    """Old transfers go; those in which something moved, and all outside of incoming, stay."""
    name = put(project)
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "data").write_bytes(b"1")
    incoming = snapshots.begin(str(project), "0" * 16, "n")["incoming"]
    os.symlink(precious, os.path.join(incoming, "link"))
    os.mkdir(os.path.join(incoming, "sub"))
    moved = os.stat(incoming).st_ctime
    assert snapshots.sweep_incoming(str(project), moved + 10, 60.0) == []
    assert snapshots.sweep_incoming(str(project), moved + 100, 60.0) == [f"{'0' * 16}.n"]
    assert os.listdir(project / "incoming") == []
    assert (precious / "data").exists() and (project / "snapshots" / name).exists()
    assert snapshots.sweep_incoming(str(tmp_path / "no project"), moved, 60.0) == []


@pytest.mark.parametrize(
    ("size", "action"),
    [
        (200_000, "snapshots.put(p, name, made, None, incoming, archive)"),
        (200_000, "snapshots.put_part(p, name, incoming, 0, bytes(200_000))"),
        (70_000, "put_whole(); snapshots.copy_to_work(p, name, disk + '/work')"),
    ],
)
@pytest.mark.skipif(not may_mount(), reason="a full disk needs the right to mount one (unshare)")
def test_full_disk(size: int, action: str, tmp_path: Path) -> None:
    """On a disk that is full for real, the code says so and what was half done is gone."""
    files = {"big.bin": bytes(size)}
    (tmp_path / "manifest").write_text(json.dumps(manifest(files, {})))
    (tmp_path / "archive").write_bytes(archive(files))
    (tmp_path / "disk").mkdir()
    python = [sys.executable, "-S", "-c", FILL_DISK.replace("ACTION", action)]
    argv = [*SMALL_DISK, str(tmp_path / "disk"), *python, str(tmp_path)]
    source = Path(snapshots.__file__).parents[2]
    done = subprocess.run(
        argv, env={**os.environ, "PYTHONPATH": str(source)}, capture_output=True, text=True
    )
    assert done.stdout == "disk_full [] ['p']\n", done.stderr


def test_names_do_not_depend_on_the_servers_locale(project: Path, tmp_path: Path) -> None:
    """On a server whose locale knows ASCII only, bytes still arrive as they were."""
    files = {"gr\u00fc\u00df.py": b"1", "\udcff": b"2", "\U0001f600/x": b"3"}
    name = put(project, files)
    code = (
        "import sys; from overnight.node import snapshots as s;"
        "assert sys.getfilesystemencoding() != 'utf-8';"
        "p, n, w, i, d = sys.argv[1:]; s.copy_to_work(p, n, w); m = s.read_manifest(p, n);"
        "s.put(d, n, m, None, s.begin(d, n, 'n')['incoming'], open(i, 'rb').read())"
    )
    (tmp_path / "archive").write_bytes(archive(files))
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    environ = {"PYTHONPATH": str(Path(snapshots.__file__).parents[2]), **ascii_only}
    places = [tmp_path / "work", tmp_path / "archive", tmp_path / "other"]
    argv = [sys.executable, "-S", "-c", code, str(project), name, *map(str, places)]
    subprocess.run(argv, env=environ, check=True)
    made = tmp_path / "other" / "snapshots" / name
    assert content(made) == content(tmp_path / "work") == {**files, **LINKS}
