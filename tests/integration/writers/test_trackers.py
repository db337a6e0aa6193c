"""What the trackers' own libraries write is read as their own readers read it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from overnight.results import reading
from overnight.results.curves import Curve, Found
from tests.integration.writers import trackers

EVENTS = """
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

for path in sys.argv[1:]:
    read = EventAccumulator(path, size_guidance={"scalars": 0, "tensors": 0})
    read.Reload()
    told = {
        tag: [(each.value, each.step, each.wall_time) for each in read.Scalars(tag)]
        for tag in read.Tags()["scalars"]
    }
    for tag in read.Tags()["tensors"]:
        if read.SummaryMetadata(tag).plugin_data.plugin_name == "scalars":
            told[tag] = [
                (float(tensor_util.make_ndarray(each.tensor_proto)), each.step, each.wall_time)
                for each in read.Tensors(tag)
            ]
    print(json.dumps(told))
"""


def read(path: Path) -> Found:
    found = reading.read(path)
    assert found is not None
    return found


def by_name(found: Found, run: str = "") -> dict[str, Curve]:
    return {each.name: each for each in found.curves if each.run == run}


def rows(curve: Curve) -> list[list[float]]:
    return [list(row) for row in zip(curve.value, curve.step, curve.time, strict=True)]


def losses(count: int, nan_at: int = 7) -> np.ndarray[Any, Any]:
    return np.array([math.nan if step == nan_at else 1 / (step + 1) for step in range(count)])


def test_scalars_are_those_of_tensorboards_own_reader(
    tensorboard_files: Path, tmp_path: Path
) -> None:
    """Value, step and time of every point, old style and new."""
    paths = sorted(path for path in tensorboard_files.rglob("events.*") if path.is_file())
    done = trackers.python(EVENTS, *map(str, paths), home=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == len(paths) > 6
    for path, told in zip(paths, lines, strict=True):
        curves = {each.name: each for each in read(path).curves}
        if not path.parent.name.startswith("loss_"):
            assert sorted(curves) == sorted(told), path
        for curve, points in zip(curves.values(), told.values(), strict=True):
            np.testing.assert_array_equal(np.array(rows(curve)), np.array(points), str(path))


@pytest.mark.parametrize("style", ["old", "new"])
def test_what_is_no_scalar_is_told(tensorboard_files: Path, style: str) -> None:
    """One line for each text, histogram and image."""
    (path,) = (tensorboard_files / style).glob("events.*")
    found = read(path)
    assert sorted(by_name(found)) == ["lr", "train/loss", "val/acc"]
    assert [each.what for each in found.skipped] == [
        "words/text_summary", "weights", "picture",
    ]  # fmt: skip
    assert "histogram" in found.skipped[1].why and "image" in found.skipped[2].why


def test_several_scalars_of_one_call_keep_their_names(tensorboard_files: Path) -> None:
    """`add_scalars` writes into a folder for each."""
    paths = sorted((tensorboard_files / "together").glob("loss_*/events.*"))
    curves = [each for path in paths for each in read(path).curves]
    assert [(each.name, each.split, each.value[8]) for each in curves] == [
        ("loss", "train", 8), ("loss", "val", 16),
    ]  # fmt: skip


def test_hyperparameters_of_add_hparams_are_settings(tensorboard_files: Path) -> None:
    """With the metric beside them."""
    (path,) = (tensorboard_files / "hparams").glob("one/events.*")
    found = read(path)
    assert found.settings == {"": {"lr": 0.1, "opt": "adam"}}
    assert by_name(found)["hparam/acc"].value.tolist() == [0.5]


def test_a_resume_tells_from_where_all_before_is_void(tensorboard_files: Path) -> None:
    """Both files of the folder are read, each by itself."""
    first, second = sorted((tensorboard_files / "resumed").glob("events.*"))
    assert read(first).restarts == () and by_name(read(first))["loss"].value[-1] == 49
    (restart,) = read(second).restarts
    assert restart[1] == 30
    assert by_name(read(second))["loss"].step.tolist() == list(range(30, 60))


def test_a_finished_offline_run_is_read_whole(wandb_files: dict[str, Path]) -> None:
    """History, nested keys, settings, and that it ended."""
    found = read(wandb_files["finished"])
    curves = by_name(found)
    assert found.ended is True
    assert found.settings == {"": {"lr": 0.1, "model": {"depth": 2}}}
    assert sorted(curves) == ["inf", "loss", "val/acc"]
    np.testing.assert_array_equal(curves["loss"].value, losses(300))
    assert curves["loss"].step.tolist() == list(range(300))
    assert np.isinf(curves["inf"].value).all()
    assert (np.diff(curves["loss"].time) >= 0).all() and curves["loss"].time[0] > 1.6e9
    assert sorted(each.what for each in found.skipped) == ["h", "note"]


def test_a_killed_offline_run_is_read_up_to_where_it_was_cut_off(
    wandb_files: dict[str, Path],
) -> None:
    """What reached the disk, and that it did not end."""
    found = read(wandb_files["killed"])
    loss = by_name(found)["loss"]
    assert found.ended is False
    assert loss.value.size > 100
    np.testing.assert_array_equal(loss.value, losses(loss.value.size))


def test_runs_of_a_trackio_database(trackio_file: Path) -> None:
    """Names, settings, NaN and infinity."""
    found = read(trackio_file)
    assert found.settings == {"run0": {"seed": 0}, "run1": {"seed": 1}}
    assert sorted({each.run for each in found.curves}) == ["run0", "run1"]
    curves = by_name(found, "run1")
    np.testing.assert_array_equal(curves["loss"].value, losses(50))
    assert curves["val/acc"].value.tolist() == list(range(1, 51))
    assert np.isneginf(curves["inf"].value).all()
    assert curves["loss"].step.tolist() == list(range(50))
    assert curves["loss"].time[0] > 1.6e9
    assert [each.what for each in found.skipped] == ["note"]


def test_both_stores_of_mlflow_hold_the_same(mlflow_files: Path) -> None:
    """The database and the folders, written by the same program."""
    database = read(mlflow_files / "mlflow.db")
    files = sorted(path for path in mlflow_files.glob("mlruns/*/*/metrics/**/*") if path.is_file())
    folders = [read(path) for path in files]
    expected = np.array([1, 1 / 2, 1 / 3, math.nan, math.inf, *(1 / n for n in range(6, 13))])
    for run, seed in (("run0", 0), ("run1", 1)):
        curves = by_name(database, run)
        assert sorted(curves) == ["acc", "val/loss"]
        assert database.settings[run] == {"seed": seed, "lr": 0.1, "opt": "adam"}
        here = {each.name: each for one in folders for each in one.curves if each.run == run}
        for found in (curves, here):
            np.testing.assert_array_equal(found["val/loss"].value, expected)
            assert found["acc"].value.tolist() == list(range(seed, 12 + seed))
            assert found["acc"].step.tolist() == list(range(12))
            assert found["acc"].time[0] > 1.6e9
    assert {run for one in folders for run in one.settings} == {"run0", "run1"}
