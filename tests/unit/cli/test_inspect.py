"""`overnight inspect`: files, folders, packed files and what nobody can read."""

from __future__ import annotations

import contextlib
import gzip
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from overnight import cli
from overnight.app import inspecting
from overnight.cli import endings

ROWS = [f"{epoch},{1 / epoch},{1 / epoch + 0.1}" for epoch in range(1, 21)]
TABLE = "\n".join(["epoch,loss,val_loss", *ROWS]) + "\n"


def run(*words: str) -> int:
    return endings.run(cli.overnight, ["inspect", *words])


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[dict[str, Any]]]:
    code = run("--json", *words)
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "metrics.csv").write_text(TABLE)
    (tmp_path / "packed.csv.gz").write_bytes(gzip.compress(TABLE.encode()))
    (tmp_path / "model.bin").write_bytes(bytes(range(256)) * 20)
    return tmp_path


def test_json_is_one_object_per_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the order of the words; a packed file reads as the plain one."""
    names = [str(folder / "packed.csv.gz"), str(folder / "metrics.csv")]
    code, (packed, plain) = told(capsys, *names)
    assert code == 0
    assert (packed["file"], plain["file"]) == tuple(names)
    assert {**packed, "file": ""} == {**plain, "file": ""}
    val = next(each for each in plain["series"] if each["name"] == "val_loss")
    assert (val["split"], val["best_at"], val["n"]) == ("val", 20, 20)
    assert val["best"] == pytest.approx(0.15)


def test_a_folder_gives_what_readers_know(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And says how many other files there were."""
    assert run("--json", str(folder)) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert err == "1 of 3 files are in no format that a reader knows\n"


def test_what_cannot_be_read_has_a_reason(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 only where nothing could be read."""
    (folder / "empty.csv").write_text("")
    (folder / "torn.gz").write_bytes(gzip.compress(TABLE.encode())[:40])
    bad = [str(folder / name) for name in ("model.bin", "empty.csv", "torn.gz")]
    code, refused = told(capsys, *bad)
    assert code == 2
    assert [each["format"] for each in refused] == [None] * 3
    assert "no reader knows" in refused[0]["reason"]
    assert refused[1]["reason"] == "the file is empty"
    assert refused[2]["reason"].startswith("cannot be read")
    assert told(capsys, *bad, str(folder / "metrics.csv"))[0] == 0


def test_no_such_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistake of the command line."""
    assert run(str(tmp_path / "nothing.csv")) == 2
    assert "there is no" in capsys.readouterr().err
    assert run() == 2


def test_for_people(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line per series with its curve, and what is to be said."""
    assert run(str(folder / "metrics.csv")) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(str(folder / "metrics.csv"))
    assert any("val_loss" in line and "0.15" in line and "█" in line for line in lines)


def test_names_from_a_file_do_not_act(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither in a terminal, nor as lines of their own."""
    name = "val_loss\x1b]0;owned\x07\x1b[2J"
    rows = [f"{epoch},{value}" for epoch, value in enumerate([3, 2, 1, "nan", "nan"] * 4)]
    (tmp_path / "evil.csv").write_text("\n".join([f"epoch,{name}", *rows]) + "\n")
    run(str(tmp_path / "evil.csv"))
    shown = capsys.readouterr().out
    assert "owned" in shown
    assert "\x1b" not in shown
    assert "\x07" not in shown


def test_a_compressed_file_that_nobody_knows_is_not_unpacked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first bytes say so; a bomb would fill the disk."""
    packed = tmp_path / "bomb.jsonl.gz"
    packed.write_bytes(gzip.compress(b"0" * (1 << 20)))
    monkeypatch.setattr(inspecting, "LARGEST_PLAIN", 1 << 18)
    with pytest.raises(SystemExit):
        cli.main(["inspect", str(packed), "--json"])
    (told,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert told["reason"] == inspecting.UNKNOWN


def test_a_compressed_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What it is can be seen of the whole only."""
    plain = tmp_path / "x.db"
    with contextlib.closing(sqlite3.connect(plain)) as db:
        db.execute("CREATE TABLE metrics (run_name, step INTEGER, metrics, timestamp)")
        rows = [("r", n, json.dumps({"loss": 1.0, "pad": "x" * 99}), "") for n in range(999)]
        db.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?)", rows)
        db.commit()
    packed = tmp_path / "x.db.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    with pytest.raises(SystemExit):
        cli.main(["inspect", str(packed), "--json"])
    (told,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (told["format"], told["series"][0]["n"]) == ("trackio", 999)
