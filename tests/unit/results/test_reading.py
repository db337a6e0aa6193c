"""Finding the reader of a file: ours, those of other packages, and none."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from overnight.core import errors
from overnight.results import reading

PLUGIN = """\
import numpy as np
from overnight.results import curves

FORMAT = "thermometer"


def claims(path, head):
    return curves.SURE if head.startswith(b"thermo 1") else curves.NO


def read(path, mark=None):
    table = curves.Table()
    for number, line in enumerate(path.read_text().splitlines()[1:], 2):
        table.add("kelvin", float(line), line=number, step=number - 1)
    return curves.Found(format=FORMAT, curves=table.curves())
"""


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages; what it brings is loaded anew."""
    monkeypatch.syspath_prepend(str(tmp_path))
    reading.readers.cache_clear()
    yield tmp_path
    reading.readers.cache_clear()
    sys.modules.pop("thermo_reader", None)


def install(folder: Path, module: str, name: str = "thermometer") -> None:
    told = folder / "thermo-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: thermo\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text(f"[overnight.readers]\n{name} = {module}\n")


def test_a_reader_of_another_package_is_used(plugins: Path) -> None:
    """An entry point is all that it takes."""
    (plugins / "thermo_reader.py").write_text(PLUGIN)
    install(plugins, "thermo_reader")
    path = plugins / "lab.thermo"
    path.write_text("thermo 1\n300.5\n301.0\n")
    found = reading.read(path)
    assert found is not None
    assert (found.format, found.curves[0].name) == ("thermometer", "kelvin")
    assert found.curves[0].value.tolist() == [300.5, 301.0]
    assert found.curves[0].line.tolist() == [2, 3]


def test_a_reader_that_cannot_be_loaded_is_named(plugins: Path) -> None:
    """Whose fault it is and what to do; files are not silently read by somebody else."""
    install(plugins, "no_such_module")
    (plugins / "a.csv").write_text("step,loss\n1,2\n")
    with pytest.raises(errors.UsageError, match=r"thermometer.*no_such_module"):
        reading.read(plugins / "a.csv")


def test_a_file_that_nobody_knows_has_no_reader(tmp_path: Path) -> None:
    """It is refused, not guessed at."""
    (tmp_path / "weights.bin").write_bytes(bytes(range(256)) * 8)
    assert reading.reader_of(tmp_path / "weights.bin") is None


def test_files_are_sorted_and_links_are_not_followed(tmp_path: Path) -> None:
    """A link may lead out of the run, or in circles."""
    (tmp_path / "b").mkdir()
    for name in ("b/2.csv", "a.csv", ".git"):
        (tmp_path / name).write_text("x")
    (tmp_path / "b" / "loop").symlink_to(tmp_path)
    (tmp_path / "link.csv").symlink_to(tmp_path / "a.csv")
    found = [path.relative_to(tmp_path).as_posix() for path in reading.files(tmp_path)]
    assert found == [".git", "a.csv", "b/2.csv"]
