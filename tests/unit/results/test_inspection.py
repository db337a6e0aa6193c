"""A file of metrics as one value of strict JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from overnight.results import inspection
from overnight.results.curves import Found, Skipped, Table
from overnight.results.inspection import MOST_SERIES


def found(table: Table, **more: object) -> Found:
    return Found(format="test", curves=table.curves(), **more)  # type: ignore[arg-type]


def filled(**columns: list[float]) -> Table:
    table = Table()
    for name, values in columns.items():
        for line, value in enumerate(values, 1):
            table.add(name.replace("__", "/"), value, line=line, step=10 * line)
    return table


def test_one_file() -> None:
    """Exactly what docs/json.md says."""
    skipped = (Skipped(line=7, what="x", why="no number"),)
    told = inspection.inspected("a.csv", found(filled(val_loss=[3, 1, 2]), skipped=skipped))
    assert told.to_json() == {
        "file": "a.csv",
        "format": "test",
        "runs": 1,
        "series": [
            {
                "name": "val_loss",
                "split": "val",
                "n": 3,
                "best": 1.0,
                "best_at": 20.0,
                "last": 2.0,
                "metric": "val_loss",
                "goal": "min",
                "nonfinite": 0,
            }
        ],
        "health": [],
        "skipped": [{"line": 7, "what": "x", "why": "no number"}],
        "more_skipped": 0,
        "more_series": 0,
        "reason": None,
    }


def test_no_direction_no_best() -> None:
    """It is never guessed."""
    (told,) = inspection.inspected("a", found(filled(whatever=[1, 2]))).to_json()["series"]
    assert (told["best"], told["best_at"], told["last"], told["goal"]) == (None, None, 2.0, None)


@pytest.mark.parametrize("values", [[np.nan] * 3, [1.0, np.inf], [np.nan, 2.0, np.nan]])
def test_strict_json(values: list[float]) -> None:
    """What is no number is counted, and null."""
    told = inspection.inspected("a", found(filled(loss=values))).to_json()
    json.dumps(told, allow_nan=False)
    finite = [value for value in values if np.isfinite(value)]
    assert told["series"][0]["last"] == (finite[-1] if finite else None)
    assert told["series"][0]["nonfinite"] == len(values) - len(finite)


def test_runs_by_name() -> None:
    """Each is judged on its own."""
    table = Table()
    for line in range(1, 41):
        table.add("loss", 1 / line, line=line, step=line, run="good")
        table.add("loss", 1 / line if line < 30 else np.nan, line=line, step=line, run="dead")
    told = inspection.inspected("a.db", found(table)).to_json()
    assert told["runs"] == 2
    assert [e["run"] for e in told["health"] if e["finding"] == "nan"] == ["dead"]
    assert [each["run"] for each in told["series"]] == ["good", "dead"]


def test_metrics_beside_train_and_val_are_the_validations() -> None:
    """As YOLO writes them; alone such a name tells nothing."""
    table = filled(train__loss=[2, 1], val__loss=[2, 1], metrics__mAP50=[0.1, 0.2])
    told = inspection.inspected("a", found(table)).to_json()["series"]
    assert [each["split"] for each in told] == ["train", "val", "val"]
    alone = inspection.inspected("a", found(filled(metrics__mAP50=[0.1, 0.2]))).to_json()
    assert alone["series"][0]["split"] == "train"


@pytest.mark.parametrize(
    ("file", "split"),
    [
        ("logs/validation/events.v2", "val"),
        ("eval/events", "val"),
        ("logs/test/a", "test"),
        ("logs/train/a", "train"),
        ("runs/a", "train"),
        ("a", "train"),
    ],
)
def test_a_folder_named_after_a_split(file: str, split: str) -> None:
    """Keras writes one for each; a name that tells by itself is believed over it."""
    table = filled(epoch_loss=[2, 1], train_loss=[2, 1])
    told = inspection.inspected(file, found(table)).to_json()["series"]
    assert [each["split"] for each in told] == [split, "train"]


def test_ten_thousand_names() -> None:
    """The first ones are told, the others counted."""
    table = filled(**{f"m{number}": [1.0] for number in range(10_000)})
    told = inspection.inspected("a", found(table)).to_json()
    assert (len(told["series"]), told["more_series"]) == (MOST_SERIES, 10_000 - MOST_SERIES)


def test_nothing_in_it() -> None:
    """A reader knew the file, but there was no metric."""
    told = inspection.inspected("a", found(Table()))
    assert (told.reason, told.to_json()["runs"]) == ("there is no metric in it", 0)


def printed(*curves: tuple[str, str | None], is_full: bool = False) -> list[tuple[str, str]]:
    """Names and splits as told of a printed log with these."""
    table = Table()
    for name, split in curves:
        table.add(name, 1.0, line=1, split=split)
    told = [replace(each, is_full=is_full) for each in table.curves()]
    log = Found(format=inspection.PRINTED, curves=tuple(told))
    return [(e["name"], e["split"]) for e in inspection.inspected("a", log).to_json()["series"]]


def test_a_printed_name_carries_the_split_that_only_its_line_told() -> None:
    assert printed(("Loss", "train"), ("Loss", "val"), ("err-top1", "test"), ("acc", None)) == [
        ("Loss", "train"),
        ("val Loss", "val"),
        ("test err-top1", "test"),
        ("acc", "train"),
    ]


def test_a_printed_name_that_tells_its_split_stays() -> None:
    curves = [("Average Eval Loss", "val"), ("val_acc", "val"), ("Test Acc", "test")]
    assert printed(*curves) == curves
    assert printed(("accuracy", "test"), is_full=True) == [("accuracy", "test")]


@pytest.mark.parametrize(
    ("folder", "split"),
    [("validation", "val"), ("eval", "val"), ("Test", "test"), ("train", "train")],
)
def test_a_folder_tells_the_split(folder: str, split: str) -> None:
    told = inspection.inspected(f"x/{folder}/a.csv", found(filled(loss=[1]))).to_json()
    assert [(each["name"], each["split"]) for each in told["series"]] == [("loss", split)]


@pytest.mark.parametrize("folder", ["test_run", "val-2026", "run_test", "tests", "validate"])
def test_a_folder_that_only_begins_like_a_split_tells_none(folder: str) -> None:
    told = inspection.inspected(f"x/{folder}/a.csv", found(filled(loss=[1]))).to_json()
    assert told["series"][0]["split"] == "train"


def test_the_loss_is_not_lost_among_ten_thousand_names() -> None:
    """Of very many, what is known to have a direction is told and judged, wherever it stands."""
    table = Table()
    for n in range(10_000):
        table.add(f"layer.{n}/norm", 1.0, line=1, step=1)
    table.add("train_loss", 1.0, line=1, step=1)
    found = inspection.inspected("m.jsonl", Found(format="metrics_jsonl", curves=table.curves()))
    told = found.to_json()
    assert len(told["series"]) == MOST_SERIES
    assert told["series"][-1]["name"] == "train_loss"
    assert told["series"][0]["name"] == "layer.0/norm"


@pytest.mark.parametrize("steps", [[9, 9, 9, 9], [5, 9, 5, 9]])
def test_where_the_best_is_if_steps_are_counted_within_the_epoch(steps: list[int]) -> None:
    """In epochs."""
    table = Table()
    epochs = [1, 2, 3, 4] if steps[0] == 9 else [1, 1, 2, 2]
    for line, (step, epoch) in enumerate(zip(steps, epochs, strict=True)):
        table.add("loss", abs(line - 2.0), line=line, step=step, epoch=epoch)
    (told,) = inspection.inspected("a", found(table)).to_json()["series"]
    assert told["best_at"] == epochs[2]
