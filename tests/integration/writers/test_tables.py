"""Files as the libraries write them, against what the libraries were told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from overnight.results import reading
from overnight.results.curves import Found
from overnight.results.formats import lightning_metrics_csv
from tests.unit.results.formats import pieces

HERE = Path(__file__).parent


def written(name: str, folder: Path) -> Path:
    """Runs `write_NAME.py` and gives the folder that it wrote into."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, str(HERE / f"write_{name}.py"), str(folder)],
        capture_output=True,
        text=True,
        timeout=150,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def lightning(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written("lightning", tmp_path_factory.mktemp("lightning"))


@pytest.fixture(scope="session")
def keras(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written("keras", tmp_path_factory.mktemp("keras"))


@pytest.fixture(scope="session")
def transformers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written("transformers", tmp_path_factory.mktemp("transformers"))


@pytest.fixture(scope="session")
def dvclive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written("dvclive", tmp_path_factory.mktemp("dvclive"))


def found_in(path: Path) -> Found:
    found = reading.read(path)
    assert found is not None, path
    return found


def told_of(rows: list[dict[str, Any]], name: str, axis: str) -> list[tuple[float, float]]:
    return [(row[name], row[axis]) for row in rows if name in row]


def test_lightning_metrics_are_those_that_were_logged(lightning: Path) -> None:
    """Train and validation on rows of their own, nothing filled, hyperparameters beside."""
    path = lightning / "lightning_logs" / "version_0" / "metrics.csv"
    told = json.loads((lightning / "told.json").read_text())
    found = found_in(path)
    assert found.format == "lightning_metrics_csv"
    names = {name for row in told for name in row} - {"step", "epoch"}
    assert {each.name for each in found.curves} == names
    for name in names:
        curve = pieces.curve(found, name)
        rows = list(zip(curve.value.tolist(), curve.step.tolist(), strict=True))
        assert rows == [pytest.approx(row) for row in told_of(told, name, "step")]
    assert found.settings == {"": {"width": 4, "rate": 0.1}}
    assert found.headers == ()


def test_lightning_writes_its_file_anew_when_a_metric_appears(lightning: Path) -> None:
    """Then the whole is read, to replace what was read before."""
    path = lightning / "lightning_logs" / "version_0" / "metrics.csv"
    lines = path.read_text().splitlines(keepends=True)
    late = lines[0].rstrip().split(",").index("val/late")
    older = lightning / "metrics.csv"
    without = [
        ",".join(cell for place, cell in enumerate(line.rstrip("\n").split(",")) if place != late)
        for line in lines
    ]
    older.write_text("\n".join(without[:6]) + "\n")
    first = lightning_metrics_csv.read(older)
    assert first.mark is not None
    older.write_text("".join(lines))
    again = lightning_metrics_csv.read(older, first.mark)
    assert again.mark is None
    assert pieces.plain(again.curves) == pieces.plain(found_in(path).curves)


def test_keras_history_and_log_are_the_same(keras: Path) -> None:
    """Epochs from 0; what a second training appended comes after it."""
    history = json.loads((keras / "history.json").read_text())
    log, document = found_in(keras / "training.log"), found_in(keras / "history.json")
    assert (log.format, document.format) == ("keras_csvlogger", "json_dict_history")
    assert {each.name for each in log.curves} == {"loss", "mae", "val_loss", "val_mae"}
    for name, values in history.items():
        assert pieces.values(document, name) == values
        assert pieces.values(log, name)[:3] == values
        assert pieces.curve(log, name).epoch.tolist() == [0, 1, 2, 0, 1]
        assert pieces.curve(document, name).epoch.tolist() == [0, 1, 2]


def test_the_state_of_the_hf_trainer_is_what_it_logged(transformers: Path) -> None:
    """Each logged number at its step; the last mean loss apart; accuracy is better when higher."""
    told = json.loads((transformers / "told.json").read_text())
    found = found_in(transformers / "trainer_state.json")
    assert found.format == "hf_trainer_state"
    for name in ("loss", "learning_rate", "eval_loss", "eval_accuracy"):
        curve = pieces.curve(found, name)
        rows = list(zip(curve.value.tolist(), curve.step.tolist(), strict=True))
        wanted = told_of(told, name, "step")
        assert rows == wanted[: len(rows)]
        assert len(wanted) - len(rows) in (0, 1)  # an evaluation after the state was saved
    assert pieces.values(found, "train_loss_mean") == [told_of(told, "train_loss", "step")[0][0]]
    goals = {each.name: each.goal for each in found.curves}
    assert (goals["eval_accuracy"], goals["loss"]) == ("max", None)
    assert found.settings[""]["num_train_epochs"] == 3
    assert not any("runtime" in each.name or "per_second" in each.name for each in found.curves)


def test_results_of_the_hf_trainer(transformers: Path) -> None:
    """One value for each metric."""
    content = json.loads((transformers / "all_results.json").read_text())
    found = found_in(transformers / "all_results.json")
    assert found.format == "hf_results"
    assert {each.name: float(each.value[0]) for each in found.curves} == {
        "eval_accuracy": content["eval_accuracy"],
        "eval_loss": content["eval_loss"],
        "train_loss_mean": content["train_loss"],
    }


def test_dvclive_writes_a_table_for_each_metric(dvclive: Path) -> None:
    """And the last values of all of them."""
    tables = dvclive / "dvclive" / "plots" / "metrics"
    f1, loss = found_in(tables / "val" / "f1.tsv"), found_in(tables / "loss.tsv")
    assert (f1.format, loss.format) == ("dvclive_tsv", "dvclive_tsv")
    name = f1.curves[0].name
    assert pieces.values(f1, name, "val") == [step / 8 for step in range(6)]
    assert pieces.curve(loss, "loss").step.tolist() == list(range(6))
    last = found_in(dvclive / "dvclive" / "metrics.json")
    assert last.format == "dvclive_metrics"
    assert pieces.values(last, "val/f1") == [0.625]
    assert pieces.curve(last, "loss").step.tolist() in ([5.0], [6.0])
