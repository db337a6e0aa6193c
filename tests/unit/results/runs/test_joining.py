"""From the files of a run to its series: names, repeated parts, and which file is believed."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from overnight.results import curves, series
from overnight.results.runs import joining, order, run_files
from overnight.results.runs.sources import Read
from tests.unit.results import folders

Row = tuple[object, ...]


def of(folder: Path) -> tuple[series.Series, ...]:
    return run_files.whole(folder).joined.series


def named(found: tuple[series.Series, ...]) -> dict[str, list[float]]:
    """What counts of each series."""
    return {each.name: each.value[each.kept].tolist() for each in found}


def rows(folder: Path) -> dict[str, list[Row]]:
    return {each.name: [each.point(int(p))[:3] for p in each.kept] for each in of(folder)}


def all_values(folder: Path, name: str) -> list[tuple[float, bool]]:
    (found,) = (each for each in of(folder) if each.name == name)
    return list(zip(found.value.tolist(), found.is_repeated.tolist(), strict=True))


# -- which file is believed ---------------------------------------------------------------------


def test_a_file_for_machines_wins_over_the_output(tmp_path: Path) -> None:
    """The same name in both is taken from the file written for machines; the rest is added."""
    folders.log(tmp_path, 1, "step 1 loss 0.51 acc 0.3", "step 2 loss 0.42 acc 0.4")
    folders.jsonl(tmp_path, {"step": 1, "split": "train", "loss": 0.5123})
    found = run_files.whole(tmp_path).joined
    assert named(found.series) == {"loss": [0.5123], "acc": [0.3, 0.4]}
    assert found.unused == (
        joining.Unused(name="loss", path="attempts/1/output.log", used="work/metrics.jsonl"),
    )


def test_top_file_wins_over_deeper_ones(tmp_path: Path) -> None:
    """Of several `metrics.jsonl` the one nearest to the top is believed first."""
    folders.jsonl(tmp_path, {"step": 1, "loss": 1.0})
    folders.jsonl(tmp_path, {"step": 1, "loss": 2.0, "val_f1": 3.0}, name="outputs/metrics.jsonl")
    assert named(of(tmp_path)) == {"loss": [1.0], "val_f1": [3.0]}


def test_two_spellings_in_one_file_stay_apart(tmp_path: Path) -> None:
    """Where a file has both `loss` and `train_loss`, they are two metrics."""
    folders.jsonl(tmp_path, {"step": 1, "train_loss": 1.0, "loss": 2.0, "eval/acc": 0.5})
    assert named(of(tmp_path)) == {"loss": [2.0], "train_loss": [1.0], "val_acc": [0.5]}


def test_a_file_with_a_final_value_stands_behind_a_curve() -> None:
    """`all_results.json` at the top does not hide the history one folder below."""
    final = read("work/all_results.json", curve("eval_loss", [0.4]))
    history = read("work/out/trainer_state.json", curve("eval_loss", [0.9, 0.5, 0.6]))
    found = joining.joined([final, history], {})
    assert named(found.series) == {"val_loss": [0.9, 0.5, 0.6]}
    assert [each.path for each in found.unused] == ["work/all_results.json"]


# -- names --------------------------------------------------------------------------------------


def test_find_knows_other_spellings_of_the_same_split(tmp_path: Path) -> None:
    """`val_acc` finds `eval_accuracy`, and never what was measured elsewhere."""
    folders.jsonl(tmp_path, {"step": 1, "eval_accuracy": 0.5, "test_acc": 0.9, "loss": 2.0})
    known = of(tmp_path)
    found = joining.find(known, "val_acc")
    assert found is not None
    assert (found.name, found.written) == ("val_accuracy", "eval_accuracy")
    assert joining.find(known, "val/Accuracy") is found
    assert joining.find(known, "acc") is None
    loss = joining.find(known, "train/loss")
    assert loss is not None
    assert loss.name == "loss"


def test_find_prefers_the_exact_name(tmp_path: Path) -> None:
    """An alias is only used where the exact name is absent."""
    folders.jsonl(tmp_path, {"step": 1, "val_accuracy": 0.5, "val_acc": 0.6})
    found = joining.find(of(tmp_path), "val_acc")
    assert found is not None
    assert found.value.tolist() == [0.6]


def test_find_takes_the_epoch_value_of_lightning(tmp_path: Path) -> None:
    """`val_loss_epoch` is what somebody means who asks for `val_loss`."""
    folders.jsonl(tmp_path, {"step": 1, "val_loss_epoch": 0.5})
    found = joining.find(of(tmp_path), "val_loss")
    assert found is not None
    assert found.name == "val_loss_epoch"


def test_names_that_are_spelled_alike_stay_apart() -> None:
    """`Val/Acc` beside `val_acc` in one file is another series, with its own name."""
    found = joining.joined(
        [read("work/m.csv", curve("val_acc", [1.0]), curve("Val/Acc", [2.0]))], {}
    )
    assert named(found.series) == {"val_acc": [1.0], "Val/Acc": [2.0]}


def test_empty_folder_has_no_series(tmp_path: Path) -> None:
    """A run that wrote nothing yet has no series."""
    assert of(tmp_path) == ()
    assert joining.find((), "val_acc") is None


# -- what attempts printed ----------------------------------------------------------------------


def test_points_know_their_log_and_line(tmp_path: Path) -> None:
    """Each value can be traced to the line that printed it, and to its attempt."""
    folders.log(tmp_path, 1, "hello", "step 1 loss 0.5", "", "step 2 loss 0.25")
    (loss,) = of(tmp_path)
    assert [loss.point(place)[2:] for place in range(2)] == [
        (0.5, "attempts/1/output.log", 2, 1),
        (0.25, "attempts/1/output.log", 4, 1),
    ]


def test_later_attempts_override_from_where_they_resume(tmp_path: Path) -> None:
    """What two attempts did twice counts as the later one did it, in every series; it is marked."""
    folders.log(tmp_path, 1, *(f"epoch {n}/5 loss {n}.0 val_acc 0.{n}" for n in (1, 2, 3, 4)))
    folders.log(tmp_path, 2, "epoch 3/5 loss 3.5 val_acc 0.35", "epoch 4/5 loss 4.5 val_acc 0.45")
    assert named(of(tmp_path)) == {"loss": [1.0, 2.0, 3.5, 4.5], "val_acc": [0.1, 0.2, 0.35, 0.45]}
    assert all_values(tmp_path, "loss") == [
        (1.0, False), (2.0, False), (3.0, True), (4.0, True), (3.5, False), (4.5, False),
    ]  # fmt: skip


def test_attempt_that_starts_over_replaces_everything(tmp_path: Path) -> None:
    """A second attempt from the first step leaves nothing of the first."""
    folders.log(tmp_path, 1, "step 1 loss 9", "step 2 loss 8", "step 3 loss 7")
    folders.log(tmp_path, 2, "step 1 loss 6", "step 2 loss 5")
    assert rows(tmp_path)["loss"] == [(1, None, 6.0), (2, None, 5.0)]


def test_attempt_that_said_nothing_takes_nothing_away(tmp_path: Path) -> None:
    """A crash before the first value leaves the curve as it was; attempts count as numbers."""
    folders.log(tmp_path, 2, "step 1 loss 9", "step 2 loss 8")
    folders.log(tmp_path, 9, "Traceback (most recent call last):")
    folders.log(tmp_path, 10, "step 3 loss 7")
    assert [step for step, _, _ in rows(tmp_path)["loss"]] == [1, 2, 3]


def test_evaluation_before_the_resumed_training_is_not_the_resume_point(tmp_path: Path) -> None:
    """Where training goes on is told by the training's own values."""
    folders.log(tmp_path, 1, "step 1 loss 9", "step 2 loss 8", "step 3 loss 7")
    folders.log(tmp_path, 2, "step 0 val_loss 7", "step 3 loss 6")
    assert named(of(tmp_path))["loss"] == [9.0, 8.0, 6.0]


def test_ranks_that_print_the_same_step_are_all_kept(tmp_path: Path) -> None:
    """Two lines of one step are two values, not a redrawn bar."""
    folders.log(tmp_path, 1, "step 1 loss 0.5", "step 1 loss 0.4")
    assert rows(tmp_path)["loss"] == [(1, None, 0.5), (1, None, 0.4)]


# -- what the training wrote --------------------------------------------------------------------


def test_repeated_part_after_a_resume_counts_once(tmp_path: Path) -> None:
    """Where the training loss goes back, all that came after is replaced, in every series."""
    folders.jsonl(
        tmp_path,
        {"step": 1, "loss": 9.0},
        {"step": 2, "loss": 8.0},
        {"step": 2, "val_loss": 7.5},
        {"step": 3, "loss": 7.0},
        {"step": 4, "loss": 6.0},
        {"step": 4, "val_loss": 6.5},
        {"step": 3, "loss": 7.1},
        {"step": 4, "loss": 6.1},
    )
    assert rows(tmp_path) == {
        "loss": [(1, None, 9.0), (2, None, 8.0), (3, None, 7.1), (4, None, 6.1)],
        "val_loss": [(2, None, 7.5)],
    }


def test_other_metrics_in_the_row_that_goes_back_count(tmp_path: Path) -> None:
    """What stands in the first row after the resume is no part of what is replaced."""
    folders.jsonl(
        tmp_path,
        {"step": 1, "lr": 3.0, "loss": 9.0},
        {"step": 2, "lr": 2.0, "loss": 8.0},
        {"step": 1, "lr": 5.0, "loss": 9.5},
    )
    assert named(of(tmp_path)) == {"loss": [9.5], "lr": [5.0]}


def test_steps_that_begin_anew_with_each_epoch_are_no_resume(tmp_path: Path) -> None:
    """A step that goes back in a later epoch drops nothing."""
    written = [{"epoch": e, "step": s, "loss": 1.0} for e in (1, 2) for s in (1, 2, 3)]
    folders.jsonl(tmp_path, *written)
    assert len(named(of(tmp_path))["loss"]) == 6


def test_an_evaluation_with_its_own_steps_drops_no_training(tmp_path: Path) -> None:
    """Another series that counts from zero again only replaces itself."""
    folders.jsonl(
        tmp_path,
        {"step": 100, "loss": 1.0},
        {"split": "test", "step": 5, "acc": 0.1},
        {"step": 200, "loss": 0.9},
        {"split": "test", "step": 0, "acc": 0.2},
    )
    found = rows(tmp_path)
    assert found["loss"] == [(100, None, 1.0), (200, None, 0.9)]
    assert found["test_acc"] == [(0, None, 0.2)]


def test_a_run_of_one_attempt_resumed_nothing() -> None:
    """Two phases of one training, each counting from 1, are none; of two attempts they may be."""
    phases = read("work/m.jsonl", curve("loss", [3.0, 2.0, 5.0, 4.0], step=[1, 2, 1, 2]))
    assert named(joining.joined([phases], {1: 0.0}).series) == {"loss": [3.0, 2.0, 5.0, 4.0]}
    assert named(joining.joined([phases], {1: 0.0, 2: 9.0}).series) == {"loss": [5.0, 4.0]}


def test_batches_that_tell_only_their_epoch_all_count() -> None:
    """An epoch that is written many times is no repetition, one that is written again is."""
    batches = curve("loss", [4.0, 3.0, 2.0, 1.0], step=None, epoch=[1, 1, 2, 2])
    epochs = curve("val_loss", [4.0, 3.0, 2.5, 2.0], step=None, epoch=[1, 2, 2, 3])
    several = curve("acc", [4.0, 3.0, 2.0, 1.0], step=[5, 5, 9, 9])
    found = joining.joined([read("work/m.jsonl", batches, epochs, several)], {})
    assert named(found.series) == {
        "acc": [4.0, 3.0, 2.0, 1.0],
        "loss": [4.0, 3.0, 2.0, 1.0],
        "val_loss": [4.0, 2.5, 2.0],
    }


# -- several files of one record ----------------------------------------------------------------


def test_a_later_event_file_wins_from_its_first_step() -> None:
    """A metric that only the first file has stays whole."""
    first = read(
        "work/tb/events.out.tfevents.1700000000.a",
        curve("loss", [4.0, 3.0, 2.0], step=[1, 2, 3]),
        curve("val_acc", [0.1, 0.3], step=[1, 3]),
        curve("lr", [0.5], step=[3]),
    )
    second = read(
        "work/tb/events.out.tfevents.1700000900.a",
        curve("loss", [3.5, 2.5], step=[2, 3]),
        curve("val_acc", [0.4], step=[5]),
    )
    found = joining.joined([second, first], {})
    assert named(found.series) == {"loss": [4.0, 3.5, 2.5], "val_acc": [0.1, 0.4], "lr": [0.5]}
    assert found.series[0].files == (first.path, second.path)


def test_what_a_writer_says_to_be_void() -> None:
    """A writer that begins again at step 2 takes back what it wrote from there on, in all files."""
    first = read(
        "work/tb/events.out.tfevents.1", curve("loss", [4.0, 3.0]), curve("lr", [1.0, 2.0])
    )
    again = curves.Found(
        format="x", curves=(curve("loss", [9.0, 3.5], step=[9, 2]),), restarts=((2, 2.0),)
    )
    second = Read(path="work/tb/events.out.tfevents.2", found=again)
    found = joining.joined([first, second], {1: 0.0})
    assert named(found.series) == {"loss": [4.0, 3.5], "lr": [1.0]}


def test_versions_of_two_attempts_are_one_record() -> None:
    """Lightning writes a new folder after each start: the later attempt takes up the earlier."""
    one = read("work/logs/version_0/metrics.csv", curve("loss", [3.0, 2.0, 1.0]), attempt=1)
    two = read("work/logs/version_1/metrics.csv", curve("loss", [1.5], step=[3]), attempt=2)
    found = joining.joined([one, two], {1: 0.0, 2: 100.0})
    assert named(found.series) == {"loss": [3.0, 2.0, 1.5]}
    assert found.series[0].attempt.tolist() == [1, 1, 1, 2]
    assert found.unused == ()


def test_versions_of_one_attempt_are_two_trainings() -> None:
    """Nothing tells that the second went on with the first: the first is shown, the other told."""
    one = read("work/logs/version_0/metrics.csv", curve("loss", [3.0, 2.0]), attempt=1)
    two = read("work/logs/version_1/metrics.csv", curve("loss", [1.5], step=[2]), attempt=1)
    found = joining.joined([one, two], {1: 0.0})
    assert named(found.series) == {"loss": [3.0, 2.0]}
    assert [each.path for each in found.unused] == [two.path]


def test_rows_know_their_attempt_by_their_time() -> None:
    """A file that both attempts added to tells by its times who wrote a row."""
    values = curve("loss", [3.0, 2.0, 1.0], time=[11.0, 12.0, 25.0])
    found = joining.joined([read("work/m.jsonl", values, attempt=2)], {1: 10.0, 2: 20.0})
    assert found.series[0].attempt.tolist() == [1, 1, 2]


# -- the order ----------------------------------------------------------------------------------


PLACES = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=12)
TOLD = st.sampled_from(("step", "epoch", "both"))


@settings(max_examples=200, deadline=None)
@given(PLACES, TOLD)
def test_repeated_is_what_a_stack_would_drop(places: list[tuple[int, int]], told: str) -> None:
    """The rule for whole arrays is the one that takes values one by one."""
    step = [float(s) for s, _ in places] if told != "epoch" else None
    epoch = [float(e) for _, e in places] if told != "step" else None
    one = curve("loss", [0.0] * len(places), step=step, epoch=epoch)
    shown = list(zip(step or epoch or (), epoch or step or (), strict=True))
    ties = sum(a == b for a, b in itertools.pairwise(shown))
    if ties > order.FEW_TIES * len(places):
        return
    expected = order._repeated_one_by_one(one.step, one.epoch)
    assert order.repeated_within(one).tolist() == expected.tolist()


def test_places_that_are_told_now_and_then() -> None:
    """A value without a place neither repeats nor is repeated."""
    nan = float("nan")
    one = curve("loss", [0.0] * 5, step=[1.0, nan, 2.0, 1.0, nan])
    assert order.repeated_within(one).tolist() == [True, False, True, False, False]


def read(path: str, *of_file: curves.Curve, attempt: int = 0) -> Read:
    return Read(path=path, found=curves.Found(format="x", curves=of_file), attempt=attempt)


def curve(
    name: str, values: list[float], *, step: Any = (), epoch: Any = None, time: Any = None
) -> curves.Curve:
    """Steps 1, 2, 3, … unless others or none are given; one line for each value."""
    count = len(values)
    steps = list(range(1, count + 1)) if step == () else step
    table = curves.Table()
    for place, value in enumerate(values):
        table.add(
            name,
            value,
            line=place + 1,
            step=None if steps is None else steps[place],
            epoch=None if epoch is None else epoch[place],
            time=None if time is None else time[place],
        )
    made = table.curves()
    return made[0] if made else curves.curve(name, curves.untold(0).reshape(1, 0).repeat(5, 0))
