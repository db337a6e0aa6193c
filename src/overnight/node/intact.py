"""Is a checkpoint file whole? Judged by its own format, without loading what is in it.

Each function returns what is wrong, or None. A file whose format does not say where it ends is
whole when it is not empty.
"""

from __future__ import annotations

import json
import os
import struct
from typing import Any, BinaryIO, Callable

ZIP_START = b"PK\x03\x04"
PICKLE_START = b"\x80"
# The first pickle of torch's format before 1.6: protocol 2, its magic number, the end.
OLD_TORCH_START = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
CRC_LIMIT_BYTES = 64 << 20
HEADER_LIMIT_BYTES = 100 << 20


def problem(path: str) -> str | None:
    """For one file, by the ending of its name."""
    name = path[: -len(".tar")] if path.endswith(".pth.tar") else path
    check = CHECKS.get(os.path.splitext(name)[1].lower())
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size == 0:
                return "the file is empty"
            return check(file, size) if check else None
    except OSError as error:
        return error.strerror or str(error)


def torch_file(file: BinaryIO, size: int) -> str | None:
    """torch.save and Lightning write a zip; before torch 1.6, and by request, pickles."""
    start = peek(file, len(OLD_TORCH_START))
    if start.startswith(ZIP_START):
        return zip_file(file, size)
    if start == OLD_TORCH_START:
        return old_torch_file(file, size)
    return pickle_file(file, size)


def peek(file: BinaryIO, count: int) -> bytes:
    file.seek(0)
    start = file.read(count)
    file.seek(0)
    return start


# -- zip --------------------------------------------------------------------------------------


def zip_file(file: BinaryIO, size: int) -> str | None:
    """The directory stands at the end, so a half-written zip has none."""
    import zipfile

    try:
        with zipfile.ZipFile(file) as archive:
            wrong = misplaced_entry(file, archive)
            # torch.serialization.set_crc32_options(False) leaves every checksum at zero.
            has_checksums = any(entry.CRC for entry in archive.infolist())
            if wrong is None and has_checksums and size <= CRC_LIMIT_BYTES:
                wrong = archive.testzip()
    except (NotImplementedError, RuntimeError):
        return None  # a compression or an encryption that we cannot read; the directory is whole
    except OSError:
        raise
    except Exception as error:  # damaged content makes the decoders raise whatever they like
        return f"not a whole zip: {error}"
    return None if wrong is None else f"the entry {wrong} is damaged"


def misplaced_entry(file: BinaryIO, archive: Any) -> str | None:
    """The first entry whose header or content is not where the directory says."""
    for entry in archive.infolist():
        file.seek(entry.header_offset)
        header = file.read(30)
        if len(header) < 30 or not header.startswith(ZIP_START):
            return str(entry.filename)
        name_length, extra_length = struct.unpack("<HH", header[26:30])
        end = entry.header_offset + 30 + name_length + extra_length + entry.compress_size
        if end > archive.start_dir:
            return str(entry.filename)
    return None


# -- safetensors ------------------------------------------------------------------------------


def safetensors_file(file: BinaryIO, size: int) -> str | None:
    """8 bytes of length, a JSON header with the tensors' places, then exactly the tensors."""
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(size - 8, HEADER_LIMIT_BYTES):
        return "the safetensors header is cut off"
    try:
        header = json.loads(file.read(length))
        ends = [each["data_offsets"][1] for key, each in header.items() if key != "__metadata__"]
        expected = 8 + length + max(ends, default=0)
    except (ValueError, AttributeError, KeyError, IndexError, TypeError):
        return "the safetensors header is damaged"
    return None if size == expected else f"{size} bytes instead of {expected}"


# -- pickle -----------------------------------------------------------------------------------


def pickle_file(file: BinaryIO, size: int) -> str | None:
    """A pickle starts with its protocol and ends with its stop sign, `.`.

    One that was cut just after a byte of that value passes; reading it all would cost too much.
    """
    if peek(file, 1) != PICKLE_START:
        return "neither a zip nor a pickle"
    file.seek(size - 1)
    return None if file.read(1) == b"." else "the pickle is cut off"


def old_torch_file(file: BinaryIO, size: int) -> str | None:
    """Five pickles, the fourth is the object, the last names the storages; then their bytes."""
    try:
        storages: dict[str, int] = {}
        for _ in range(4):
            _, storages = skeleton(file)
        keys, _ = skeleton(file)
        expected = file.tell() + sum(storages[key] for key in keys)
    except UnknownStorageError:
        return None  # all pickles are whole, and how long the rest must be cannot be told
    except OSError:
        raise
    except Exception:  # pickle: "other exceptions may also be raised during unpickling"
        return "the pickle is damaged"
    return None if size == expected else f"{size} bytes instead of {expected}"


ELEMENT_BYTES = {
    **dict.fromkeys(("Bool", "Byte", "Char", "QInt8", "QUInt8"), 1),
    **dict.fromkeys(("Half", "BFloat16", "Short"), 2),
    **dict.fromkeys(("Float", "Int", "QInt32"), 4),
    **dict.fromkeys(("Double", "Long", "ComplexFloat"), 8),
    "ComplexDouble": 16,
}


class UnknownStorageError(Exception):
    """A storage type that was not known when this was written."""


def skeleton(file: BinaryIO) -> tuple[Any, dict[str, int]]:
    """The next pickle of the file and the length in bytes of each storage that it names.

    Nothing of the pickle's is imported or called: every class and function is an empty stand-in.
    """
    import pickle

    storages: dict[str, int] = {}

    class Reader(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            return type(name, (StandIn,), {})

        def persistent_load(self, told: Any) -> type[StandIn]:
            """("storage", class, key, place, count, view); other marks carry no data."""
            if told[0] == "storage":
                storages[told[2]] = 8 + told[4] * element_bytes(told[1].__name__)
            return StandIn

    return Reader(file).load(), storages


class StandIn:
    """Lets a pickle do with it what it does with the real object."""

    def __init__(self, *args: object) -> None:
        pass

    def __call__(self, *args: object) -> StandIn:
        return self

    def __setstate__(self, state: object) -> None:
        pass

    def __setitem__(self, key: object, value: object) -> None:
        pass

    def extend(self, items: object) -> None:
        pass

    append = add = extend


def element_bytes(storage: str) -> int:
    kind = storage[: -len("Storage")]
    if kind not in ELEMENT_BYTES:
        raise UnknownStorageError(storage)
    return ELEMENT_BYTES[kind]


CHECKS: dict[str, Callable[[BinaryIO, int], str | None]] = {
    **dict.fromkeys((".pt", ".pth", ".ckpt", ".bin"), torch_file),
    **dict.fromkeys((".pkl", ".pickle"), pickle_file),
    **dict.fromkeys((".npz", ".keras"), zip_file),
    ".safetensors": safetensors_file,
}
