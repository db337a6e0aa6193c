from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overnight.node import files


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "train01"
    write(folder / "spec.json", "{}")
    write(folder / "state.json", "{}")
    write(folder / "events.jsonl", "{}\n")
    write(folder / "secrets", "HF_TOKEN=abc")
    for name in ("start.json", "exit.json", "environment.json", "output.log", "shim", "heartbeat"):
        write(folder / "attempts" / "1" / name, name)
    write(folder / "work" / "outputs" / "a" / "b.txt", "hello")
    write(folder / "work" / "metrics.jsonl", "{}\n")
    write(folder / "work" / "train.py", "code")
    write(tmp_path / "outside.txt", "private")
    return folder


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def listed(run: Path, skip: Sequence[str] = (), include: Sequence[str] = ()) -> list[str]:
    answer = files.listing(str(run), ["outputs"], skip, include)
    return [each["path"] for each in answer["files"]]


def test_listing_names_records_outputs_and_metrics_only(run: Path) -> None:
    """Records, outputs and `metrics.jsonl` are shown; secrets, shim and code are not."""
    assert listed(run) == [
        "attempts/1/environment.json",
        "attempts/1/exit.json",
        "attempts/1/output.log",
        "attempts/1/start.json",
        "events.jsonl",
        "spec.json",
        "state.json",
        "work/metrics.jsonl",
        "work/outputs/a/b.txt",
    ]


def test_listing_tells_size_and_time(run: Path) -> None:
    """Each entry holds the size in bytes and the time in nanoseconds of the file."""
    entry = files.listing(str(run), ["outputs"])["files"][-1]
    info = (run / "work/outputs/a/b.txt").stat()
    assert (entry["size"], entry["mtime_ns"]) == (5, info.st_mtime_ns)


@pytest.mark.parametrize(
    "name",
    ["m.pt", "M.PT", "m.pth", "m.ckpt", "m.bin", "m.safetensors", "ckpt_3.npz", "checkpoint.npz"],
)
def test_weights_stay_on_the_server(run: Path, name: str) -> None:
    """Checkpoints and weights are named as skipped, with their size."""
    write(run / "work/outputs" / name, "12345")
    answer = files.listing(str(run), ["outputs"])
    assert answer["skipped"] == [
        {"path": f"work/outputs/{name}", "size": 5, "reason": "pattern"},
    ]


def test_other_npz_travels(run: Path) -> None:
    """An `.npz` with results is not a checkpoint."""
    write(run / "work/outputs/predictions.npz", "x")
    assert "work/outputs/predictions.npz" in listed(run)


def test_skipped_folder_is_one_entry(run: Path) -> None:
    """A checkpoint folder is named once, with the size of all that is in it."""
    write(run / "work/outputs/checkpoint-100/trainer_state.json", "123")
    write(run / "work/outputs/checkpoint-100/deep/rng.json", "45")
    assert files.listing(str(run), ["outputs"])["skipped"] == [
        {"path": "work/outputs/checkpoint-100/", "size": 5, "reason": "pattern"},
    ]


def test_include_wins_over_skip(run: Path) -> None:
    """What the user includes travels although it is skipped by default or by a pattern."""
    write(run / "work/outputs/checkpoint-100/trainer_state.json", "123")
    write(run / "work/outputs/image.png", "123")
    paths = listed(run, ["*.png", "*.txt"], ["trainer_state.json", "outputs/a/*"])
    assert "work/outputs/checkpoint-100/trainer_state.json" in paths
    assert "work/outputs/a/b.txt" in paths
    assert "work/outputs/image.png" not in paths


def test_links_are_never_followed(run: Path) -> None:
    """Links to files and folders are left out, and an output that is a link is named."""
    (run / "work/outputs/leak.txt").symlink_to(run.parent / "outside.txt")
    (run / "work/outputs/all").symlink_to(run.parent)
    (run / "work/linked").symlink_to(run.parent)
    answer = files.listing(str(run), ["outputs", "linked", "linked/train01"])
    assert not [each for each in answer["files"] if "outside" in each["path"]]
    assert answer["skipped"] == [{"path": "work/linked", "size": 0, "reason": "link"}]


def test_an_output_may_be_a_file_or_missing(run: Path) -> None:
    """A declared output may be one file; one that was never written is passed over."""
    answer = files.listing(str(run), ["train.py", "nothing", "outputs/../train.py"])
    assert "work/train.py" in [each["path"] for each in answer["files"]]


@pytest.mark.parametrize("output", ["..", "../..", "/etc", "a/../../.."])
def test_outputs_outside_of_work_are_refused(run: Path, output: str) -> None:
    """An output that leads out of `work` is refused, not listed."""
    with pytest.raises(files.Refused):
        files.listing(str(run), [output])


def test_listing_of_nothing(tmp_path: Path) -> None:
    """A run that has no folder yet has no files."""
    assert files.listing(str(tmp_path / "none"), ["outputs"]) == {"files": [], "skipped": []}


def test_read_returns_the_part_asked_for(run: Path) -> None:
    """Offset and length select bytes; past the end there are none."""
    assert files.read(str(run), "work/outputs/a/b.txt", 1, 3) == b"ell"
    assert files.read(str(run), "work/outputs/a/b.txt", 3, 100) == b"lo"
    assert files.read(str(run), "work/outputs/a/b.txt", 9, 100) == b""
    assert files.read(str(run), "work/outputs/gone.txt", 0, 100) == b""


@pytest.mark.parametrize(
    "path",
    [
        "secrets",
        "../train01/spec.json",
        "work/../secrets",
        "work/./../secrets",
        "/etc/passwd",
        "work//outputs/a/b.txt",
        "attempts/1/shim",
        "attempts/../secrets",
        "attempts/x/output.log",
        "work",
        "work/outputs",
        "work/outputs/leak.txt",
        "work/outputs/all/outside.txt",
        "work/outputs/pipe",
        "work/outputs/a/b.txt/c",
        "work/a\0b",
        "",
    ],
)
def test_paths_that_lead_elsewhere_are_refused(run: Path, path: str) -> None:
    """Private files, links on the way, climbing paths and special files are never opened."""
    (run / "work/outputs/leak.txt").symlink_to(run.parent / "outside.txt")
    (run / "work/outputs/all").symlink_to(run.parent)
    os.mkfifo(run / "work/outputs/pipe")
    with pytest.raises(files.Refused):
        files.read(str(run), path, 0, 10)
    with pytest.raises(files.Refused):
        files.digest(str(run), path, 10)


def test_logs_of_the_ranks_are_shown_and_nothing_beside_them(run: Path) -> None:
    """What else lies in their folder is the launcher's own; a link is not followed."""
    folder = run / "attempts/1/ranks"
    write(folder / "none_x/attempt_0/1/stderr.log", "oh")
    write(folder / "20260101000000_rank0.log", "ah")
    write(folder / "none_x/attempt_0/1/error.json", "{}")
    (folder / "a_rank3.log").symlink_to(run.parent / "outside.txt")
    shown = [path for path in listed(run) if "ranks" in path]
    assert shown == [
        "attempts/1/ranks/20260101000000_rank0.log",
        "attempts/1/ranks/none_x/attempt_0/1/stderr.log",
    ]
    assert files.read(str(run), shown[1], 0, 9) == b"oh"
    for name in ("a_rank3.log", "none_x/attempt_0/1/error.json", "../shim", "1/../a_rank0.log"):
        with pytest.raises(files.Refused):
            files.read(str(run), f"attempts/1/ranks/{name}", 0, 9)


def test_digest_of_the_first_bytes(run: Path) -> None:
    """A log that grew since it was listed is checked as far as it was listed."""
    (run / "attempts/1/output.log").write_bytes(b"one\ntwo\n")
    first = hashlib.sha256(b"one\n").hexdigest()
    assert files.digest(str(run), "attempts/1/output.log", 4) == first


def test_digest_of_what_is_shorter_or_gone(run: Path) -> None:
    """There is no digest of bytes that are not there any more."""
    assert files.digest(str(run), "work/outputs/a/b.txt", 6) is None
    assert files.digest(str(run), "work/outputs/gone", 1) is None


def test_names_that_are_not_utf8_can_be_read(run: Path) -> None:
    """A name of arbitrary bytes is listed and served under the same spelling."""
    name = os.fsdecode(b"caf\xe9.txt")
    write(run / "work/outputs" / name, "x")
    assert f"work/outputs/{name}" in listed(run)
    assert files.read(str(run), f"work/outputs/{name}", 0, 9) == b"x"


PIECES = st.sampled_from(
    ["..", ".", "", "work", "attempts", "1", "secrets", "outputs", "link", "~"]
)


@settings(max_examples=50, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=7).map("/".join) | st.text(max_size=20))
def test_no_path_reaches_what_is_private(
    tmp_path_factory: pytest.TempPathFactory, path: str
) -> None:
    """Whatever is asked, the secret is never among the bytes that come back."""
    base = tmp_path_factory.getbasetemp() / "private"
    if not base.exists():
        write(base / "run/secrets", "secret")
        write(base / "run/work/outputs/1", "public")
        write(base / "secrets", "secret")
        (base / "run/work/link").symlink_to(base)
    try:
        content = files.read(str(base / "run"), path, 0, 100)
    except ValueError:
        return
    assert content in (b"", b"public")
