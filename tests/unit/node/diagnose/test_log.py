"""What of a log is read: its ends, in bounded memory, with the line numbers of the whole."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path

import pytest

from overnight.node import diagnose
from overnight.node.diagnose import log as log_module
from tests.unit.node.diagnose import logs

LAST = logs.raising("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.")
LARGE = 3 << 20


class OneByOne(io.BytesIO):
    """A pipe that hands out little at a time."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size or 0, 1000))


def test_a_small_log_is_read_whole(tmp_path: Path) -> None:
    """Lines are numbered from 1."""
    path = tmp_path / "output.log"
    path.write_text("one\ntwo\n")
    log = diagnose.Log.of_file(str(path))
    assert [(line.number, line.text) for line in log.lines[:2]] == [(1, "one"), (2, "two")]
    assert log.gap == 0


@pytest.mark.parametrize("how", ["file", "bytes", "stream"])
def test_of_a_large_log_the_ends_are_read(how: str, tmp_path: Path) -> None:
    """The last line has its number in the whole log; the middle is not there."""
    data = b"first\n" + b"x" * 99 + b"\n" + b"step 1\n" * 200_000 + b"last"
    (tmp_path / "output.log").write_bytes(data)
    log = {
        "file": lambda: diagnose.Log.of_file(str(tmp_path / "output.log")),
        "bytes": lambda: diagnose.Log.of_bytes(data),
        "stream": lambda: diagnose.Log.of_stream(OneByOne(data)),
    }[how]()
    assert log.lines[0] == diagnose.Line(1, "first")
    assert log.lines[-1] == diagnose.Line(200_003, "last")
    assert sum(len(line.text) for line in log.lines) < 400_000
    assert log.lines[log.gap].number > log.lines[log.gap - 1].number + 1


def test_one_line_without_an_end(tmp_path: Path) -> None:
    """A sparse file of 3 GB: nothing but zeros, then a failure. Memory stays small."""
    path = tmp_path / "output.log"
    with path.open("wb") as file:
        file.truncate(log_module.COUNTED_BYTES + 10)
        file.seek(0, io.SEEK_END)
        file.write(b"\n" + LAST.encode())
    tracemalloc.start()
    log = diagnose.Log.of_file(str(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20
    assert diagnose.diagnose(log, diagnose.Seen(exit_code=1)).kind == "cuda_oom"


def test_half_a_secret_is_not_kept(tmp_path: Path) -> None:
    """Where the log is cut, what the scrubbing could not recognise is left out."""
    secret = b"s3cr3t-of-ada-"
    path = tmp_path / "output.log"
    path.write_bytes(secret * 60_000)
    log = diagnose.Log.of_file(str(path), lambda data: data.replace(secret, b"***"))
    assert not any("s3cr" in line.text or "cr3t" in line.text for line in log.lines)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("size", [100, LARGE])
def test_utf_16(encoding: str, size: int) -> None:
    """As PowerShell writes it, with and without a byte order mark, short and long."""
    text = "step 1 loss 0.5\n" * (size // 32) + LAST
    assert logs.kind(text.encode(encoding), exit_code=1) == "cuda_oom"


@pytest.mark.parametrize("data", [b"", b"\n", b"\r", b"\0" * 5000, bytes(range(256)) * 40])
def test_nothing_and_rubbish(data: bytes) -> None:
    """Healthy as long as nobody says that it failed, and unknown if somebody does."""
    assert logs.kind(data) == "running"
    assert logs.kind(data, exit_code=0) == "finished"
    assert logs.kind(data, exit_code=1) == "unknown"
