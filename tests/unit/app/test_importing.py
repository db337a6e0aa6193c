"""A folder of old runs: which of its folders are runs, their names, settings, what is copied."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from overnight.app import (
    Overnight,
    comparing,
    evaluating,
    imported,
    importing,
    querying,
    series,
)
from overnight.core import errors
from overnight.results import run_roots, settings_files, show
from tests.unit.app.projects import project


@pytest.fixture
def o(tmp_path: Path) -> Iterator[Overnight]:
    with project(tmp_path / "project") as made:
        yield made


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return tmp_path / "old"


def write(path: Path, content: str | list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, list):
        content = "".join(f"{json.dumps(row)}\n" for row in content)
    path.write_text(content)
    return path


def rows(best: float) -> list[dict[str, Any]]:
    return [{"step": n, "val_acc": best - 0.1 * abs(n - 2)} for n in (1, 2, 3)]


def tree(old: Path) -> None:
    """Two runs of our own format, one of Lightning, one of Hydra, and what is none."""
    write(old / "one/metrics.jsonl", rows(0.7))
    write(old / "one/config.yaml", "optimizer:\n  lr: 0.1\nname: one\n")
    write(old / "two/logs/metrics.jsonl", rows(0.8))
    write(old / "two/args.json", '{"lr": 0.2, "seed": 7}')
    write(old / "two/model.ckpt", "x" * 10_000)
    write(
        old / "lightning_logs/version_3/metrics.csv",
        "epoch,step,val_acc\n0,10,0.5\n1,20,0.6\n",
    )
    write(old / "lightning_logs/version_3/hparams.yaml", "lr: 0.3\n")
    write(old / "hydra/.hydra/config.yaml", "lr: 0.4\nmodel:\n  depth: 3\n")
    write(old / "hydra/.hydra/overrides.yaml", "- lr=0.5\n- +model.width=8\n")
    write(old / "hydra/metrics.jsonl", rows(0.9))
    write(old / "notes.md", "nothing\n")


def test_folders_become_runs(o: Overnight, old: Path) -> None:
    """Each with its name, its settings and its series; checkpoints are left where they are."""
    tree(old)
    found = importing.bring(o, old)
    assert {each.run: each.what for each in found.runs} == {
        "one": "new", "two": "new", "version_3": "new", "hydra": "new",
    }  # fmt: skip
    best = {run: m.best.value for run, m in summaries(o).items() if m.best}
    assert best == {"one": 0.7, "two": 0.8, "version_3": 0.6, "hydra": 0.9}
    asked = "select run, key, value from settings where key like '%lr%' order by run"
    assert ask(o, asked) == [
        ("hydra", "lr", 0.5),
        ("one", "optimizer.lr", 0.1),
        ("two", "lr", 0.2),
        ("version_3", "lr", 0.3),
    ]
    assert not list((o.root / ".overnight/results").rglob("*.ckpt"))


def test_originals_are_not_needed_later(o: Overnight, old: Path) -> None:
    """`results` and `compare` tell of the copies, name the originals, and ask no server."""
    tree(old)
    importing.bring(o, old)
    shutil.rmtree(old)
    told = evaluating.result(o, "one", None).to_json()
    assert told["state"] == "imported"
    assert told["metrics"]["val_acc"]["source"] == "work/metrics.jsonl:2"
    assert told["provenance"]["imported_from"] == str(old / "one")
    assert str(old / "one/metrics.jsonl") in told["provenance"]["files_imported"]
    shown = show.result(evaluating.result(o, "one", None))
    assert f"imported    {old / 'one'}" in shown
    assert "launched" not in shown
    compared = comparing.compared(o, ["one", "two"])
    assert compared.best is not None
    assert [each.run for each in compared.best.pooled] == ["two"]
    with pytest.raises(errors.UsageError, match="was imported here"):
        evaluating.pull(o, "one", None)


def test_new_runs_have_other_names(o: Overnight, old: Path) -> None:
    """A run that is launched later could not be fetched into the place of an imported one."""
    write(old / "train01/metrics.jsonl", rows(0.7))
    importing.bring(o, old)
    assert imported.taken(o) == {"train01"}
    with pytest.raises(errors.NameTaken, match="was imported here"):
        imported.check_free(o, "train01")
    imported.check_free(o, "train02")


def test_imported_again(o: Overnight, old: Path) -> None:
    """The same runs: what has grown is updated, the rest is unchanged."""
    tree(old)
    importing.bring(o, old)
    first = (o.root / ".overnight/results/one/spec.json").read_text()
    with (old / "two/logs/metrics.jsonl").open("a") as file:
        file.write('{"step": 4, "val_acc": 0.95}\n')
    again = importing.bring(o, old)
    assert {each.run: each.what for each in again.runs} == {
        "one": "unchanged", "two": "updated", "version_3": "unchanged", "hydra": "unchanged",
    }  # fmt: skip
    assert summaries(o)["two"].last.value == 0.95
    assert (o.root / ".overnight/results/one/spec.json").read_text() == first


def test_two_runs_with_the_same_name(o: Overnight, old: Path, tmp_path: Path) -> None:
    """Each keeps its own, also when both are imported again."""
    write(old / "one/metrics.jsonl", rows(0.7))
    other = write(tmp_path / "other/one/metrics.jsonl", rows(0.9)).parents[1]
    o.mirror.record("gpu1", 1.0, [{"run": "one-2", "state": "finished"}], {})
    for _ in range(2):
        assert [each.run for each in importing.bring(o, old).runs] == ["one"]
        assert [each.run for each in importing.bring(o, other).runs] == ["one-3"]
    assert summaries(o)["one-3"].last.value == pytest.approx(0.8)


def test_names_that_the_user_gives(o: Overnight, old: Path) -> None:
    """One run has it as it is, several have it in front; a folder may itself be a run."""
    write(old / "metrics.jsonl", rows(0.7))
    assert [each.run for each in importing.bring(o, old).runs] == ["old"]
    write(old / "deep er/ü/metrics.jsonl", rows(0.7))
    assert [each.run for each in importing.bring(o, old / "deep er", name="n").runs] == ["n"]
    named = {each.run for each in importing.bring(o, old, name="mine").runs}
    assert named == {"old", "n"}
    with pytest.raises(errors.UsageError, match="is no name of a run"):
        importing.bring(o, old, name="../x")


def test_dry_run_copies_nothing(o: Overnight, old: Path) -> None:
    """It says the same as the import that follows."""
    tree(old)
    dry = importing.bring(o, old, dry=True)
    assert not (o.root / ".overnight/results").exists()
    assert dry.runs == importing.bring(o, old).runs
    assert dry.to_json()["dry_run"] is True


def test_what_cannot_be_imported_is_said(o: Overnight, old: Path) -> None:
    """No folder, nothing in it, a broken file, our own results."""
    with pytest.raises(errors.UsageError, match="is no folder"):
        importing.bring(o, old)
    write(old / "notes.md", "nothing\n")
    with pytest.raises(errors.UsageError, match="holds metrics that a reader knows"):
        importing.bring(o, old)
    write(old / "one/metrics.jsonl", rows(0.7))
    write(old / "empty/metrics.csv", "epoch,loss\n")
    found = importing.bring(o, old)
    assert [each.run for each in found.runs] == ["one"]
    assert [each.path for each in found.skipped] == ["empty/metrics.csv"]
    with pytest.raises(errors.UsageError, match="here already"):
        importing.bring(o, o.root / ".overnight/results/one")


def test_links_are_not_followed(o: Overnight, old: Path, tmp_path: Path) -> None:
    """What a link points to lies somewhere else."""
    secret = write(tmp_path / "elsewhere/metrics.jsonl", rows(0.1))
    write(old / "one/metrics.jsonl", rows(0.7))
    (old / "one/more.jsonl").symlink_to(secret)
    (old / "two").symlink_to(secret.parent)
    assert [each.run for each in importing.bring(o, old).runs] == ["one"]
    assert not (o.root / ".overnight/results/one/work/more.jsonl").exists()


def test_a_database_of_several_runs_is_taken_apart(o: Overnight, old: Path) -> None:
    """Each run has its own rows, and knows the file they came from."""
    old.mkdir()
    with sqlite3.connect(old / "mlflow.db") as db:
        db.execute(
            "CREATE TABLE metrics (key TEXT, value REAL, timestamp INT, run_uuid TEXT, step INT,"
            " is_nan INT)"
        )
        db.execute("CREATE TABLE runs (run_uuid TEXT, name TEXT)")
        for run, best in (("a1", 0.4), ("b2", 0.6)):
            db.execute("INSERT INTO runs VALUES (?, ?)", (run, f"run-{run}"))
            for step in range(3):
                told = ("val_acc", best + step / 10, 1_700_000_000_000 + step, run, step, 0)
                db.execute("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", told)
    db.close()
    found = importing.bring(o, old)
    assert len(found.runs) == 2
    assert sorted(m.last.value for m in summaries(o).values()) == pytest.approx([0.6, 0.8])
    assert all(str(old / "mlflow.db") in each.origin for each in found.runs)
    assert {each.what for each in importing.bring(o, old).runs} == {"unchanged"}


def test_an_import_that_was_cut_short_goes_on(
    o: Overnight, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No half-copied file has its name, and what is missing comes with the next try."""
    tree(old)
    real = shutil.copyfile

    def full(source: Path, to: Path, **more: Any) -> None:
        if "two" in source.parts:
            Path(to).write_text("half")
            raise OSError(28, "No space left on device")
        real(source, to, **more)

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(errors.UsageError, match="No space left on device"):
        importing.bring(o, old)
    assert not list((o.root / ".overnight/results").rglob("*.tmp"))
    monkeypatch.setattr(shutil, "copyfile", real)
    assert len(importing.bring(o, old).runs) == 4
    assert len(summaries(o)) == 4


ROOTS = {
    "a/metrics.jsonl": "a",
    "b/logs/metrics.csv": "b",
    "hf/checkpoint-50/trainer_state.json": "hf",
    "hf/runs/Nov29_12-00-00_host/events.out.tfevents.1": "hf",
    "runs/Nov29_12-00-00_host/events.out.tfevents.1": "runs/Nov29_12-00-00_host",
    "keras/train/events.out.tfevents.1": "keras",
    "keras/validation/events.out.tfevents.1": "keras",
    "dvc/dvclive/plots/metrics/loss.tsv": "dvc",
    "x/lightning_logs/version_0/metrics.csv": "x/lightning_logs/version_0",
    "configured/somewhere/progress.csv": "configured",
}


def test_which_folders_are_runs() -> None:
    """Folders that loggers make inside a run belong to it."""
    files = [tuple(path.split("/")) for path in ROOTS]
    found = run_roots.roots(files, [("configured", "config.yaml")])
    told = {"/".join(file): "/".join(root) for root, own in found.items() for file in own}
    assert told == ROOTS


@pytest.mark.parametrize(
    ("root", "prefix", "name"),
    [
        (("exp", "a"), None, "exp-a"),
        (("x", "lightning_logs", "version_0"), None, "x-version_0"),
        (("lightning_logs",), None, "lightning_logs"),
        ((), None, "top"),
        (("a",), "old", "old-a"),
        (("ü é",), None, "top"),
        (("-a b-",), None, "a-b"),
        (("x" * 99, "seed1"), None, "x" * 50 + "-seed1"),
    ],
)
def test_names(root: tuple[str, ...], prefix: str | None, name: str) -> None:
    """Of the letters that a run's name may have."""
    assert run_roots.name(root, "top", prefix=prefix) == name


def test_settings_of_wandb_and_hostile_ones(tmp_path: Path) -> None:
    """W&B wraps each value; what cannot be read is no error."""
    wandb = write(
        tmp_path / "files/config.yaml", "_wandb:\n  value: {}\nlr:\n  desc: null\n  value: 0.1\n"
    )
    assert settings_files.read(wandb) == {"lr": 0.1}
    for text in ("{" * 5000, "!!python/object:os.system x", "\x00", "- a\n- b", "a: &a [*a]"):
        for name in ("config.yaml", "args.json"):
            settings_files.read(write(tmp_path / name, text))
    os.truncate(write(tmp_path / "config.json", "{}"), 0)
    assert settings_files.read(tmp_path / "config.json") == {}


def summaries(o: Overnight):  # type: ignore[no-untyped-def]
    return series.summaries(o, series.known_runs(o), "val_acc")


def ask(o: Overnight, statement: str) -> list[tuple[Any, ...]]:
    with querying.ask(o, querying.Wanted(statement=statement)) as answer:
        return list(answer.rows)


def appended(old: Path) -> None:
    parts = ("step,train_loss\n" + "".join(f"{n},{k + 1 / (n + 1)}\n" for n in range(20))
             for k in range(3))  # fmt: skip
    write(old / "metrics.csv", "".join(parts))
    write(old / "args.json", '{"lr": 0.2}')


def test_runs_behind_each_other_in_a_file_are_told_of(o: Overnight, old: Path) -> None:
    """They may be attempts of one run, so they stay one: but not in silence."""
    appended(old)
    (found,) = importing.bring(o, old).runs
    assert "metrics.csv begins anew at line 23, 44: " in found.note
    assert "--split" in found.note


def test_runs_behind_each_other_become_runs_when_asked(o: Overnight, old: Path) -> None:
    """Each with its own values and the settings beside the file; a second time nothing changes."""
    appended(old)
    found = importing.bring(o, old, split=True)
    assert [each.run for each in found.runs] == ["old-1", "old-2", "old-3"]
    assert {each.note for each in found.runs} == {""}
    for k, each in enumerate(found.runs):
        (series_,) = series.of_run(o, each.run)
        assert series_.value.tolist() == [k + 1 / (n + 1) for n in range(20)]
        assert comparing.compared(o, [each.run]).outcomes[0].config["lr"] == 0.2
    again = importing.bring(o, old, split=True)
    assert [(each.run, each.what) for each in again.runs] == [
        (f"old-{n}", "unchanged") for n in (1, 2, 3)
    ]


def test_the_parts_of_a_file_are_named_as_asked(o: Overnight, old: Path) -> None:
    """The name in front, the number behind."""
    appended(old)
    found = importing.bring(o, old, name="base", split=True)
    assert [each.run for each in found.runs] == ["base-1", "base-2", "base-3"]


def test_what_is_not_read_is_told(o: Overnight, old: Path) -> None:
    """Compressed files, and names that no JSON could tell; pictures are expected to be left."""
    write(old / "one/metrics.jsonl", rows(0.7))
    write(old / "one/more.jsonl.gz", "x")
    write(old / "one/plot.png", "x")
    odd = os.fsencode(old) + b"/odd\xff"
    os.mkdir(odd)
    (Path(os.fsdecode(odd)) / "metrics.csv").write_text("step,loss\n1,2\n2,1\n")
    found = importing.bring(o, old).to_json()
    json.dumps(found).encode()
    assert {each["path"]: each["why"].partition(":")[0] for each in found["skipped"]} == {
        "odd\\xff/metrics.csv": "its name is no text in UTF-8",
        "one/more.jsonl.gz": "compressed",
    }
