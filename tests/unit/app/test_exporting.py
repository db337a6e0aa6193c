"""What the programs that write for other trackers are given."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

from overnight.app import exporting
from overnight.core import errors
from overnight.results.export.outgoing import Outgoing
from overnight.results.series import Series


def series(step: list[float], time: list[float]) -> Series:
    count = len(step)
    return Series(
        name="loss", written="loss", split="train", goal=None, value=np.arange(1.0, count + 1),
        step=np.array(step), epoch=np.full(count, np.nan), time=np.array(time),
        line=np.arange(count), file=np.zeros(count, np.int16), files=("a",),
        attempt=np.ones(count, np.int16), is_repeated=np.zeros(count, np.bool_),
    )  # fmt: skip


def run(*some: Series) -> Outgoing:
    return Outgoing(
        project="p", run="r", state="failed", config={"lr": 0.1, "path": object()}, tags=("a",),
        notes=("one", "two"), series=some, started_at=5.0, ended_at=None,
    )  # fmt: skip


def test_a_header_and_a_row_for_each_step_are_given() -> None:
    """Times that are not known are null; what no JSON holds is text."""
    file = io.StringIO()
    assert exporting._give(run(series([1, 2], [10, np.nan])), file) == (2, 0)
    header, *rows = map(json.loads, file)
    assert header["failed"] is True and header["notes"] == "one\ntwo" and header["points"] == 2
    assert header["config"]["path"].startswith("<object")
    assert rows == [[1, 10, {"loss": 1}], [2, None, {"loss": 2}]]


def test_values_that_share_a_step_are_counted() -> None:
    """W&B keeps the last of them."""
    assert exporting._give(run(series([1, 1, 1, 2], [1, 2, 3, 4])), io.StringIO()) == (4, 2)


def test_settings_of_trackers_stay_here() -> None:
    """They would lead the run to another place."""
    environ = {"WANDB_PROJECT": "x", "TRACKIO_DIR": "y", "MLFLOW_TRACKING_URI": "z", "PATH": "p"}
    assert exporting.environment(environ) == {"PATH": "p"}


def test_a_library_that_no_python_has_is_named() -> None:
    """With the command that installs it."""
    with pytest.raises(errors.UsageError) as raised:
        exporting.python_with("no_such_tracker")
    assert "no_such_tracker is not installed" in raised.value.message
    assert raised.value.hint == "pip install no_such_tracker"
