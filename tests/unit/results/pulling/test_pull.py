from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from overnight.core import errors
from overnight.ports import Reply, Request
from overnight.results.pulling import landing, pull, remote
from tests.unit.results.pulling.serving import FolderServer

LOG = "attempts/1/output.log"
MIB = 1 << 20


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "server" / "train01"
    write(folder / "spec.json", b"{}")
    write(folder / "state.json", b'{"state":"running"}')
    write(folder / LOG, b"line\n" * 10)
    write(folder / "work/outputs/deep/er/curve.png", bytes(range(256)) * 10000)
    write(folder / "work/outputs/Empty.txt", b"")
    return folder


@pytest.fixture
def server(run: Path) -> FolderServer:
    return FolderServer(run)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return tmp_path / "laptop" / "results" / "train01"


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def bring(server: FolderServer, here: Path, **options: object) -> pull.Pulled:
    return pull.pull(server, "clip", "train01", here, **options)  # type: ignore[arg-type]


def tree(folder: Path) -> dict[str, bytes]:
    """Path -> content of all files, without the pull's own folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and landing.STATE_FOLDER not in path.parts
    }


def parts(here: Path) -> list[Path]:
    return list((here / landing.STATE_FOLDER).glob("*.part"))


def test_everything_shown_arrives_byte_for_byte(
    server: FolderServer, run: Path, here: Path
) -> None:
    """After a pull the folder holds the same files, and no part is left."""
    pulled = bring(server, here)
    assert tree(here) == tree(run)
    assert sorted(pulled.files) == sorted(tree(run))
    assert pulled.bytes == sum(map(len, tree(run).values()))
    assert parts(here) == []


def test_second_pull_asks_once(server: FolderServer, here: Path) -> None:
    """Nothing new costs one question and no bytes."""
    bring(server, here)
    server.asked.clear()
    pulled = bring(server, here)
    assert (pulled.files, pulled.unchanged, pulled.bytes) == ((), 5, 0)
    assert [request.verb for request in server.asked] == ["files_list"]


def test_same_content_of_another_time_does_not_travel(
    server: FolderServer, run: Path, here: Path
) -> None:
    """A file that was only touched is recognised by its hash, and from then on by its time."""
    bring(server, here)
    os.utime(run / LOG, ns=(1, 1))
    server.asked.clear()
    assert bring(server, here).bytes == 0
    assert server.count("file_digest") == 1
    assert (here / LOG).stat().st_mtime_ns == 1


def test_same_size_other_content_travels(server: FolderServer, run: Path, here: Path) -> None:
    """A file of the same size with other bytes is renewed."""
    bring(server, here)
    write(run / "state.json", b'{"state":"stopped"}')
    assert bring(server, here).files == ("state.json",)
    assert (here / "state.json").read_bytes() == b'{"state":"stopped"}'


def test_grown_log_sends_only_its_new_bytes(server: FolderServer, run: Path, here: Path) -> None:
    """Of a log that grew only what is new travels, and the whole is verified."""
    bring(server, here)
    with (run / LOG).open("ab") as log:
        log.write(b"more\n")
    pulled = bring(server, here)
    assert (pulled.files, pulled.bytes) == ((LOG,), 5)
    assert tree(here) == tree(run)


def test_log_that_grows_meanwhile_is_whole_as_far_as_listed(
    server: FolderServer, run: Path, here: Path
) -> None:
    """Bytes that come while the pull goes on wait for the next one."""

    def grow(request: Request) -> None:
        if request.verb == "file_read" and request.args["path"] == LOG:
            with (run / LOG).open("ab") as log:
                log.write(b"late\n")

    server.before = grow
    bring(server, here)
    assert (here / LOG).read_bytes() == b"line\n" * 10


def test_log_that_was_written_anew_is_fetched_from_the_start(
    server: FolderServer, run: Path, here: Path
) -> None:
    """A longer file that does not begin with what is here is noticed and fetched whole."""
    bring(server, here)
    write(run / LOG, b"other\n" * 20)
    bring(server, here)
    assert (here / LOG).read_bytes() == b"other\n" * 20


def test_file_rewritten_meanwhile_is_never_mixed(
    server: FolderServer, run: Path, here: Path
) -> None:
    """A record that is replaced between listing and reading arrives in one of its versions."""
    versions = [b'{"state":"running","attempt":3}', b'{"state":"repairing","attempt":2}']

    def replace(request: Request) -> None:
        if request.verb == "file_read" and request.args["path"] == "state.json" and versions:
            write(run / "state.json", versions.pop())

    server.before = replace
    bring(server, here)
    assert (here / "state.json").read_bytes() == b'{"state":"running","attempt":3}'


def test_file_that_keeps_changing_is_left_for_the_next_pull(
    server: FolderServer, run: Path, here: Path
) -> None:
    """What never stands still is named, and the rest of the pull is not held up."""
    size = iter(range(10, 100))

    def churn(request: Request) -> None:
        if request.verb == "file_read" and request.args["path"] == "state.json":
            write(run / "state.json", b"x" * next(size))

    server.before = churn
    pulled = bring(server, here)
    assert [(each.path, each.reason) for each in pulled.skipped] == [
        ("state.json", "kept changing"),
    ]
    assert not (here / "state.json").exists()
    assert (here / LOG).exists()


def test_file_that_vanishes_meanwhile_is_named(server: FolderServer, run: Path, here: Path) -> None:
    """A temporary file of the training that is gone by now does not end the pull."""
    write(run / "work/outputs/tmp.png", b"soon gone")

    def remove(request: Request) -> None:
        if request.verb == "file_read":
            (run / "work/outputs/tmp.png").unlink(missing_ok=True)

    server.before = remove
    pulled = bring(server, here)
    assert [(each.path, each.reason) for each in pulled.skipped] == [
        ("work/outputs/tmp.png", "gone"),
    ]
    assert tree(here) == tree(run)


@pytest.mark.parametrize("answers", range(1, 13))
def test_pull_that_was_cut_goes_on(
    server: FolderServer, run: Path, here: Path, answers: int
) -> None:
    """Wherever the link is cut, no half file has a name, and the next pull goes on."""
    server.cut_after = answers
    with pytest.raises(errors.Unreachable):
        bring(server, here)
    half = tree(here) if here.exists() else {}
    assert all(tree(run)[path] == content for path, content in half.items())
    before = server.read_bytes()
    server.cut_after = 1 << 30
    bring(server, here)
    assert tree(here) == tree(run)
    assert server.read_bytes() == sum(map(len, tree(run).values()))
    assert server.read_bytes() >= before


def test_part_of_an_older_version_is_started_over(
    server: FolderServer, run: Path, here: Path
) -> None:
    """Bytes kept from a version that is gone by now never reach the file."""
    image = run / "work/outputs/deep/er/curve.png"
    server.before = lambda request: setattr(
        server, "cut_after", 0 if request.args.get("offset") == MIB else server.cut_after
    )
    with pytest.raises(errors.Unreachable):
        bring(server, here)
    server.before, server.cut_after = (lambda _: None), 1 << 30
    assert parts(here)
    write(image, b"new" * MIB)
    bring(server, here)
    assert tree(here) == tree(run)


def test_bytes_spoiled_once_are_fetched_again(server: FolderServer, run: Path, here: Path) -> None:
    """A file whose hash is wrong is fetched a second time."""
    spoiled = iter([True])

    def spoil(request: Request, reply: Reply) -> Reply:
        if request.verb == "file_read" and request.args["path"] == LOG and next(spoiled, False):
            return Reply({}, b"X" * len(reply.payload))
        return reply

    server.spoil = spoil
    bring(server, here)
    assert tree(here) == tree(run)


@pytest.mark.parametrize("path", [LOG, "spec.json"])
def test_bytes_spoiled_twice_are_an_error_that_names_the_file(
    server: FolderServer, here: Path, path: str
) -> None:
    """A file that never fits its hash is named in the error and gets no name here."""

    def spoil(request: Request, reply: Reply) -> Reply:
        wrong = request.verb == "file_read" and request.args["path"] == path
        return Reply({}, reply.payload[:-1] + b"X") if wrong else reply

    server.spoil = spoil
    with pytest.raises(errors.ServerError, match=path):
        bring(server, here)
    assert not (here / path).exists()
    assert (here / "state.json").exists()


@pytest.mark.parametrize("change", [b"", b"too long for what was asked for " * 10])
def test_answers_of_the_wrong_length_are_never_published(
    server: FolderServer, here: Path, change: bytes
) -> None:
    """A payload shorter or longer than asked for counts as not arrived."""
    server.spoil = lambda request, reply: (
        Reply({}, change) if request.args.get("path") == "spec.json" and not reply.data else reply
    )
    with pytest.raises(errors.ServerError, match=r"spec\.json"):
        bring(server, here)


def test_weights_stay_unless_included(server: FolderServer, run: Path, here: Path) -> None:
    """Weights are named as skipped; `include` brings them, `skip` leaves more out."""
    write(run / "work/outputs/model.pt", b"weights")
    assert [each.path for each in bring(server, here).skipped] == ["work/outputs/model.pt"]
    pulled = bring(server, here, include=["*.pt"], skip=["*.png"])
    assert pulled.files == ("work/outputs/model.pt",)
    assert [each.path for each in pulled.skipped] == ["work/outputs/deep/er/curve.png"]


def test_local_files_are_never_deleted(server: FolderServer, run: Path, here: Path) -> None:
    """What is gone on the server, and what somebody put here, stays."""
    bring(server, here)
    (run / LOG).unlink()
    write(here / "notes.md", b"mine")
    bring(server, here)
    assert (here / LOG).exists()
    assert (here / "notes.md").read_bytes() == b"mine"


def test_progress_counts_to_the_end(server: FolderServer, run: Path, here: Path) -> None:
    """The last report says that all bytes came."""
    seen: list[tuple[str, int, int]] = []
    bring(server, here, progress=lambda *report: seen.append(report))
    assert seen[-1][1] == seen[-1][2] == sum(map(len, tree(run).values()))


def listing(*paths: str) -> Reply:
    files = [{"path": path, "size": 3, "mtime_ns": 5} for path in paths]
    return Reply({"files": files, "skipped": []})


@pytest.mark.parametrize(
    "path",
    ["/etc/cron.d/x", "../x", "a/../../x", "a//x", "", ".", "a/", "./a", ".pull/lock", "a\0b"],
)
def test_path_that_leads_outside_ends_the_pull(server: FolderServer, here: Path, path: str) -> None:
    """A server that names such a path is refused before anything is written."""
    server.spoil = lambda request, reply: (
        listing("good.txt", path) if request.verb == "files_list" else reply
    )
    with pytest.raises(errors.ServerError, match="outside"):
        bring(server, here)
    assert not here.exists()


@pytest.mark.parametrize("path", ["a\x1b[2Jb", "a\nb", "tab\tb", "\ud800"])
def test_odd_names_are_left_out(server: FolderServer, here: Path, path: str) -> None:
    """A name with control characters, or that no file can have, is skipped and named."""
    server.spoil = lambda request, reply: listing(path) if request.verb == "files_list" else reply
    assert bring(server, here).skipped == (remote.Skipped(path=path, size=3, reason="odd name"),)


@pytest.mark.parametrize(
    "files",
    [
        None,
        [5],
        [{"path": "a"}],
        [{"path": 5, "size": 1, "mtime_ns": 1}],
        [{"path": "a", "size": -1, "mtime_ns": 1}],
        [{"path": "a", "size": 1, "mtime_ns": 1e300}],
        [{"path": "a", "size": True, "mtime_ns": 1}],
        [{"path": "a", "size": 1 << 70, "mtime_ns": 1}],
    ],
)
def test_garbled_listing_is_one_clear_error(
    server: FolderServer, here: Path, files: object
) -> None:
    """An answer that is not a listing is said to be garbled."""
    server.spoil = lambda *_: Reply({"files": files, "skipped": []})
    with pytest.raises(errors.ServerError, match="garbled"):
        bring(server, here)


def test_link_in_the_destination_is_not_followed(
    server: FolderServer, here: Path, tmp_path: Path
) -> None:
    """A link where a folder or a file belongs is an error that names it; nothing goes through."""
    outside = tmp_path / "outside"
    outside.mkdir()
    here.mkdir(parents=True)
    (here / "attempts").symlink_to(outside)
    with pytest.raises(errors.UsageError, match="attempts"):
        bring(server, here)
    (here / "attempts").unlink()
    (here / "spec.json").symlink_to(outside / "spec.json")
    with pytest.raises(errors.UsageError, match=r"spec\.json"):
        bring(server, here)
    assert list(outside.iterdir()) == []


def test_link_in_the_folder_of_parts_is_not_followed(
    server: FolderServer, here: Path, tmp_path: Path
) -> None:
    """The folder of the parts itself may not be a link."""
    here.mkdir(parents=True)
    (here / landing.STATE_FOLDER).symlink_to(tmp_path)
    with pytest.raises(errors.UsageError):
        bring(server, here)


def test_one_pull_at_a_time(server: FolderServer, here: Path) -> None:
    """A second pull of the same run says that one is under way."""
    with landing.Landing(here), pytest.raises(errors.UsageError, match="under way"):
        bring(server, here)
    bring(server, here)


def test_too_little_room_is_said_before_anything_travels(server: FolderServer, here: Path) -> None:
    """A run larger than the disk is refused with both sizes."""
    huge = {"path": "huge.log", "size": 1 << 62, "mtime_ns": 1}
    server.spoil = lambda *_: Reply({"files": [huge], "skipped": []})
    with pytest.raises(errors.UsageError, match=r"needs .* MiB and .* has .* MiB free"):
        bring(server, here)
    assert server.count("file_read") == 0


def test_disk_full_is_explained(here: Path) -> None:
    """No space left while writing names the file and what to do; the part stays."""
    with landing.Landing(here) as place:
        full = pytest.raises(errors.UsageError, match=r"no space left .* a\.log")
        with full as caught, place.part("a.log", 0) as part:
            part.write(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        assert "pull again" in caught.value.hint
        assert place.part_size("a.log") == 4
    assert tree(here) == {}


def test_read_only_destination_is_explained(server: FolderServer, tmp_path: Path) -> None:
    """A destination that is a file is one clear line."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(errors.UsageError, match="taken"):
        bring(server, tmp_path / "taken")


def test_cut_before_the_listing_leaves_no_folder(server: FolderServer, here: Path) -> None:
    """An unreachable server leaves nothing half-done behind."""
    server.cut_after = 0
    with pytest.raises(errors.Unreachable):
        bring(server, here)
    assert not here.exists()
