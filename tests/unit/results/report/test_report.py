"""What a report says of a night, in every form."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from overnight.results.page import Chart, Line
from overnight.results.report import gathering, markdown, sections, text, web
from overnight.results.report.model import Health
from overnight.results.tables import layout
from tests.unit.results.report import nights
from tests.unit.results.report.nights import BEGIN, HOUR, run, server, told

NIGHT = """\
clip-tta, since yesterday 18:00 (15 h 00 min)
1 needs a decision, 1 failed, 2 finished, 1 stopped, 1 running, 1 queued, 1 unreachable; \
1 failure mended; 95.6 GPU h used

Needs a decision
  train07 on gpu1, Sat 03:40
    the loss is no longer finite since step 1200; last sound one 0.41 at step 1180
      overnight resume train07 --lr-scale 0.5
      overnight stop train07

Failed
  train03 on gpu2, Sat 02:12, epoch 12/50, attempt 2
    missing_file: FileNotFoundError: data/val.json
    A file does not exist.
    links under [project] leads a name of the project to data on the server
      overnight explain train03
      overnight resume train03   (once it is mended)

Servers
  gpu3
    unreachable since Sat 03:12, last heard of 6 h 00 min ago: gpu3: no route to host
    1 run had not ended there; they go on without us, and are shown as last seen
      overnight doctor gpu3
  gpu1
    /data will be full in about 50 min (12.1 GiB left) (seen by train02, Sat 05:00)
      overnight doctor gpu1

Results
  run       server  best val_acc  at        last   to target
  train01   gpu1    94.31         epoch 42  94.02  -1.19 (worse)
  train02†  gpu1    95.72~                  95.6~  +0.22 (better)
  target 95.5 (paper, table 2)
  † a repair has changed the experiment
  ~ as the server followed it, without a verdict; overnight results RUN reads its files

Sweep lr-ablation
  lr    n  best         to base (95 %)
  0.1   3  94.1 ± 0.17  +1.2 [+0.9, +1.5]
  0.01  3  92.9 ± 0.15  base
  sweep lr-ablation, val_acc (max): 6 runs, 6 finished
  intervals: 95 %, Welch's t

Next
  4 more seeds for lr=0.1
    the interval of its difference to the base holds 0
      overnight next --write sweep.toml && overnight sweep sweep.toml

Mended in the night
  train01 on gpu1, Sat 02:13, attempt 1
    cuda_oom: Tried to allocate 2.00 GiB
    batch 64 -> batch 32 x 2, from checkpoint-12.pt; now finished

How the curves do
  train01 on gpu1
    val_loss was best at epoch 21 and has risen since by 12 %

Going on
  run      server  state        where       loss   left
  train04  gpu2    running      epoch 9/50  0.871  5 h 02 min
  train05  gpu3    unreachable
  1 run in the queue: train06

Stopped
  train08 on gpu1, Fri 21:00
    stopped by hand on laptop

GPU hours
  95.6 GPU h used by 5 runs
  6.4 GPU h of them in runs that failed: train03
  0.88 GPU h of them done again after failures: train01
  at least 0.25 GPU h idle while a run held the GPUs: train04
  32.4 GPU h of 120.0 GPU h (8 GPUs) not held by this project; how much of that others used was \
not measured
  not measured: how many GPUs gpu3 has (overnight gpus)
  of gpu3 only until Sat 03:00, when it was last heard of
"""


@pytest.fixture(autouse=True)
def greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Clocks are shown in local time."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_a_night_on_a_terminal() -> None:
    """The most important first."""
    assert text.page(gathering.report(nights.busy())) == NIGHT


@pytest.mark.parametrize("width", [120, 80, 60])
def test_any_width(width: int) -> None:
    """Nothing but commands, which have to be copied, may be wider."""
    lines = text.page(gathering.report(nights.busy()), width=width).splitlines()
    assert layout.fits([line for line in lines if not line.startswith("      ")], width)


def test_two_lines() -> None:
    """How it stands, and what needs somebody."""
    first, second = text.brief(gathering.report(nights.busy())).split("\n")
    assert first.startswith("clip-tta, since yesterday 18:00 (15 h 00 min): 1 needs a decision")
    assert second.startswith("decide: train07; failed: train03; unreachable: gpu3; gpu1: /data")


def test_a_quiet_night() -> None:
    """One message, and none on what is well."""
    report = gathering.report(told([server("gpu1", [])]))
    assert text.page(report).splitlines()[1:] == ["no runs"]
    assert text.brief(report).endswith("no runs\nnothing needs you")
    assert sections.sections(report) == []


def test_what_is_old_is_not_told_again() -> None:
    """But for what still waits for a person."""
    listed = [run("a", "failed", -20.0), run("b", "finished", -20.0)]
    listed.append(run("c", "needs-decision", -20.0, reason="which?", answers=["overnight x"]))
    report = gathering.report(told([server("gpu1", listed)]))
    assert [each.key for each in sections.sections(report)] == ["decisions"]


def test_many_runs_that_failed_alike_are_one_item() -> None:
    """With the first names, and how many more."""
    listed = [run(f"r{n:02}", "failed", n / 10, reason="exit code 3") for n in range(30)]
    (section,) = sections.sections(gathering.report(told([server("gpu1", listed)])))
    (item,) = section.items
    assert item.head.startswith("30 runs")
    assert item.says[-1] == "r00 r01 r02 r03 r04 r05 r06 r07 and 22 more"


def test_a_mended_run_that_failed_later_is_told_once() -> None:
    """With its end."""
    events = [
        *nights.attempt(1.0, 2.0),
        nights.event("diagnosed", 2.0, **nights.OOM),
        nights.event("repaired", 2.0, change="batch 32 x 2"),
        *nights.attempt(2.1, 3.0),
        nights.event("failed", 3.0, reason="no progress"),
    ]
    failed = run("a", "failed", 3.0, reason="no progress")
    report = gathering.report(told([server("gpu1", [failed])], {("gpu1", "a"): events}))
    assert report.mended == ()
    assert len(report.failed) == 1


def test_what_machines_do() -> None:
    """The last word on each disk and each kind of fault, and runs that have fallen silent."""
    full = {"kind": "disk_low", "facts": {"path": "/data"}}
    events = [
        nights.event("noticed", 2.0, text="60 GiB left", **full),
        nights.event("noticed", 3.0, text="1 GiB left", **full),
        nights.event("noticed", 3.5, kind="gpu_fault", text="Xid 79 on GPU 2", facts={}),
        nights.event("noticed", 3.6, kind="gpu_shared", text="somebody else", facts={}),
    ]
    quiet = run("a", "running", 1.0, silent_s=7200.0)
    report = gathering.report(told([server("gpu1", [quiet])], {("gpu1", "a"): events}))
    machines = next(each for each in sections.sections(report) if each.key == "servers")
    assert [item.says[0].partition(" (")[0] for item in machines.items] == [
        "1 GiB left",
        "Xid 79 on GPU 2",
        "no sign of life for 2 h 00 min",
    ]
    assert text.brief(report).endswith(
        "no sign of life: a; gpu1: 1 GiB left; gpu1: Xid 79 on GPU 2"
    )


def test_runs_of_a_sweep_are_in_its_table() -> None:
    """And not one by one beside it."""
    listed = [run(n, "finished", 1.0, sweep={"name": "lr-ablation"}) for n in ("a", "b")]
    listed.append(run("c", "finished", 1.0))
    sweeps = nights.busy().sweeps
    report = gathering.report(told([server("gpu1", listed)], sweeps=sweeps))
    results, sweep = sections.sections(report)[:2]
    assert results.table is not None and sweep.table is not None
    assert [row[0] for row in results.table.rows] == ["c"]
    assert sections.summary(report) == "3 finished"


def test_curves_that_do_alike_are_one_item() -> None:
    """With the surest of the sentences, and all names."""
    listed = [
        Health(run=f"r{n}", server="gpu1", finding="overfit", words=f"w{n}", confidence=n / 10)
        for n in (7, 9, 8)
    ]
    (section,) = sections.sections(gathering.report(told([server("gpu1", [])], health=listed)))
    (item,) = section.items
    assert (item.head, item.says) == ("overfit, 3 runs", ("r9: w9", "r7 r9 r8"))


HOSTILE = "\x1b[2J<script>alert(1)</script>|`*_[x](http://evil)\u202e"


def test_hostile_words() -> None:
    """Of a log, a server or a metric: they are shown, and do nothing."""
    failed = run("a", "failed", 1.0, reason=HOSTILE, failure={"class": HOSTILE})
    asks = run("b", "needs-decision", 1.0, reason=HOSTILE, answers=[HOSTILE])
    away = server("gpu2", [], reachable=False, problem=HOSTILE)
    report = gathering.report(told([server("gpu1", [failed, asks]), away]))
    for shown in (text.page(report), text.brief(report), markdown.page(report)):
        assert not set(shown) & {"\x1b", "\u202e"}
    assert "<script>alert" not in web.document(report)
    lines = markdown.page(report).splitlines()
    acting = [line for line in lines if not line.startswith("  - ``")]
    assert not [line for line in acting if "<script" in line or "](http:" in line]


def test_as_json() -> None:
    """Everything in it is plain, and every number names its run, server and place."""
    value = json.loads(json.dumps(gathering.report(nights.busy()).to_json(), allow_nan=False))
    assert value["finished"][0]["best"] == {
        "value": 94.31,
        "place": "epoch 42",
        "file": "metrics.jsonl",
        "line": 42,
    }
    assert value["window"]["since"] == BEGIN
    assert value["gpu_hours"]["known_until"] == {"gpu3": BEGIN + 9 * HOUR}
    assert value["mended"][0]["class"] == "cuda_oom"


def test_a_page_for_a_phone() -> None:
    """It says the same, and loads nothing."""
    page = web.document(gathering.report(nights.busy()))
    for words in ("train07", "overnight resume train07 --lr-scale 0.5", "paper, table 2"):
        assert words in page
    assert "src=" not in page


def test_curves_stand_behind_the_results() -> None:
    """And those that are not here are named."""
    line = Line(name="train01", x=[1.0, 2.0], y=[90.0, 94.3])
    chart = Chart(title="val_acc", x_label="step", y_label="val_acc", lines=[line])
    page = web.document(gathering.report(nights.busy()), [chart], ["not fetched: train05"])
    places = [page.index(words) for words in ("<h2>Results", "<h2>Curves of the runs", "<h2>Next")]
    assert places == sorted(places)
    assert "not fetched: train05" in page
