"""How the code of runs differs, by what this machine knows of their snapshots."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from overnight.app import Overnight, code_changes, comparing
from overnight.app.talk import Silent
from tests.unit.results import armed

TRAIN = "import torch\nlr = 0.1\nprint(lr)\n"


@pytest.fixture
def o(project: Path) -> Iterator[Overnight]:
    with Overnight(project, Silent()) as made:
        yield made


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def snapshot(o: Overnight, name: str, **files: str) -> dict[str, Any]:
    """A snapshot whose files are called as the keywords, with `_` for the dot; its provenance."""
    rows = [[key.replace("_", "."), "f", len(text), digest(text)] for key, text in files.items()]
    o.mirror.remember_manifest(name, {"files": rows})
    return {"snapshot": name}


def words(o: Overnight, *provenances: dict[str, Any], apart: tuple[str, ...] = ()) -> list[Any]:
    runs = [armed.run(f"r{n}", 1.0, provenance=each) for n, each in enumerate(provenances)]
    told = code_changes.told(code_changes.Snapshots(o), runs, apart)
    return [each.get("code_words") for each in told]


def test_lines_that_came_and_went(o: Overnight) -> None:
    """From the file that lies here, and from the commit of the other run."""
    root = Path(o.root)
    (root / "train.py").write_text(TRAIN)
    for command in (("add", "."), ("commit", "-qm", "first")):
        subprocess.run(["git", *command], cwd=root, check=True)
    commit = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=root, text=True).strip()
    after = TRAIN.replace("0.1", "0.2") + "print('end')\n"
    (root / "train.py").write_text(after)
    one = {**snapshot(o, "s1", train_py=TRAIN, a_py="x"), "commit": commit}
    other = {**snapshot(o, "s2", train_py=after, a_py="x"), "commit": commit}
    assert words(o, one, other) == ["", "changed: train.py +2 -1"]


def test_our_own_file_is_no_code_of_the_training(o: Overnight) -> None:
    """Who names a metric between two runs has not changed the experiment."""
    rows = [[name, "f", 1, digest(f"{name} of s1")] for name in ("overnight.toml", "train.py")]
    after = [["overnight.toml", "f", 1, digest("other")], rows[1]]
    for name, files in (("s1", rows), ("s2", after)):
        o.mirror.remember_manifest(name, {"files": files})
    runs = [armed.run(name, 1.0, provenance={"snapshot": name}) for name in ("s1", "s2")]
    one, other = code_changes.told(code_changes.Snapshots(o), runs, ())
    assert one == other


def test_contents_that_are_not_here(o: Overnight) -> None:
    """The names are told; more than a few are counted. A new file has all its lines."""
    one = snapshot(o, "s1", train_py="old")
    other = snapshot(o, "s2", train_py="older")
    assert words(o, one, other) == ["", "changed: train.py"]
    many = snapshot(o, "s3", train_py="old", **{f"f{n}_py": "x" for n in range(6)})
    assert words(o, one, many) == ["", "changed: f0.py, f1.py, f2.py, f3.py and 2 more"]


def test_snapshots_that_are_not_known(o: Overnight) -> None:
    """Commits say where the code was; without those nothing is said."""
    one, other = {"snapshot": "x1", "commit": "a" * 40}, {"snapshot": "x2", "commit": "b" * 40}
    assert words(o, one, other) == ["", f"commits {'a' * 7}..{'b' * 7}"]
    dirty = {**other, "dirty": True}
    assert words(o, one, dirty)[1].endswith("and what was not committed")
    same = {**one, "snapshot": "x3", "dirty": True}
    assert words(o, one, same)[1] == f"commit {'a' * 7} and what was not committed"
    assert words(o, {"snapshot": "x1"}, {"snapshot": "x2"}) == ["", None]


def test_files_that_are_told_key_by_key_are_no_code(o: Overnight) -> None:
    """Two runs that differ in their configuration file alone have the same code."""
    one = snapshot(o, "s1", train_py=TRAIN, c_yaml="lr: 1")
    other = snapshot(o, "s2", train_py=TRAIN, c_yaml="lr: 2")
    assert words(o, one, other, apart=("c.yaml",)) == ["", ""]
    runs = [
        armed.run("a", 1.0, {"c.yaml lr": "1"}, provenance=one),
        armed.run("b", 1.0, {"c.yaml lr": "2"}, provenance=other),
    ]
    codes = {
        each.provenance["code"] for each in comparing.with_code(code_changes.Snapshots(o), runs)
    }
    assert len(codes) == 1


def test_a_commit_that_is_an_option_is_not_asked_for(o: Overnight) -> None:
    """What a record holds is not handed to git as a word of its command line."""
    known = code_changes.Snapshots(o)
    evil = {**snapshot(o, "s1", train_py="gone"), "commit": "--output=stolen"}
    assert known.text_of("s1", "train.py", evil["commit"]) is None
    assert not (Path(o.root) / "stolen").exists()


def test_links_that_lead_outside_are_not_read(o: Overnight, tmp_path: Path) -> None:
    """A path of a snapshot stays inside of the project."""
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    rows = [["../secret.txt", "f", 6, digest("secret")]]
    o.mirror.remember_manifest("s1", {"files": rows})
    assert code_changes.Snapshots(o).text_of("s1", "../secret.txt", None) is None
