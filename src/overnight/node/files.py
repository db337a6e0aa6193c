"""What a run has to show: the files that may be pulled, read and checked over the pipe.

`listing` is the answer to the verb `files_list`, `read` the payload of `file_read`, `digest` the
check of `file_digest`. Links are never followed, at any depth.
"""

from __future__ import annotations

import fnmatch
import os
import stat
from typing import Any, Iterator, NamedTuple, Sequence

from overnight.node import rank_logs

# Checkpoints and weights stay on the server. A pattern that ends in "/" means a folder.
SKIP = (
    "*.pt",
    "*.pth",
    "*.ckpt",
    "*.bin",
    "*.safetensors",
    "*ckpt*.npz",
    "checkpoint*.npz",
    "checkpoint-*/",
)
RECORDS = ("spec.json", "state.json", "events.jsonl")
ATTEMPT_RECORDS = ("start.json", "exit.json", "environment.json", "output.log")
CHUNK_BYTES = 1 << 20
LARGEST_READ_BYTES = 8 * CHUNK_BYTES
_NO_LINK = os.O_NOFOLLOW | os.O_CLOEXEC


class Refused(ValueError):
    """The path is not one that a run may serve."""


class _Found(NamedTuple):
    path: str
    info: os.stat_result


def listing(
    run_dir: str,
    outputs: Sequence[str],
    skip: Sequence[str] | None = None,
    include: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Returns {"files": [{"path", "size", "mtime_ns"}], "skipped": [{"path", "size", "reason"}]}.

    Files are the run's records and the regular files under `work/<outputs>`, with paths relative
    to `run_dir`. `skip` adds to `SKIP`; `include` wins over both. A skipped folder is one entry
    (its path ends in "/", its size is the sum). `reason` is "pattern", or "link" for an output
    that is a link. Raises Refused for an output outside of `work`.
    """
    files = {found.path: found.info for found in _records(run_dir)}
    skipped = dict.fromkeys(_linked(run_dir, outputs), (0, "link"))
    for found in _outputs(run_dir, outputs):
        name = _skipped_as(found.path[len("work/") :], (*SKIP, *(skip or ())), include or ())
        if name is None:
            files[found.path] = found.info
        elif found.path not in files:
            size, _ = skipped.get(f"work/{name}", (0, ""))
            skipped[f"work/{name}"] = (size + found.info.st_size, "pattern")
    return {"files": _files_json(files), "skipped": _skipped_json(skipped)}


def _files_json(files: dict[str, os.stat_result]) -> list[dict[str, Any]]:
    return [
        {"path": path, "size": info.st_size, "mtime_ns": info.st_mtime_ns}
        for path, info in sorted(files.items())
    ]


def _skipped_json(skipped: dict[str, tuple[int, str]]) -> list[dict[str, Any]]:
    return [
        {"path": path, "size": size, "reason": reason}
        for path, (size, reason) in sorted(skipped.items())
    ]


def read(run_dir: str, path: str, offset: int, length: int) -> bytes:
    """Up to `length` bytes (at most 8 MiB) from `offset`; fewer where the file ends or is gone."""
    _refuse_private(path)
    try:
        fd = _open(run_dir, path)
    except FileNotFoundError:
        return b""
    try:
        return _read_fully(fd, max(0, offset), min(length, LARGEST_READ_BYTES))
    finally:
        os.close(fd)


def digest(run_dir: str, path: str, size: int) -> str | None:
    """sha256 hex of the first `size` bytes; None where the file is shorter by now, or gone.

    A log that has grown since it was listed can so be checked as far as it was listed.
    """
    import hashlib

    _refuse_private(path)
    try:
        fd = _open(run_dir, path)
    except FileNotFoundError:
        return None
    try:
        hasher, left = hashlib.sha256(), size
        while left > 0 and (chunk := os.read(fd, min(CHUNK_BYTES, left))):
            hasher.update(chunk)
            left -= len(chunk)
    finally:
        os.close(fd)
    return hasher.hexdigest() if left == 0 else None


def _refuse_private(path: str) -> None:
    """Only what `listing` may name is served: never `secrets`, never the shim's own files."""
    parts = _parts(path)
    record = len(parts) == 1 and parts[0] in RECORDS
    inside = len(parts) > 2 and parts[0] == "attempts" and parts[1].isdigit()
    attempt = inside and len(parts) == 3 and parts[2] in ATTEMPT_RECORDS
    rank = inside and parts[2] == rank_logs.FOLDER and rank_logs.named("/".join(parts[3:]))
    work = len(parts) > 1 and parts[0] == "work"
    if not (record or work or attempt or rank):
        raise Refused(f"not a file that a run shows: {path!r}")


def _parts(path: str) -> list[str]:
    """The names on the way. Refuses what is absolute, empty or climbs."""
    parts = path.split("/")
    if "\0" in path or any(part in ("", ".", "..") for part in parts):
        raise Refused(f"not a path inside of the run: {path!r}")
    return parts


def _open(run_dir: str, path: str) -> int:
    """A descriptor of the regular file; each name on the way is opened without following links."""
    parts = _parts(path)
    folder = _open_folder(run_dir, parts[:-1])
    try:
        # O_NONBLOCK: opening a pipe somebody left in the outputs must not hang the node.
        fd = os.open(parts[-1], os.O_RDONLY | os.O_NONBLOCK | _NO_LINK, dir_fd=folder)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Refused(f"cannot be opened: {path!r}: {error.strerror}") from error
    finally:
        os.close(folder)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise Refused(f"not a regular file: {path!r}")
    return fd


def _open_folder(run_dir: str, parts: Sequence[str]) -> int:
    fd = os.open(run_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for part in parts:
        try:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | _NO_LINK, dir_fd=fd)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise Refused(f"a link or no folder: {part!r}") from error
        finally:
            os.close(fd)
        fd = inner
    return fd


def _read_fully(fd: int, offset: int, length: int) -> bytes:
    chunks = []
    while length > 0:
        chunk = os.pread(fd, length, offset)
        if not chunk:
            break
        chunks.append(chunk)
        offset += len(chunk)
        length -= len(chunk)
    return b"".join(chunks)


def _records(run_dir: str) -> Iterator[_Found]:
    try:
        attempts = sorted(filter(str.isdigit, os.listdir(os.path.join(run_dir, "attempts"))))
    except OSError:
        attempts = []
    for name in RECORDS:
        yield from _one(run_dir, name)
    for number in attempts:
        for name in ATTEMPT_RECORDS:
            yield from _one(run_dir, f"attempts/{number}/{name}")
        ranks = f"attempts/{number}/{rank_logs.FOLDER}"
        for log in rank_logs.listed(os.path.join(run_dir, ranks)):
            yield from _one(run_dir, f"{ranks}/{log.path}")
    yield from _one(run_dir, "work/metrics.jsonl")


def _one(run_dir: str, path: str) -> Iterator[_Found]:
    """The file if it is a regular one, reached without links; nothing otherwise."""
    try:
        fd = _open(run_dir, path)
    except (OSError, Refused):
        return
    try:
        yield _Found(path, os.fstat(fd))
    finally:
        os.close(fd)


def _linked(run_dir: str, outputs: Sequence[str]) -> Iterator[str]:
    """Outputs that are links, or lie behind one: named, so that nobody wonders where they are."""
    for output in outputs:
        parts = os.path.normpath(output).split("/")
        for depth in range(1, len(parts) + 1):
            path = "/".join(["work", *parts[:depth]])
            if os.path.islink(os.path.join(run_dir, path)):
                yield path
                break


def _outputs(run_dir: str, outputs: Sequence[str]) -> Iterator[_Found]:
    """Regular files under the declared outputs; an output may itself be one file."""
    for output in outputs:
        clean = os.path.normpath(output)
        parts = ["work", *([] if clean == "." else _parts(clean))]
        try:
            fd = _open_folder(run_dir, parts)
        except FileNotFoundError:
            continue
        except Refused:
            yield from _one(run_dir, "/".join(parts))
            continue
        try:
            yield from _walk(fd, "/".join(parts))
        finally:
            os.close(fd)


def _walk(fd: int, prefix: str) -> Iterator[_Found]:
    for folder, _, names, folder_fd in os.fwalk(".", dir_fd=fd, follow_symlinks=False):
        inner = os.path.normpath(f"{prefix}/{folder}")
        for name in names:
            try:
                info = os.stat(name, dir_fd=folder_fd, follow_symlinks=False)
            except OSError:
                continue
            if stat.S_ISREG(info.st_mode):
                yield _Found(f"{inner}/{name}", info)


def _skipped_as(path: str, skip: Sequence[str], include: Sequence[str]) -> str | None:
    """What the skipped list calls this file: itself, or the folder above it; None if it travels.

    A pattern without "/" is tried on the name, one with "/" on the path below `work`; capital
    letters do not matter (`MODEL.PT` is as large as `model.pt`).
    """
    if any(_matches(path, pattern) is not None for pattern in include):
        return None
    for pattern in skip:
        found = _matches(path, pattern)
        if found is not None:
            return found
    return None


def _matches(path: str, pattern: str) -> str | None:
    if pattern.endswith("/"):
        parts = path.split("/")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            if _fits(folder, pattern[:-1]):
                return folder + "/"
        return None
    return path if _fits(path, pattern) else None


def _fits(path: str, pattern: str) -> bool:
    name = path if "/" in pattern else path.rsplit("/", 1)[-1]
    return fnmatch.fnmatchcase(name.lower(), pattern.lower())
