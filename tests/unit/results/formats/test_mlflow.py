"""MLflow's stores, made by hand."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from overnight.results import reading
from overnight.results.formats import mlflow

METRICS = (
    "CREATE TABLE metrics (key TEXT, value FLOAT, timestamp BIGINT, run_uuid TEXT,"
    " step BIGINT, is_nan BOOLEAN)"
)
OLDEST = "CREATE TABLE metrics (key TEXT, value FLOAT, timestamp BIGINT, run_uuid TEXT)"
OTHERS = (
    "CREATE TABLE runs (run_uuid TEXT, name TEXT)",
    "CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT)",
    "CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT)",
)
T = 1_700_000_000_000


def database(path: Path, *statements: str, **rows: list[tuple[Any, ...]]) -> Path:
    connection = sqlite3.connect(path)
    for each in statements:
        connection.execute(each)
    for table, some in rows.items():
        for row in some:
            connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
    connection.commit()
    connection.close()
    return path


def test_runs_of_a_database_have_names_settings_and_series(tmp_path: Path) -> None:
    """NaN is told apart, infinity is the largest number; a name may be a tag."""
    path = database(
        tmp_path / "mlflow.db",
        METRICS,
        *OTHERS,
        runs=[("a" * 32, "first"), ("b" * 32, "")],
        tags=[("mlflow.runName", "second", "b" * 32)],
        params=[("lr", "0.1", "a" * 32), ("opt", "adam", "a" * 32), ("n", "3", "b" * 32)],
        metrics=[
            ("loss", 0.5, T, "a" * 32, 0, 0), ("loss", 9, T, "b" * 32, 0, 0),
            ("loss", 0.0, T + 500, "a" * 32, 1, 1), ("loss", -mlflow.INFINITE, T, "a" * 32, 2, 0),
            ("acc", "what", T, "a" * 32, 3, 0), ("acc", 1, "now", "a" * 32, None, 0),
        ],
    )  # fmt: skip
    found = reading.read(path)
    assert found is not None and found.format == "mlflow"
    assert [(each.run, each.name) for each in found.curves] == [
        ("first", "loss"), ("second", "loss"), ("first", "acc"),
    ]  # fmt: skip
    loss = found.curves[0]
    np.testing.assert_array_equal(loss.value, [0.5, np.nan, -np.inf])
    assert loss.step.tolist() == [0, 1, 2]
    assert loss.time.tolist() == [T / 1000, T / 1000 + 0.5, T / 1000]
    assert loss.line.tolist() == [1, 3, 4]
    assert found.curves[2].value.tolist() == [1] and np.isnan(found.curves[2].step[0])
    assert found.settings == {"first": {"lr": 0.1, "opt": "adam"}, "second": {"n": 3}}
    assert [(each.line, each.what) for each in found.skipped] == [(5, "value")]


def test_the_oldest_schema_has_no_steps(tmp_path: Path) -> None:
    """And no column that says what is NaN."""
    path = database(tmp_path / "x.db", OLDEST, metrics=[("loss", 1.5, T, "abcdefghij")])
    found = reading.read(path)
    assert found is not None
    (curve,) = found.curves
    assert (curve.run, curve.value.tolist()) == ("abcdefgh", [1.5])
    assert np.isnan(curve.step).all()


def test_torn_databases_are_told(tmp_path: Path) -> None:
    """Cut anywhere."""
    rows = [("loss", n, T, "a", n, 0) for n in range(2000)]
    data = database(tmp_path / "mlflow.db", METRICS, metrics=rows).read_bytes()
    path = tmp_path / "torn.db"
    for cut in range(16, len(data), 4001):
        path.write_bytes(data[:cut])
        assert mlflow.read(path).skipped


def folder(tmp_path: Path, name: str, content: bytes) -> Path:
    run = tmp_path / "mlruns" / "0" / "abc"
    for place, text in (("params/lr", b"0.1"), ("tags/mlflow.runName", b"first")):
        (run / place).parent.mkdir(parents=True, exist_ok=True)
        (run / place).write_bytes(text)
    (run / "meta.yaml").write_text("run_id: abc\n")
    path = run / "metrics" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_file_of_the_old_store_is_one_series(tmp_path: Path) -> None:
    """Named by its path below `metrics`; settings and the name of the run lie beside."""
    content = f"{T} 0.5 0\n{T + 500} nan 1\n{T} what 2\n{T} inf 3 data digest\n{T} 7 4".encode()
    path = folder(tmp_path, "val/loss", content)
    found = reading.read(path)
    assert found is not None and found.format == "mlflow"
    (curve,) = found.curves
    assert (curve.run, curve.name) == ("first", "val/loss")
    np.testing.assert_array_equal(curve.value, [0.5, np.nan, np.inf])
    assert curve.step.tolist() == [0, 1, 3] and curve.line.tolist() == [1, 2, 4]
    assert curve.time.tolist() == [T / 1000, T / 1000 + 0.5, T / 1000]
    assert found.settings == {"first": {"lr": 0.1}}
    assert [each.line for each in found.skipped] == [3]
    path.write_bytes(content + b"\n")
    (rest,) = mlflow.read(path, found.mark).curves
    assert rest.value.tolist() == [7] and rest.line.tolist() == [5]


@pytest.mark.parametrize("content", [b"", b"0.1\n", b"hello\n", b"1 2 3\n"])
def test_other_files_are_not_taken_for_metrics(tmp_path: Path, content: bytes) -> None:
    """A line begins with a time in milliseconds."""
    assert mlflow.claims(folder(tmp_path, "loss", content), content) == 0
    assert mlflow.claims(tmp_path / "metrics" / "loss", f"{T} 1 1\n".encode()) == 0
