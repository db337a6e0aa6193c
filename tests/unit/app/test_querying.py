"""Questions in SQL: what can be asked, that nothing can be changed, what is said of mistakes."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from overnight.app import Overnight, querying
from overnight.core import errors
from overnight.store import query
from overnight.store.series_file import path_of
from tests.unit.app.projects import project
from tests.unit.results import folders
from tests.waiting import wait_until

ROOT = Path(__file__).parents[3]


@pytest.fixture
def o(tmp_path: Path) -> Iterator[Overnight]:
    one = tmp_path / ".overnight/results/one"
    folders.log(one, 1, *(f"epoch {n}/5 loss {n}.5 val_acc 0.{n}" for n in (1, 2, 3)))
    folders.log(one, 2, "epoch 3/5 loss 0.5 val_acc nan")
    (one / "state.json").write_text(json.dumps(folders.state("one")))
    point = {"name": "s", "point": {"lr": 0.1, "opt": "adam"}, "seed": 3}
    (one / "spec.json").write_text(json.dumps(folders.spec(sweep=point)))
    folders.jsonl(tmp_path / ".overnight/results/two", {"step": 7, "val/acc": 0.9, "loss": 1.0})
    with project(tmp_path, goal="min") as made:
        yield made


def ask(o: Overnight, statement: str, **more: Any) -> list[tuple[Any, ...]]:
    with querying.ask(o, querying.Wanted(statement=statement, **more)) as answer:
        return list(answer.rows)


def refused(o: Overnight, statement: str, **more: Any) -> str:
    with pytest.raises(errors.UsageError) as caught:
        ask(o, statement, **more)
    assert caught.value.hint
    return caught.value.message


def test_best_and_where_it_was_read(o: Overnight) -> None:
    """The goal of the primary metric is the project's; every number has its file and line."""
    found = ask(o, "select run, goal, best, best_source, last from metrics where metric='val_acc'")
    assert found == [
        ("one", "min", 0.1, "attempts/1/output.log:1", None),
        ("two", "min", 0.9, "work/metrics.jsonl:1", 0.9),
    ]


def test_single_values_with_what_was_repeated(o: Overnight) -> None:
    """All values of a curve, those that an attempt did again marked; NaN is NULL."""
    found = ask(
        o, "select epoch, value, attempt, repeated, source, line from points where run = 'one' "
        "and metric = 'val_acc' order by attempt, epoch",
    )  # fmt: skip
    log = "attempts/{}/output.log"
    assert found == [
        (1.0, 0.1, 1, 0, log.format(1), 1),
        (2.0, 0.2, 1, 0, log.format(1), 2),
        (3.0, 0.3, 1, 1, log.format(1), 3),
        (3.0, None, 2, 0, log.format(2), 1),
    ]


def test_points_can_be_limited(o: Overnight) -> None:
    """Only the runs and metrics that are named are brought, the latter in any spelling."""
    assert ask(o, "select count(*) from points", runs=["two"]) == [(2,)]
    counted = "select run, metric, count(*) from points group by 1, 2"
    assert ask(o, counted, metrics=["val/accuracy"]) == [
        ("one", "val_acc", 4),
        ("two", "val_acc", 1),
    ]
    assert "no run 'oen' is here; did you mean 'one'?" in refused(o, counted, runs=["oen"])


def test_too_many_points_are_refused(o: Overnight, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way out is said; limited, the same question is answered."""
    monkeypatch.setattr(querying, "MOST_POINTS", 5)
    assert "would bring 10 values" in refused(o, "select * from points")
    assert len(ask(o, "select * from points", runs=["two"])) == 2
    assert ask(o, "select run from runs") == [("one",), ("two",)]


def test_runs_settings_attempts_repairs_files(o: Overnight) -> None:
    """What the records of a run say can be asked."""
    assert ask(
        o, "select run, sweep, seed, attempts, repairs, git_commit from runs where seed"
    ) == [("one", "s", 3, 2, 1, "1a2b3c4")]
    assert ask(o, "select key, value from settings order by key") == [("lr", 0.1), ("opt", "adam")]
    assert ask(o, "select attempt, exit_code, label from attempts") == [
        (1, 1, "batch 64"), (2, 0, "batch 32 x 2"),
    ]  # fmt: skip
    assert ask(o, "select run, attempt, failure, change from repairs") == [
        ("one", 1, "cuda_oom", "batch 64 -> 32 x 2")
    ]
    files = ask(o, "select run, path, bytes > 0, skipped from files where run = 'two'")
    assert files == [("two", "work/metrics.jsonl", 1, 0)]


@pytest.mark.parametrize(
    "statement",
    [
        "delete from runs",
        "delete from main.runs",
        "update series set n = 1",
        "insert into points values (1,2,3,4,5,6,7,8,9,10)",
        "drop view runs",
        "create table x (a)",
        "create temp table x (a)",
        "attach 'other.db' as other",
        "detach main",
        "pragma user_version = 7",
        "pragma writable_schema = 1",
        "select * from pragma_database_list",
        "vacuum into 'copy.db'",
        "select load_extension('x.so')",
        "begin",
        "select 1; delete from main.runs",
        "with x as (select 1) insert into main.unused select 1, 2, 3, 4",
        "",
        "-- nothing",
    ],
)
def test_nothing_but_reading(o: Overnight, statement: str) -> None:
    """Whatever is typed, the store stays as it is and no file appears."""
    ask(o, "select 1")
    before = path_of(o.root).read_bytes(), sorted(os.listdir(o.root))
    refused(o, statement)
    assert (path_of(o.root).read_bytes(), sorted(os.listdir(o.root))) == before
    assert ask(o, "select count(*) from runs") == [(2,)]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("select bset from metrics", "no such column: bset; did you mean 'best'?"),
        (
            "select m.last_stp from metrics m",
            "no such column: m.last_stp; did you mean 'last_step'?",
        ),
        ("select * from metrcs", "no such table: metrcs; did you mean 'metrics'?"),
        ("select roundd(1)", "no such function: roundd; did you mean 'round'?"),
        ("selec 1", 'near "selec": syntax error'),
    ],
)
def test_mistakes_are_explained(o: Overnight, statement: str, said: str) -> None:
    """The name that was probably meant is said."""
    assert refused(o, statement) == said


def test_every_table_is_documented(o: Overnight) -> None:
    """docs/results-store.md has each table with its columns."""
    page = (ROOT / "docs/results-store.md").read_text()
    for table, columns in querying.tables(o).items():
        section = page.partition(f"### `{table}`")[2].partition("###")[0]
        missing = [column for column in columns if f"`{column}`" not in section]
        assert not missing, (table, missing)


def test_the_examples_of_the_documentation_work(o: Overnight) -> None:
    """Each statement of docs/results-store.md is accepted."""
    page = (ROOT / "docs/results-store.md").read_text()
    statements = [each.partition("```")[0] for each in page.split("```sql\n")[1:]]
    assert len(statements) >= 4
    for statement in statements:
        ask(o, statement)


def test_a_long_question_can_be_interrupted(o: Overnight) -> None:
    """Ctrl-C ends it at once, with the exit code of an interrupt."""
    ask(o, "select 1")
    counting = "with recursive c(x) as (select 1 union all select x + 1 from c) "
    endless = counting + "select x from c where x < 0"
    child = subprocess.Popen(
        [sys.executable, "-m", "overnight", "query", endless],
        cwd=o.root, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    busy = Path(f"/proc/{child.pid}/stat")
    wait_until(lambda: int(busy.read_text().rpartition(")")[2].split()[11]) > 60)
    child.send_signal(signal.SIGINT)
    assert child.communicate(timeout=30)[1].strip() == "interrupted"
    assert child.returncode == 130


def test_infinity_stays_what_it_is(o: Overnight) -> None:
    """A database knows infinity, but no NaN."""
    folders.jsonl(o.root / ".overnight/results/two", {"step": 1, "x": math.inf}, name="x.jsonl")
    assert ask(o, "select value, repeated from points where metric = 'x'") == [(math.inf, 0)]


def test_all_tables_have_columns(o: Overnight) -> None:
    """None is empty by mistake."""
    known = querying.tables(o)
    assert tuple(known) == query.TABLES
    assert all(columns for columns in known.values())


def test_a_damaged_store_is_made_anew_for_a_question(o: Overnight) -> None:
    """Values that cannot be unpacked are read again from the files."""
    assert len(ask(o, "select * from points")) == 10
    o.series.db.execute("UPDATE chunks SET data = substr(data, 1, 20)")
    assert len(ask(o, "select * from points")) == 10


def test_an_answer_that_is_left_early(o: Overnight, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `| head` and Ctrl-C do: nothing is complained of when the rest is thrown away."""
    left: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", left.append)
    wanted = querying.Wanted(statement="select a.metric from metrics a, metrics b")
    with querying.ask(o, wanted) as answer:
        assert next(answer.rows)
    del answer
    assert left == []


def test_a_disk_that_is_full_gives_no_smaller_answer(o: Overnight) -> None:
    """What could not be stored is asked all the same, from memory."""
    every = ask(o, "select run, metric, last from metrics")
    assert every
    fresh = project(o.root)
    fresh.series.forget(fresh.series.runs())
    fresh.series.db.execute("VACUUM")
    (pages,) = fresh.series.db.execute("PRAGMA page_count").fetchone()
    fresh.series.db.execute(f"PRAGMA max_page_count = {pages}")
    folders.jsonl(o.root / ".overnight/results/big", *({f"m{n}": 1.0} for n in range(300)))
    assert {row[0] for row in ask(fresh, "select run from runs")} == {"big", "one", "two"}
    assert set(every) <= set(ask(fresh, "select run, metric, last from metrics"))
    assert not fresh.series.is_shared
    assert ask(fresh, "select count(*) from points where run = 'big'") == [(300,)]
    fresh.close()
