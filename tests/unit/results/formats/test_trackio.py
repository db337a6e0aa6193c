"""Trackio's databases; the schema of today and that of old versions, made by hand."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overnight.results import reading, records
from overnight.results.curves import Found
from overnight.results.formats import trackio
from overnight.results.records import json_rows

OLD = "CREATE TABLE metrics (id INTEGER PRIMARY KEY, timestamp TEXT, run_name TEXT, step INTEGER, metrics TEXT)"  # noqa: E501
NEW = "CREATE TABLE metrics (id INTEGER PRIMARY KEY, run_id TEXT, timestamp TEXT, run_name TEXT, step INTEGER, metrics TEXT)"  # noqa: E501
CONFIGS = "CREATE TABLE configs (run_id TEXT, run_name TEXT, config TEXT)"
TIME = "2026-01-01T00:00:10+00:00"


def database(path: Path, *statements: str, rows: list[tuple[Any, ...]] | None = None) -> Path:
    connection = sqlite3.connect(path)
    for each in statements:
        connection.execute(each)
    for row in rows or ():
        marks = ", ".join("?" * len(row))
        names = "run_id, " if len(row) == 5 else ""
        connection.execute(
            f"INSERT INTO metrics ({names}timestamp, run_name, step, metrics) VALUES ({marks})", row
        )
    connection.commit()
    connection.close()
    return path


def packed(**values: Any) -> bytes:
    return json.dumps(values).encode()


def test_runs_have_their_names_steps_and_times(tmp_path: Path) -> None:
    """Two runs of one name are told apart; nested metrics are named by their path."""
    rows = [
        (run, TIME, "same", step, packed(loss=step / 2, a={"b": step}))
        for step in range(3)
        for run in ("1234567890", "abcdefghij")
    ]
    found = reading.read(database(tmp_path / "p.db", NEW, CONFIGS, rows=rows))
    assert found is not None and found.format == "trackio"
    assert [(each.run, each.name) for each in found.curves] == [
        ("same (12345678)", "loss"), ("same (12345678)", "a/b"),
        ("same (abcdefgh)", "loss"), ("same (abcdefgh)", "a/b"),
    ]  # fmt: skip
    loss = found.curves[0]
    assert loss.value.tolist() == [0, 0.5, 1]
    assert loss.step.tolist() == [0, 1, 2]
    assert loss.line.tolist() == [1, 3, 5]
    assert loss.time.tolist() == [1767225610.0] * 3


def test_words_for_what_is_not_finite_are_numbers_and_other_words_are_not(tmp_path: Path) -> None:
    """JSON has no NaN, so Trackio writes words."""
    told = [packed(x=value, note="12") for value in (1, "NaN", "-Infinity", "Infinity")]
    rows = [(TIME, "r", step, row) for step, row in enumerate(told)]
    found = trackio.read(database(tmp_path / "p.db", OLD, rows=rows))
    (curve,) = found.curves
    np.testing.assert_array_equal(curve.value, [1, np.nan, -np.inf, np.inf])
    assert [each.what for each in found.skipped] == ["note"]


def test_settings_belong_to_their_run(tmp_path: Path) -> None:
    """Without what Trackio adds."""
    path = database(
        tmp_path / "p.db",
        NEW,
        CONFIGS,
        """INSERT INTO configs VALUES ('1', 'r', '{"lr": 0.1, "_Created": "x"}')""",
        "INSERT INTO configs VALUES ('2', 's', 'no JSON')",
        rows=[("1", TIME, "r", 0, packed(x=1))],
    )
    found = trackio.read(path)
    assert found.settings == {"r": {"lr": 0.1}}
    assert [each.what for each in found.skipped] == ["configs of 2"]


@pytest.mark.parametrize(
    "cell", [None, 3, b"\xff", "[]", '{"x": ', "null", '{"x": 1}, {"x": 2}', "[" * 99999]
)
def test_a_row_that_is_no_object_is_told_and_others_are_read(tmp_path: Path, cell: Any) -> None:
    """Whatever the cell holds."""
    rows = [(TIME, "r", 0, packed(x=1)), (TIME, "r", 1, cell), (TIME, "r", 2, packed(x=3))]
    found = trackio.read(database(tmp_path / "p.db", OLD, rows=rows))
    (curve,) = found.curves
    assert curve.value.tolist() == [1, 3]
    assert [each.line for each in found.skipped] == [2]


def test_steps_and_times_that_are_none_are_not_told(tmp_path: Path) -> None:
    """A hostile row has anything anywhere."""
    rows = [("yesterday", "r", "first", packed(x=1)), (None, None, None, packed(x=2, y=10**400))]
    found = trackio.read(database(tmp_path / "p.db", OLD, rows=rows))
    assert [each.value.tolist() for each in found.curves] == [[1], [2], [np.inf]]
    assert all(np.isnan(each.step).all() and np.isnan(each.time).all() for each in found.curves)


texts = st.one_of(
    st.dictionaries(
        st.sampled_from(["loss", "a", "1", 'q"', "\\", "ä", "e"]),
        st.one_of(st.floats(), st.integers(), st.text(max_size=2), st.none()),
        max_size=3,
    ).map(json.dumps),
    *[st.floats(0, 9).map(lambda value: json.dumps({"loss": value, "acc": value + 1}))] * 6,
    st.sampled_from(["", "\x1f", '{"loss":1}\x1f{"loss":2}', "\x010.5}", '{"loss":1,"loss":2}']),
)
rows = st.lists(
    st.tuples(
        st.sampled_from(["r", "s", "\x1f"]),
        st.sampled_from([TIME, "2026-01-01T00:00:10.250000+00:00", "2026-01-01", "", "x\x1f"]),
        st.just("name"),
        st.one_of(st.integers(-9, 9), st.none(), st.just("first")),
        texts,
    ),
    max_size=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(rows, st.integers(1, 5))
def test_columns_and_single_rows_give_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, some: list[Any], batch: int
) -> None:
    """Whatever the rows hold, and wherever a batch ends."""
    path = tmp_path / "p.db"
    path.unlink(missing_ok=True)
    database(path, NEW, rows=some)
    with monkeypatch.context() as patch:
        patch.setattr(records.database, "ROWS", batch)
        fast = trackio.read(path)
        patch.setattr(json_rows, "columns", lambda *_: None)
        slow = trackio.read(path)
    assert told(fast) == told(slow)
    assert fast.skipped == slow.skipped


def told(found: Found) -> dict[tuple[str, str], list[str]]:
    return {
        (each.run, each.name): [
            repr((list(c), list(each.line))) for c in (each.value, each.step, each.time)
        ]
        for each in found.curves
    }


def test_regular_rows_are_read_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs in turn, two metrics, whole seconds and parts of them."""
    times = ("2026-01-01T00:00:10.250000+00:00", "2026-02-28T23:59:59.999999+00:00")
    rows = [
        (f"id{n % 2}", times[n // 2 % 2], f"r{n % 2}", n, packed(loss=n / 3, acc=-1e-7 * n))
        for n in range(40)
    ]
    path = database(tmp_path / "p.db", NEW, rows=rows)
    monkeypatch.setattr(trackio._Reading, "_batch", None)
    loss, acc, other, _ = trackio.read(path).curves
    assert (loss.run, loss.name, acc.run, acc.name, other.run) == ("r0", "loss", "r0", "acc", "r1")
    assert loss.value.tolist() == [n / 3 for n in range(0, 40, 2)]
    assert acc.value.tolist() == [-1e-7 * n for n in range(0, 40, 2)]
    assert loss.step.tolist() == [*range(0, 40, 2)]
    assert loss.line.tolist() == [*range(1, 41, 2)]
    assert loss.time.tolist() == [1767225610.25, 1772323199.999999] * 10


def test_a_run_that_begins_meanwhile_is_read_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One reading sees the database at one moment."""
    rows = [("a", TIME, "first", n, packed(x=n)) for n in range(3)]
    path = database(tmp_path / "p.db", "PRAGMA journal_mode = WAL", NEW, rows=rows)
    writer = sqlite3.connect(path)
    writer.execute("UPDATE metrics SET step = step")
    writer.commit()
    really = trackio._is_in_turn

    def meanwhile(begun: list[Any]) -> bool:
        writer.execute(
            "INSERT INTO metrics VALUES (4, 'b', ?, 'second', 0, ?)", (TIME, packed(x=9))
        )
        writer.commit()
        return really(begun)

    with monkeypatch.context() as patch:
        patch.setattr(trackio, "_is_in_turn", meanwhile)
        (curve,) = trackio.read(path).curves
        assert (curve.run, curve.value.tolist()) == ("first", [0, 1, 2])
    assert [(c.run, c.value.tolist()) for c in trackio.read(path).curves] == [
        ("first", [0, 1, 2]), ("second", [9]),
    ]  # fmt: skip
    writer.close()


def test_runs_one_after_another_keep_their_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever a batch ends."""
    rows = [(f"id{n // 7}", TIME, f"r{n // 7}", n % 7, packed(x=n)) for n in range(35)]
    path = database(tmp_path / "p.db", NEW, rows=rows)
    for batch in range(1, 40):
        monkeypatch.setattr(records.database, "ROWS", batch)
        assert [(c.run, c.value.tolist()) for c in trackio.read(path).curves] == [
            (f"r{run}", list(range(7 * run, 7 * run + 7))) for run in range(5)
        ]


def test_a_separator_in_a_cell_moves_nothing(tmp_path: Path) -> None:
    """Neither in a time nor in the metrics."""
    rows = [("r", f"{TIME}\x1f", "r", 0, packed(x=0)), ("r", "", "r", 1, packed(x=1))]
    rows += [("r", TIME, "r", 2, b'{"x": 2}\x1f{"x": 9}'), ("r", TIME, "r", 3, packed(x=3))]
    (curve,) = trackio.read(database(tmp_path / "p.db", NEW, rows=rows)).curves
    assert curve.value.tolist() == curve.step.tolist() == [0, 1, 3]


def test_a_view_is_not_read(tmp_path: Path) -> None:
    """It could run for ever."""
    endless = (
        "CREATE VIEW metrics AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        " SELECT i AS run_name, i AS step, i AS metrics, i AS timestamp FROM n"
    )
    path = database(tmp_path / "p.db", endless)
    assert reading.read(path) is None
    assert trackio.read(path).skipped[0].what == "metrics"


def test_torn_databases_are_told(tmp_path: Path) -> None:
    """Cut anywhere, or with bytes changed."""
    rows = [(TIME, "r", n, packed(x=n)) for n in range(2000)]
    data = database(tmp_path / "p.db", OLD, rows=rows).read_bytes()
    path = tmp_path / "torn.db"
    for cut in range(16, len(data), 4001):
        path.write_bytes(data[:cut])
        assert trackio.read(path).skipped
    changed = bytearray(data)
    changed[4096:6000] = os.urandom(1904)
    path.write_bytes(changed)
    trackio.read(path)


def test_a_live_writer_is_not_disturbed(tmp_path: Path) -> None:
    """What it has not yet taken into its database is read; nothing is made beside a closed one."""
    path = database(tmp_path / "p.db", "PRAGMA journal_mode = WAL", OLD)
    assert sorted(os.listdir(tmp_path)) == ["p.db"]
    assert trackio.read(path).curves == ()
    assert sorted(os.listdir(tmp_path)) == ["p.db"]
    writer = sqlite3.connect(path)
    writer.execute("INSERT INTO metrics VALUES (1, ?, 'r', 0, ?)", (TIME, packed(x=1)))
    writer.commit()
    assert trackio.read(path).curves[0].value.tolist() == [1]
    writer.execute("INSERT INTO metrics VALUES (2, ?, 'r', 1, ?)", (TIME, packed(x=2)))
    assert trackio.read(path).curves[0].value.tolist() == [1]
    writer.commit()
    assert trackio.read(path).curves[0].value.tolist() == [1, 2]
    writer.close()
