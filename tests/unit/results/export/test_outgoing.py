"""What leaves for another tracker."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from overnight.core import views
from overnight.results.export import outgoing
from overnight.results.export.outgoing import Row
from overnight.results.series import Series

NAN = math.nan


def series(name: str, value: Sequence[float], **columns: Any) -> Series:
    count = len(value)
    given = {
        key: np.array(columns.get(key, [NAN] * count), np.float64)
        for key in ("step", "epoch", "time")
    }
    return Series(
        name=name, written=name, split="train", goal=None, value=np.array(value, np.float64),
        line=np.arange(1, count + 1), file=np.zeros(count, np.int16), files=("metrics.jsonl",),
        attempt=np.ones(count, np.int16),
        is_repeated=np.array(columns.get("is_repeated", [False] * count), np.bool_), **given,
    )  # fmt: skip


def test_a_row_holds_all_of_a_step() -> None:
    """In the order of the steps, with the newest time of the step."""
    loss = series("loss", [3, 2], step=[1, 2], time=[10, 20])
    acc = series("acc", [0.5, NAN], step=[2, 3], time=[21, NAN])
    first, second, third = outgoing.rows([loss, acc])
    assert first == Row(1, 10, {"loss": 3})
    assert second == Row(2, 21, {"loss": 2, "acc": 0.5})
    assert third.step == 3 and math.isnan(third.time) and math.isnan(third.values["acc"])


def test_what_was_done_again_is_left_out() -> None:
    """Of a resumed run each step leaves once."""
    loss = series("loss", [1, 2, 9, 3], step=[1, 2, 2, 3], is_repeated=[False, True, False, False])
    assert [(row.step, row.values["loss"]) for row in outgoing.rows([loss])] == [
        (1, 1), (2, 9), (3, 3),
    ]  # fmt: skip
    assert outgoing.notes_of((), [loss])[0] == (
        "1 points that were done again after a resume are left out"
    )


def test_several_points_at_one_step_are_several_rows() -> None:
    """None is lost here."""
    loss = series("loss", [1, 2, 3], step=[5, 5, 6])
    acc = series("acc", [7], step=[5])
    told = [(row.step, row.values) for row in outgoing.rows([loss, acc])]
    assert told == [(5, {"loss": 1, "acc": 7}), (5, {"loss": 2}), (6, {"loss": 3})]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"step": [10, 20]}, [10, 20]),
        ({"epoch": [0, 1]}, [0, 1]),
        ({"epoch": [0.5, 1.0]}, [1, 2]),
        ({}, [1, 2]),
    ],
)
def test_steps_are_told_or_counted(columns: dict[str, list[float]], expected: list[int]) -> None:
    """Other trackers want whole numbers; what is counted is said."""
    each = series("loss", [1, 2], **columns)
    assert outgoing.steps(each).tolist() == expected
    said = any("counted" in note for note in outgoing.notes_of((), [each]))
    assert said == ("epoch" in columns and 0.5 in columns["epoch"])


def test_repairs_are_notes_and_tags() -> None:
    """One that changes the experiment is marked."""
    repair = views.Repair(
        failure="cuda_oom", change="batch 64 -> 32", at=1.0, attempt=2, changes_science=True
    )
    assert outgoing.notes_of([repair], []) == (
        "repair after attempt 2: cuda_oom, batch 64 -> 32 (changes the experiment)",
    )
    assert outgoing.tags_of("finished", [repair]) == (
        "overnight", "finished", "repaired", "altered",
    )  # fmt: skip


def test_no_series_are_no_rows() -> None:
    """Nor empty ones."""
    assert list(outgoing.rows([])) == []
    assert list(outgoing.rows([series("loss", [])])) == []
