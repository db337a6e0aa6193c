from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from overnight.node import intact
from tests.unit.node import checkpoint_files

WHOLE = {
    "a.pt": checkpoint_files.torch_zip(),
    "a.pth.tar": checkpoint_files.torch_zip(),
    "epoch=3-step=90.ckpt": checkpoint_files.torch_zip(),
    "without_checksums.pt": checkpoint_files.torch_zip_without_checksums(),
    "old.pt": checkpoint_files.old_torch(),
    "pickled.pt": checkpoint_files.plain_pickle(),
    "pytorch_model.bin": checkpoint_files.torch_zip(),
    "a.npz": checkpoint_files.npz(),
    "compressed.npz": checkpoint_files.npz(compressed=True),
    "a.safetensors": checkpoint_files.safetensors(),
    "a.pkl": checkpoint_files.plain_pickle(),
}


def judged(folder: Path, name: str, content: bytes) -> str | None:
    path = folder / name
    path.write_bytes(content)
    return intact.problem(str(path))


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_file_has_no_problem(tmp_path: Path, name: str) -> None:
    """Every format that trainings write is recognised as whole."""
    assert judged(tmp_path, name, WHOLE[name]) is None


@pytest.mark.parametrize("name", WHOLE)
@given(data=st.data())
@settings(max_examples=30, suppress_health_check=list(HealthCheck), deadline=None)
def test_a_file_that_was_cut_short_is_damaged(
    tmp_path: Path, name: str, data: st.DataObject
) -> None:
    """Wherever the writing stopped; only a plain pickle can end in a stop sign by chance."""
    content = WHOLE[name][: data.draw(st.integers(0, len(WHOLE[name]) - 1))]
    assume(WHOLE[name] != checkpoint_files.plain_pickle() or not content.endswith(b"."))
    assert judged(tmp_path, name, content)


@pytest.mark.parametrize("name", WHOLE)
@given(data=st.data())
@settings(max_examples=30, suppress_health_check=list(HealthCheck), deadline=None)
def test_no_content_makes_the_check_fail(tmp_path: Path, name: str, data: st.DataObject) -> None:
    """Damage of any kind is a text or nothing, never an exception."""
    content = bytearray(WHOLE[name])
    start = data.draw(st.integers(0, len(content) - 1))
    damage = data.draw(st.binary(min_size=1, max_size=40))
    content[start : start + len(damage)] = damage
    judged(tmp_path, name, bytes(content))


@pytest.mark.parametrize("name", ["a.pt", "a.npz", "compressed.npz"])
def test_zeros_in_the_middle_are_found(tmp_path: Path, name: str) -> None:
    """After a power cut a file may have its length but not its content."""
    content = bytearray(WHOLE[name])
    middle = len(content) // 2
    content[middle : middle + 64] = b"\xff" * 64
    assert judged(tmp_path, name, bytes(content))
    assert judged(tmp_path, name, bytes(len(content)))


def test_a_large_zip_is_judged_without_its_checksums(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading all of a large file would cost too much; its directory must still fit."""
    monkeypatch.setattr(intact, "CRC_LIMIT_BYTES", 1000)
    content = bytearray(WHOLE["a.pt"])
    content[len(content) // 2] ^= 0xFF
    assert judged(tmp_path, "a.pt", bytes(content)) is None
    assert judged(tmp_path, "a.pt", bytes(content[100:]))
    content[content.rfind(b"PK\x01\x02") + 20] += 200
    assert judged(tmp_path, "a.pt", bytes(content)) == "the entry archive/version is damaged"
    content[content.find(b"PK\x03\x04", 1)] = 0
    assert judged(tmp_path, "a.pt", bytes(content)) == "the entry archive/data/0 is damaged"


def test_each_problem_is_named(tmp_path: Path) -> None:
    """A person can read what is wrong with a file."""
    assert judged(tmp_path, "a.pt", b"") == "the file is empty"
    assert judged(tmp_path, "a.pt", b"hello") == "neither a zip nor a pickle"
    assert judged(tmp_path, "a.npz", b"hello") == "not a whole zip: File is not a zip file"
    assert judged(tmp_path, "a.pkl", WHOLE["a.pkl"][:-1]) == "the pickle is cut off"
    assert judged(tmp_path, "a.pt", WHOLE["old.pt"][:-4]) == "236 bytes instead of 240"
    assert judged(tmp_path, "a.pt", WHOLE["old.pt"][:40]) == "the pickle is damaged"
    cut = WHOLE["a.safetensors"]
    assert judged(tmp_path, "a.safetensors", cut[:-4]) == "141 bytes instead of 145"
    assert judged(tmp_path, "a.safetensors", cut[:20]) == "the safetensors header is cut off"
    assert intact.problem(str(tmp_path / "gone.pt")) == "No such file or directory"


@pytest.mark.parametrize("header", [[], {"w": 1}, {"w": {"data_offsets": []}}, {"w": {}}])
def test_a_safetensors_header_of_the_wrong_shape_is_damage(tmp_path: Path, header: object) -> None:
    """JSON that is not a header says so."""
    text = json.dumps(header).encode()
    content = struct.pack("<Q", len(text)) + text
    assert judged(tmp_path, "a.safetensors", content) == "the safetensors header is damaged"


def test_a_pickle_is_never_carried_out(tmp_path: Path) -> None:
    """Judging a file of the old torch format calls nothing that stands in it."""
    harm = b"\x80\x02cos\nmkdir\n(X\x04\0\0\0harmtR."
    old = WHOLE["old.pt"]
    fourth = old.index(b"\x80\x02}X\x01")
    assert judged(tmp_path, "a.pt", old[:fourth] + harm + old[fourth:])
    assert not (Path.cwd() / "harm").exists()


def test_what_cannot_be_measured_is_taken_as_whole(tmp_path: Path) -> None:
    """A storage type that is not known yet, and endings that are not ours, do not stop a resume."""
    assert judged(tmp_path, "a.pt", checkpoint_files.old_torch(storage="TinyStorage")) is None
    assert judged(tmp_path, "a.msgpack", b"x") is None
    assert judged(tmp_path, "a.msgpack", b"") == "the file is empty"
