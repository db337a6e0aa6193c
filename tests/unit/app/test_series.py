"""Series from the store: what is read once is kept, what has grown is read on, damage is mended."""

from __future__ import annotations

import json
import math
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overnight.app import Overnight, ingesting, series
from overnight.results import reading, thinning
from overnight.results.curves import Found, Mark
from overnight.results.runs import run_files
from overnight.results.series import Series
from overnight.store.series import SeriesStore
from overnight.store.series_file import path_of
from tests.unit.app.projects import project
from tests.unit.results import folders
from tests.waiting import wait_until


@pytest.fixture
def o(tmp_path: Path) -> Iterator[Overnight]:
    with project(tmp_path) as made:
        yield made


def folder(o: Overnight, run: str = "a") -> Path:
    made = o.root / ".overnight/results" / run
    made.mkdir(parents=True, exist_ok=True)
    return made


def assert_same(one: tuple[Series, ...], other: tuple[Series, ...]) -> None:
    assert [each.name for each in one] == [each.name for each in other]
    for a, b in zip(one, other, strict=True):
        assert (a.written, a.split, a.goal, a.files) == (b.written, b.split, b.goal, b.files)
        for name in ("value", "step", "epoch", "time", "line", "file", "attempt", "is_repeated"):
            assert np.array_equal(
                getattr(a, name).astype(float), getattr(b, name).astype(float), equal_nan=True
            ), (a.name, name)


def whole(o: Overnight, run: str = "a") -> tuple[Series, ...]:
    """Read from the files alone."""
    found = run_files.whole(folder(o, run)).joined.series
    return series.aimed(found, o.config.metrics)


# -- what the store says is what the files say ----------------------------------------------------


def test_series_of_a_resumed_run(o: Overnight) -> None:
    """Values, places, files, attempts and what was repeated come back as they were joined."""
    folders.log(folder(o), 1, *(f"epoch {n}/5 loss {n}.0 val_acc 0.{n}" for n in (1, 2, 3, 4)))
    folders.log(folder(o), 2, "epoch 3/5 loss 3.5 val_acc nan", "epoch 4/5 loss 4.5 val_acc 0.45")
    folders.jsonl(folder(o), {"step": 1, "lr": 0.1}, {"step": 2, "lr": float("inf")})
    first = series.of_run(o, "a")
    assert_same(first, whole(o))
    assert_same(series.of_run(o, "a"), first)
    assert next(each for each in first if each.name == "val_acc").goal == "max"


def test_nothing_is_no_error(o: Overnight) -> None:
    """A run of which nothing is here has no series, no curve and no summary."""
    assert series.of_run(o, "none") == ()
    assert series.curve(o, "none", "loss") is None
    assert series.summaries(o, ["none"], "loss") == {}


def test_summaries_know_other_spellings_and_the_goal(o: Overnight) -> None:
    """The primary metric has the project's goal; each run may have spelled it in its own way."""
    for run, name in (("a", "val_acc"), ("b", "eval/accuracy"), ("c", "test_acc")):
        folders.jsonl(folder(o, run), {"step": 1, name: 0.5}, {"step": 2, name: 0.4})
    found = series.summaries(o, ["a", "b", "c"], "val_acc")
    assert {run: m.best.value for run, m in found.items() if m.best} == {"a": 0.5, "b": 0.5}
    assert {m.goal for m in found.values()} == {"max"}
    best = found["b"].best
    assert best is not None
    assert (best.source, best.line, best.step) == ("work/metrics.jsonl", 1, 1)


def test_summary_of_values_that_are_not_finite(o: Overnight) -> None:
    """NaN passes through a database that has none, and steps beyond any integer do, too."""
    folders.jsonl(folder(o), {"step": 1e300, "loss": 1.0}, {"step": 2e300, "loss": float("nan")})
    found = series.summaries(o, ["a"], "loss")["a"]
    assert math.isnan(found.last.value)
    assert found.last.step == int(2e300)
    assert (found.n, found.nonfinite) == (2, 1)
    assert found.nonfinite_at is not None
    assert found.nonfinite_at.line == 2


def test_curves_are_ready_to_draw(o: Overnight) -> None:
    """The thumbnail of the store is what thinning the whole curve gives; finer ones are made."""
    rows = [{"step": n, "loss": math.sin(n) if n % 700 else float("nan")} for n in range(1, 3000)]
    folders.jsonl(folder(o), *rows)
    (loss,) = series.of_run(o, "a")
    for buckets in (thinning.BUCKETS, 50):
        found = series.curve(o, "a", "loss", buckets)
        wanted = thinning.thinned(loss.x, loss.value, buckets)
        assert found is not None
        for name in ("x", "low", "high", "mean", "nonfinite"):
            assert np.array_equal(getattr(found, name), getattr(wanted, name))
        assert found.lost == 4


def test_names_that_no_database_can_hold(o: Overnight) -> None:
    """Half characters in a metric's name and in the run's records are written out."""
    path = folders.jsonl(folder(o))
    path.write_text('{"step": 1, "\\ud800loss": 1.0, "acc": 2}\n')
    (folder(o) / "spec.json").write_text('{"snapshot": "\\ud800", "sweep": {"name": "\\udfff"}}')
    names = [each.name for each in series.of_run(o, "a")]
    assert names == sorted(names)
    assert len(names) == 2
    assert all(name.encode() for name in names)


# -- only what is new is read ---------------------------------------------------------------------


class Counted:
    """Calls of the readers, by path and whether they went on from a mark."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[str, bool]] = []
        for reader in reading.readers():
            monkeypatch.setattr(reader, "read", self.around(reader.read))

    def around(self, read):  # type: ignore[no-untyped-def]
        def counted(path: Path, mark: Mark | None = None) -> Found:
            self.calls.append((path.name, mark is not None))
            return read(path, mark)

        return counted


def test_unchanged_files_are_not_opened(o: Overnight, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked again, nothing is read; a file that has grown is read on, the others stay closed."""
    folders.log(folder(o), 1, "step 1 loss 0.5")
    path = folders.jsonl(folder(o), {"step": 1, "acc": 0.5})
    (folder(o) / "work/notes.log").write_text("nothing to see\n")
    series.of_run(o, "a")
    counted = Counted(monkeypatch)
    series.of_run(o, "a")
    assert counted.calls == []
    with path.open("a") as file:
        file.write('{"step": 2, "acc": 0.6}\n')
    found = series.of_run(o, "a")
    assert counted.calls == [("metrics.jsonl", True)]
    assert_same(found, whole(o))


def test_a_file_that_was_written_anew_is_read_anew(o: Overnight) -> None:
    """Also where it is longer than before, and where it is as long."""
    path = folders.jsonl(folder(o), {"step": 1, "acc": 0.5}, {"step": 2, "acc": 0.6})
    series.of_run(o, "a")
    folders.jsonl(folder(o), *({"step": n, "acc": 0.7} for n in range(1, 9)))
    assert_same(series.of_run(o, "a"), whole(o))
    text = path.read_text().replace("0.7", "0.8")
    path.write_text(text)
    os.utime(path, ns=(1, 1))
    assert series.of_run(o, "a")[0].value.tolist() == [0.8] * 8
    path.write_text(text[: len(text) // 2])
    assert_same(series.of_run(o, "a"), whole(o))


def test_a_log_that_was_written_anew_is_read_anew(o: Overnight) -> None:
    """Also where it is longer than before."""
    folders.log(folder(o), 1, "step 1 loss 0.5", "step 2 loss 0.25")
    series.of_run(o, "a")
    folders.log(folder(o), 1, *(f"step {n} loss 0.75" for n in range(1, 9)))
    assert series.of_run(o, "a")[0].value.tolist() == [0.75] * 8


def test_a_change_in_the_middle_is_noticed(o: Overnight) -> None:
    """By the time of the file, where its size and both its ends are the same."""
    path = folders.jsonl(folder(o), *({"step": n, "acc": 0.5} for n in range(300)))
    series.of_run(o, "a")
    text = path.read_text()
    path.write_text(text.replace('"step": 150, "acc": 0.5', '"step": 150, "acc": 0.9'))
    os.utime(path, ns=(1, 1))
    assert series.of_run(o, "a")[0].value.max() == 0.9


def test_a_last_line_that_went_on_after_all(o: Overnight) -> None:
    """What looked like a whole row was none: its value is taken back."""
    path = folders.jsonl(folder(o))
    path.write_text('{"step": 1, "loss": 0.5}')
    assert [each.name for each in series.of_run(o, "a")] == ["loss"]
    with path.open("a") as file:
        file.write('x\n{"step": 2, "loss": 0.4}\n')
    assert_same(series.of_run(o, "a"), whole(o))
    assert series.of_run(o, "a")[0].value.tolist() == [0.4]


def test_a_last_line_of_a_log_that_went_on_after_all(o: Overnight) -> None:
    """It had the form of the lines before it, and yet not all of its digits."""
    folders.log(folder(o), 1, *(f"step {n} loss 1.{n}" for n in range(1, 9)))
    path = folder(o) / "attempts/1/output.log"
    with path.open("a") as file:
        file.write("step 9 loss 1.0")
    assert series.of_run(o, "a")[0].value.size == 9
    with path.open("a") as file:
        file.write("e+16\n")
    assert series.of_run(o, "a")[0].value[-1] == 1e16
    assert_same(series.of_run(o, "a"), whole(o))


def test_a_file_that_goes_away_while_it_is_read(o: Overnight) -> None:
    """The run's other files are read; the next look forgets it, or reads it if it came back."""
    gone = folders.jsonl(folder(o), {"step": 1, "acc": 0.5}, name="a/metrics.jsonl")
    folders.jsonl(folder(o), {"step": 1, "loss": 0.5})
    (plan,) = ingesting.needed(o.series, o.root, ["a"])
    text = gone.read_text()
    gone.unlink()
    ingesting.carry_out(o.series, [plan], o.root)
    assert o.series.names("a") == ["loss"]
    assert "No such file" in o.series.told_of("a")[0][0][1]
    gone.write_text(text)
    assert [each.name for each in series.of_run(o, "a")] == ["acc", "loss"]


def test_what_a_database_has_beside_it_belongs_to_it(o: Overnight) -> None:
    """A log that SQLite has not taken in yet changes what the database says."""
    work = folder(o) / "work"
    work.mkdir()
    (work / "x.db").write_bytes(b"12345")
    (work / "x.db-wal").write_bytes(b"123")
    os.utime(work / "x.db", ns=(1, 5))
    os.utime(work / "x.db-wal", ns=(1, 7))
    assert run_files.listing(folder(o))["work/x.db"] == (8, 7)


def test_files_and_runs_that_are_gone_are_forgotten(o: Overnight) -> None:
    """What is not here any more is not told any more."""
    one = folders.jsonl(folder(o), {"step": 1, "acc": 0.5})
    two = folders.jsonl(folder(o), {"step": 1, "loss": 0.5}, name="deep/metrics.jsonl")
    series.ingest(o)
    two.unlink()
    assert [each.name for each in series.of_run(o, "a")] == ["acc"]
    one.unlink()
    one.parent.joinpath("deep").rmdir()
    one.parent.rmdir()
    folder(o).rmdir()
    series.ingest(o)
    assert o.series.runs() == []


ROWS = st.lists(
    st.tuples(st.integers(0, 6), st.sampled_from(("loss", "val_acc", "lr")), st.floats(width=32)),
    min_size=1,
    max_size=8,
)


def line_of(kind: str, step: int, name: str, value: float) -> str:
    if kind == "jsonl":
        return json.dumps({"step": step, name: value}) + "\n"
    if kind == "bar":
        return f"Epoch 1: {step}0%|# | {step}/9 [00:01<00:09, 1.0it/s, {name}={value!r}]\r"
    return f"step {step} {name} {value!r}\n"


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.tuples(ROWS, st.integers(0, 9)), min_size=1, max_size=5),
    st.sampled_from(("jsonl", "log", "bar")),
)
def test_read_bit_by_bit_is_read_at_once(
    tmp_path_factory: pytest.TempPathFactory,
    pieces: list[tuple[list[tuple[int, str, float]], int]],
    kind: str,
) -> None:
    """However a file grows, also in the middle of a line, the store holds what a whole reading
    gives.
    """
    with project(tmp_path_factory.mktemp("p")) as o:
        path = folder(o) / ("work/metrics.jsonl" if kind == "jsonl" else "attempts/1/output.log")
        path.parent.mkdir(parents=True)
        text = "".join(line_of(kind, *row) for rows, _ in pieces for row in rows)
        start = 0
        for number, (_, torn) in enumerate(pieces):
            end = len(text) * (number + 1) // len(pieces) + torn
            with path.open("a") as file:
                file.write(text[start:end])
            os.utime(path, ns=(number, number))
            start = max(start, min(end, len(text)))
            assert_same(series.of_run(o, "a"), whole(o))


def test_many_small_additions_do_not_pile_up(o: Overnight) -> None:
    """A curve that grew a hundred times lies in a few pieces."""
    path = folders.jsonl(folder(o), {"step": 0, "loss": 0.5})
    for step in range(1, 100):
        with path.open("a") as file:
            file.write(json.dumps({"step": step, "loss": 0.5 / step}) + "\n")
        series.ingest(o, ["a"])
    assert_same(series.of_run(o, "a"), whole(o))
    (chunks,) = (
        chunks
        for _, chunks in o.series.curves_of(
            o.series.known(["a"])["a"].files["work/metrics.jsonl"].id
        )
    )
    assert len(chunks) <= 40


# -- damage, death, company -----------------------------------------------------------------------


@pytest.mark.parametrize("harm", ["text", "empty", "middle", "older", "blob"])
def test_a_damaged_store_is_made_anew(tmp_path: Path, harm: str) -> None:
    """Whatever has happened to the file, the answer is what the pulled folders say."""
    with project(tmp_path) as o:
        for run in ("a", "b"):
            folders.jsonl(folder(o, run), *({"step": n, "loss": math.sin(n)} for n in range(2000)))
        series.ingest(o)
        o.series.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path = path_of(tmp_path)
    damage(path, harm)
    with project(tmp_path) as o:
        for run in ("a", "b"):
            assert_same(series.of_run(o, run), whole(o, run))
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.close()


def damage(path: Path, harm: str) -> None:
    size = path.stat().st_size
    if harm == "text":
        path.write_text("this is no database\n" * 500)
    elif harm == "empty":
        path.write_bytes(b"")
    elif harm == "middle":
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (size - 4096))
    else:
        with sqlite3.connect(path) as db:
            if harm == "older":
                db.execute("PRAGMA user_version = 0")
                db.execute("DROP TABLE chunks")
            else:
                db.execute("UPDATE chunks SET data = substr(data, 1, 40)")
        db.close()


def test_a_disk_that_takes_nothing(o: Overnight) -> None:
    """Where no store can be written, the files are read each time."""
    folders.jsonl(folder(o), {"step": 1, "loss": 0.5})
    path_of(o.root).mkdir()
    assert [each.name for each in series.of_run(o, "a")] == ["loss"]


READER = """
import sys
from pathlib import Path
from overnight.app import ingesting
from overnight.store.series import SeriesStore
root, runs = Path(sys.argv[1]), sys.argv[2:]
with SeriesStore(root) as store:
    plans = ingesting.needed(store, root, runs)
    print("ready", flush=True)
    sys.stdin.readline()
    ingesting.BATCH_RUNS = 1
    ingesting.carry_out(store, plans, root, lambda plan: print(plan.run, flush=True))
"""


def reader(root: Path, runs: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", READER, str(root), *runs],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def many(o: Overnight, count: int) -> list[str]:
    runs = [f"r{n:02d}" for n in range(count)]
    for run in runs:
        folders.jsonl(folder(o, run), *({"step": n, "loss": math.sin(n)} for n in range(3000)))
    return runs


def test_killed_while_reading(o: Overnight) -> None:
    """A process that is killed in the middle leaves a store with whole runs, and nothing else."""
    runs = many(o, 30)
    child = reader(o.root, runs)
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdout.readline()
    child.stdin.write("\n")
    child.stdin.flush()
    for _ in range(5):
        child.stdout.readline()
    child.send_signal(signal.SIGKILL)
    child.communicate()
    with SeriesStore(o.root) as store:
        kept = store.runs()
        assert 3 <= len(kept) < 30
        for run in kept:
            assert [ingesting.series_of(each).value.size for each in store.series(run)] == [3000]
    for run in (kept[0], runs[-1]):
        assert_same(series.of_run(o, run), whole(o, run))


def test_two_processes_read_the_same_runs_at_once(o: Overnight) -> None:
    """Both have seen the same growth before one writes: nothing is twice there, nothing is lost."""
    runs = many(o, 12)
    series.ingest(o)
    for run in runs:
        with (folder(o, run) / "work/metrics.jsonl").open("a") as file:
            file.write('{"step": 3000, "loss": 0.5}\n')
    children = [reader(o.root, runs), reader(o.root, runs[::-1])]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        child.communicate("\n")
        assert child.returncode == 0
    with o.series.db as db:
        assert db.execute("SELECT count(*), sum(n) FROM chunks").fetchone() == (24, 36_012)
    for run in runs:
        assert_same(series.of_run(o, run), whole(o, run))


def test_who_comes_late_reads_on(o: Overnight) -> None:
    """A process whose reading another has overtaken with an older one does it again."""
    path = folders.jsonl(folder(o), {"step": 1, "loss": 0.5})
    with SeriesStore(o.root) as first, SeriesStore(o.root) as second:
        (older,) = ingesting.needed(first, o.root, ["a"])
        read = ingesting.change(first, older)
        with path.open("a") as file:
            file.write('{"step": 2, "loss": 0.4}\n')
        newer = ingesting.needed(second, o.root, ["a"])
        assert first.put([read]) == []
        ingesting.carry_out(second, newer, o.root)
        (stored,) = second.series("a")
        assert ingesting.series_of(stored).value.tolist() == [0.5, 0.4]


def test_much_is_read_by_two_processes(o: Overnight, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both do their part, each run once, and the progress is told to the end."""
    runs = many(o, 10)
    monkeypatch.setattr(series, "HEAVY_BYTES", 0)
    monkeypatch.setattr(series, "_cores", lambda: 2)
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(o.talk, "progress", lambda text, done, total: told.append((done, total)))
    found = series.ingest(o)
    assert (found.runs, len(told)) == (10, 10)
    assert told[-1][0] == told[-1][1] == found.bytes
    for run in runs:
        assert_same(series.of_run(o, run), whole(o, run))


def test_interrupted_with_two_processes(o: Overnight, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends the second process, too."""
    many(o, 10)
    monkeypatch.setattr(series, "HEAVY_BYTES", 0)
    monkeypatch.setattr(series, "_cores", lambda: 2)
    started: list[subprocess.Popen[str]] = []
    real = subprocess.Popen

    def popen(*args, **kwargs):  # type: ignore[no-untyped-def]
        started.append(real(*args, **kwargs))
        return started[-1]

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", popen)
    monkeypatch.setattr(o.talk, "progress", interrupt)
    with pytest.raises(KeyboardInterrupt):
        series.ingest(o)
    wait_until(lambda: started[0].poll() is not None)
