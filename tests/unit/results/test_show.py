from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from overnight.results import show, summary, wording
from overnight.results.health import Finding
from tests.unit.results import folders


def test_result_tells_the_whole_story(tmp_path: Path) -> None:
    """Primary metric, baseline, repairs, attempts and provenance are all shown."""
    shown = show.result(folders.result(tmp_path / "train01", [90.0, 93.7, 93.5]))
    lines = shown.splitlines()
    assert lines[0] == "train01  finished  2 attempts, 1 repair"
    assert lines[2] == "val_acc     best 93.7 at epoch 2   last 93.5 at epoch 3"
    assert lines[3] == (
        "baseline    95.5 (paper, table 2)   difference -1.8, not better; "
        "one run against one number: no test is claimed"
    )
    assert "after attempt 1  cuda_oom: batch 64 -> 32 x 2" in shown
    assert "2  exit 0  batch 32 x 2  from outputs/ckpt_3.pt  GPU 0" in shown
    assert "1a2b3c4 on main, with uncommitted changes" in shown
    assert "python train.py --lr 0.1" in shown
    assert "work/metrics.jsonl" in shown


def test_numbers_stand_below_each_other(tmp_path: Path) -> None:
    """However long the names are, but for the odd one that is very long."""
    odd = "val_" + "x" * 60
    folders.jsonl(tmp_path, {"step": 1, "val_acc": 0.5, "test_average_loss": 2.25, odd: 1})
    shown = show.result(summary.summarise(tmp_path, {}, {}, folders.METRICS))
    assert "val_acc".ljust(44) + "best 0.5 at step 1" in shown
    folders.jsonl(tmp_path, {"step": 1, "val_acc": 0.5, "test_average_loss": 2.25})
    shown = show.result(summary.summarise(tmp_path, {}, {}, folders.METRICS))
    lines = [each.strip() for each in shown.splitlines() if " best " in each]
    assert len({each.index("best ") for each in lines}) == 1
    assert len({each.index("last ") for each in lines}) == 1


def test_sentences_fit_the_terminal(tmp_path: Path) -> None:
    """What one would copy stays in one piece."""
    said = Finding(
        finding="overfit", series="val_loss", at=4.0, confidence=0.9,
        sentence="val_loss was best at 4 and has risen since, while the training went on",
    )  # fmt: skip
    found = folders.result(tmp_path / "train01", [90.0, 93.7, 93.5])
    shown = show.result(replace(found, health=(said,)), width=40)
    assert (
        "\n  val_loss was best at 4 and has risen\n    since, while the training went on" in shown
    )
    assert any(len(line) > 40 for line in shown.splitlines() if "commit" in line)


def test_missing_primary_metric_names_what_there_is(tmp_path: Path) -> None:
    """A primary metric that the run does not have is said, with the names it has."""
    folders.jsonl(tmp_path, {"step": 1, "test_acc": 0.5})
    shown = show.result(summary.summarise(tmp_path, {}, {}, folders.METRICS))
    assert "val_acc was not found; the run's files have: test_acc" in shown


def test_run_without_anything(tmp_path: Path) -> None:
    """A run that wrote nothing is shown without raising."""
    shown = show.result(summary.summarise(tmp_path, {}, {}, None))
    assert "no primary metric: set primary and goal" in shown


def test_unknown_direction_is_said(tmp_path: Path) -> None:
    """A metric of which nobody knows the direction says so instead of a best value."""
    folders.jsonl(tmp_path, {"step": 1, "val_sharpness": 0.5})
    shown = show.result(summary.summarise(tmp_path, {}, {}, None))
    assert "best unknown (is lower or higher better?)" in shown
    assert "last 0.5 at step 1" in shown


def test_values_that_are_not_finite_are_counted(tmp_path: Path) -> None:
    """NaN in a curve is never hidden."""
    shown = show.result(folders.result(tmp_path / "a", [90.0, float("nan")]))
    assert "last nan at epoch 2   1 value not finite" in shown


def test_hostile_text_cannot_reach_the_terminal(tmp_path: Path) -> None:
    """Control characters in names, labels, commands and records are written out."""
    evil = "\x1b]0;owned\x07"
    folders.jsonl(tmp_path, {"step": 1, f"val_{evil}": 0.5})
    state = folders.state(evil, state=evil)
    state["attempts"][0] |= {"label": evil, "checkpoint": evil, "signal": evil, "gpus": [evil]}
    state["repairs"][0] |= {"class": evil, "change": evil}
    spec = folders.spec("python", evil, snapshot=evil, provenance={"commit": evil, "user": evil})
    shown = show.result(summary.summarise(tmp_path, state, spec, None))
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "\\x1b]0;owned\\x07" in shown


def test_only_terminals_get_bold(tmp_path: Path) -> None:
    """Run and primary metric are bold in colour, and nothing is elsewhere."""
    found = folders.result(tmp_path / "a", [90.0])
    assert wording.BOLD not in show.result(found)
    assert show.result(found, color=True).count(wording.BOLD) == 2


def test_what_was_done_again_is_one_line(tmp_path: Path) -> None:
    """With the part, in the words of the metric that tells most of it."""
    folders.log(tmp_path, 1, *(f"epoch {n}/5 loss {n}.0 val_acc 0.{n}" for n in (1, 2, 3)))
    folders.log(tmp_path, 2, "epoch 2/5 loss 3.5 val_acc 0.35")
    shown = show.result(summary.summarise(tmp_path, {}, {}, folders.METRICS))
    assert shown.count("done again") == 1
    assert "done again after a resume: epoch 2 to epoch 3 (2 values of loss)" in shown


def test_sources_that_are_not_used_and_parts_that_are_skipped(tmp_path: Path) -> None:
    """What was not believed or could not be read is said, with the reason and the line."""
    folders.log(tmp_path, 1, "step 1 loss 0.51")
    path = folders.jsonl(tmp_path, {"step": 1, "loss": 0.5})
    path.write_text(path.read_text() + '{"step": 2, "lo\n{"step": 3, "loss": 0.4}\n')
    shown = show.result(summary.summarise(tmp_path, {}, {}, None))
    assert "not used: loss of attempts/1/output.log, which work/metrics.jsonl has as well" in shown
    assert "skipped: work/metrics.jsonl:2: " in shown


def test_every_number_has_its_file_and_line(tmp_path: Path) -> None:
    """With --sources: best, last, and the first that is no number, with the attempt."""
    folders.log(tmp_path, 1, "epoch 1 val_acc 0.9", "epoch 2 val_acc nan", "epoch 3 val_acc 0.8")
    found = summary.summarise(tmp_path, {}, {}, folders.METRICS)
    shown = show.result(found, sources=True)
    assert "val_acc     best 0.9  attempts/1/output.log:1 (attempt 1)" in shown
    assert "val_acc     last 0.8  attempts/1/output.log:3 (attempt 1)" in shown
    assert "val_acc     not finite nan  attempts/1/output.log:2 (attempt 1)" in shown
    assert "output.log:1" not in show.result(found)


def test_ten_thousand_metrics(tmp_path: Path) -> None:
    """The first are shown, and how many there are besides."""
    folders.jsonl(tmp_path, {"step": 1, "val_acc": 1.0, **{f"m{n}": n for n in range(10_000)}})
    found = summary.summarise(tmp_path, {}, {}, folders.METRICS)
    for sources in (False, True):
        shown = show.result(found, sources=sources)
        assert len(shown.splitlines()) < 1000
        assert "and 9900 more (--json lists them)" in shown
