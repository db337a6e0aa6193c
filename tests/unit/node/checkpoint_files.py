"""Writers of small checkpoint files, in the formats that trainings use."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np


def torch_zip(values: int = 100) -> bytes:
    """What torch.save writes since 1.6: a zip of a pickle and raw storages, not compressed."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"epoch": 3}, protocol=2))
        archive.writestr("archive/data/0", bytes(range(256)) * values)
        archive.writestr("archive/version", "3\n")
    return content.getvalue()


def torch_zip_without_checksums() -> bytes:
    """As with torch.serialization.set_crc32_options(False): every checksum is zero."""
    content = bytearray(torch_zip())
    for start, offset in ((b"PK\x03\x04", 14), (b"PK\x01\x02", 16)):
        at = content.find(start)
        while at >= 0:
            content[at + offset : at + offset + 4] = bytes(4)
            at = content.find(start, at + 4)
    return bytes(content)


def old_torch(values: int = 10, storage: str = "FloatStorage") -> bytes:
    """What torch.save wrote before 1.6, with one tensor of `values` 4-byte numbers."""
    persistent = (
        b"(X\x07\0\0\0storagectorch\n" + storage.encode() + b"\n"
        b"X\x01\0\0\x000X\x03\0\0\0cpuK" + bytes([values]) + b"NtQ"
    )
    rebuilt = b"ctorch._utils\n_rebuild_tensor_v2\n(" + persistent + b"K\0tR"
    system = {"protocol_version": 1001, "little_endian": True}
    return b"".join(
        [
            pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2),
            pickle.dumps(1001, protocol=2),
            pickle.dumps(system, protocol=2),
            b"\x80\x02}X\x01\0\0\0w" + rebuilt + b"s.",
            pickle.dumps(["0"], protocol=2),
            struct.pack("<q", values),
            bytes(4 * values),
        ]
    )


def npz(compressed: bool = False) -> bytes:
    content = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(content, weights=np.arange(500.0))
    return content.getvalue()


def safetensors(values: int = 10) -> bytes:
    header = {
        "__metadata__": {"format": "pt"},
        "w": {"dtype": "F32", "shape": [values], "data_offsets": [0, 4 * values]},
    }
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(4 * values)


def plain_pickle() -> bytes:
    return pickle.dumps({"weights": list(range(300))})


def trainer_folder(folder: Path, *, shards: int = 0) -> Path:
    """What the Hugging Face Trainer leaves in `checkpoint-N/`."""
    folder.mkdir(parents=True)
    (folder / "optimizer.pt").write_bytes(torch_zip())
    (folder / "rng_state.pth").write_bytes(torch_zip())
    if shards:
        names = [f"model-{n:05}-of-{shards:05}.safetensors" for n in range(1, shards + 1)]
        index = {"weight_map": {f"layer{n}": name for n, name in enumerate(names)}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    else:
        names = ["model.safetensors"]
    for name in names:
        (folder / name).write_bytes(safetensors())
    (folder / "trainer_state.json").write_text('{"global_step": 500}')
    return folder
