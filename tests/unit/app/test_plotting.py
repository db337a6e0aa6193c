"""Plots of runs that were fetched: lines over seeds, notes, and what cannot be plotted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from overnight.app import Overnight, plotting
from overnight.app.talk import Silent
from overnight.cli import plot as verb
from overnight.core import errors, places
from tests.unit.results import folders


@pytest.fixture
def o(project: Path) -> Iterator[Overnight]:
    """A project with a baseline, and five fetched runs: two settings over seeds, one repaired."""
    with (project / "overnight.toml").open("a") as file:
        file.write('baseline = { val_acc = 95.5, source = "paper, table 2" }\n')
    for lr, seed in (("0.1", 0), ("0.1", 1), ("0.1", 2), ("0.2", 0), ("0.2", 1)):
        fetched(project, f"lr{lr}-s{seed}", lr, seed)
    with Overnight(project, Silent()) as opened:
        yield opened


def fetched(project: Path, run: str, lr: str, seed: int) -> None:
    folder = places.results_folder(project, run)
    rows = [
        {"epoch": e, "loss": 2 / e, "val_acc": 90 + e + seed + 3 * float(lr)} for e in range(1, 6)
    ]
    folders.jsonl(folder, *rows, name="outputs/metrics.jsonl")
    words = ("python", "train.py", "--lr", lr, "--seed", str(seed))
    told = {
        "state.json": folders.state(run, repairs=[]),
        "spec.json": {**folders.spec(*words), "run": run},
    }
    for name, value in told.items():
        (folder / name).write_text(json.dumps(value))


RUNS = ("lr0.1-s0", "lr0.1-s1", "lr0.1-s2", "lr0.2-s0", "lr0.2-s1")


def test_runs_that_differ_in_their_seed_are_one_line_with_a_band(o):
    plot = plotting.plotted(o, plotting.Wish(runs=RUNS))
    assert [(trace.name, trace.n) for trace in plot.traces] == [("lr=0.1", 3), ("lr=0.2", 2)]
    assert plot.traces[0].y.tolist() == pytest.approx([92.3, 93.3, 94.3, 95.3, 96.3])
    assert plot.traces[0].band[1] - plot.traces[0].y == pytest.approx(1)
    assert (plot.x_label, plot.y_label) == ("epoch", "val_acc")
    assert (plot.reference, plot.reference_label) == (95.5, "baseline (paper, table 2)")


def test_each_run_can_have_its_line(o):
    plot = plotting.plotted(o, plotting.Wish(runs=RUNS, by="none", metric="loss"))
    assert [trace.name for trace in plot.traces] == list(RUNS)
    assert plot.reference is None


def test_what_a_repair_has_altered_has_a_line_of_its_own(o):
    path = places.results_folder(o.root, RUNS[0]) / "state.json"
    repair = {"class": "nan", "change": "lr 0.1 -> 0.05", "at": 1.0, "attempt": 1}
    repairs = [{**repair, "changes_science": True}]
    path.write_text(json.dumps(folders.state(RUNS[0], repairs=repairs)))
    plot = plotting.plotted(o, plotting.Wish(runs=RUNS))
    assert [(trace.name, trace.n) for trace in plot.traces] == [
        ("lr=0.1", 2),
        ("lr=0.2", 2),
        (RUNS[0], 1),
    ]
    assert any(note.startswith(f"{RUNS[0]} is in no mean: another") for note in plot.notes)


def test_a_metric_that_no_run_has_is_refused_with_those_that_there_are(o):
    with pytest.raises(errors.UsageError, match=r"no run has 'val_los'; there are: loss, val_acc"):
        plotting.plotted(o, plotting.Wish(runs=RUNS, metric="val_los"))


def test_a_run_without_the_metric_is_named(o):
    fetched(o.root, "other", "0.2", 5)
    folders.jsonl(
        places.results_folder(o.root, "other"), {"epoch": 1, "f1": 1}, name="outputs/metrics.jsonl"
    )
    plot = plotting.plotted(o, plotting.Wish(runs=(*RUNS, "other")))
    assert "Without val_acc: other" in plot.notes


def test_an_axis_that_is_not_told_is_refused(o):
    with pytest.raises(errors.UsageError, match="do not tell the step of val_acc"):
        plotting.plotted(o, plotting.Wish(runs=RUNS, axis="step"))


def test_nothing_named_is_nothing_to_plot(o):
    with pytest.raises(errors.UsageError, match="nothing to plot"):
        plotting.plotted(o, plotting.Wish())


def invoked(o: Overnight, monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    monkeypatch.chdir(o.root)
    done = CliRunner().invoke(verb.command, list(words), catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_the_picture_names_each_line_and_the_baseline(o, monkeypatch):
    shown = invoked(o, monkeypatch, *RUNS)
    assert "a  lr=0.1 (n = 3)" in shown
    assert "b  lr=0.2 (n = 2)" in shown
    assert "baseline (paper, table 2): 95.5" in shown
    assert max(map(len, shown.split("\n")[:20])) <= 80


@pytest.mark.parametrize("name", ["figure.png", "figure.pdf", "figure.svg", "figure.html"])
def test_a_file_is_made_by_its_ending_and_the_caption_is_printed(o, monkeypatch, name):
    shown = invoked(o, monkeypatch, *RUNS, "-o", name)
    magic = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml", "html": b"<!doc"}
    assert (o.root / name).read_bytes().startswith(magic[name.rpartition(".")[2]])
    assert shown.startswith(f"written to {name}")
    assert "lr=0.1 (n = 3)" in shown
    assert "1 standard deviation" in shown


def test_json_has_the_curves_and_the_file(o, monkeypatch):
    told = json.loads(invoked(o, monkeypatch, *RUNS, "--json", "-o", "f.svg"))
    assert told["metric"] == "val_acc"
    assert told["file"] == "f.svg"
    assert [line["n"] for line in told["lines"]] == [3, 2]
    assert told["lines"][0]["x"] == [1, 2, 3, 4, 5]
