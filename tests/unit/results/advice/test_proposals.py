"""What is proposed, from which evidence, in which order; and the sweep file that it becomes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from overnight.core import sweep_file
from overnight.results.advice import knob_effects, proposal_file, proposals
from overnight.results.advice.proposals import Proposal
from overnight.results.comparison import pooling
from overnight.results.comparison.arms import Comparison, Outcome
from tests.unit.results import armed


class Said(NamedTuple):
    finding: str
    confidence: float
    sentence: str
    at: float | None = None


OVERFIT = Said("overfit", 0.9, "val_loss was best at epoch 4 of 50 and has risen since")
IMPROVING = Said("still_improving", 0.9, "val_acc was still improving at the end")
SPIKES = Said("spikes", 0.9, "loss has 7 spikes")


def made(found: Comparison, **findings: Sequence[Said]) -> list[Proposal]:
    told = {run.run: findings["all"] for run in found.outcomes} if findings else {}
    return proposals.proposed(found, told)


def only(found: Sequence[Proposal], kind: str) -> Proposal:
    (one,) = [each for each in found if each.kind == kind]
    return one


def by_lr(values: dict[float, list[float]], **more: Any) -> list[Outcome]:
    """Each learning rate with its own accuracies, seeds 0, 1, …"""
    return [
        run
        for n, (lr, listed) in enumerate(values.items())
        for run in armed.seeds(f"r{n}", listed, lr=lr, **more)
    ]


CLEAR = {0.001: [80.0, 80.1, 80.2], 0.01: [85.0, 85.2, 85.1], 0.1: [90.2, 90.0, 90.1]}


# -- seeds ------------------------------------------------------------------------------------


def test_more_seeds_where_it_is_not_settled() -> None:
    """As many as the power says, for both arms, with seeds that nobody has used."""
    runs = by_lr({0.1: [90, 91, 92.5], 0.2: [90.7, 92.1, 92.8]})
    found = pooling.compare(runs)
    one = only(made(found), "seeds")
    more = found.power[0].more
    assert more
    assert one.seeds == tuple(range(3, 3 + more))
    assert one.points == ({}, {"lr": 0.1})
    assert one.based_on == "r1-s0"
    assert one.why == found.power[0].words
    assert one.runs == 2 * len(one.seeds)


def test_two_more_where_there_is_one() -> None:
    """One seed has no spread, so nothing says how many it would take; the first arms only."""
    runs = by_lr({n / 10: [90.0 + n] for n in range(1, 7)})
    one = only(made(pooling.compare(runs)), "seeds")
    assert one.seeds == (1, 2)
    assert [point.get("lr", 0.6) for point in one.points] == [0.6, 0.5, 0.4]
    based = pooling.compare(runs, baseline="lr=0.1")
    assert [point.get("lr") for point in only(made(based), "seeds").points][-1] == 0.1


def test_a_difference_too_small_for_seeds() -> None:
    """There is nothing to run for it. That it is nothing is not claimed: its interval is told."""
    runs = [*armed.seeds("a", [90, 91, 92], lr=1), *armed.seeds("b", [90, 91, 92.03], 5, lr=2)]
    one = only(made(pooling.compare(runs)), "settled")
    assert not one.is_sweep
    assert one.what.startswith("choose the cheaper of lr=2 and lr=1, unless")
    assert one.why.endswith("; its 95 % interval is -2.294 to 2.274")
    assert [each.kind for each in made(pooling.compare(runs))] == ["settled"]  # no knob of noise


def test_a_single_arm_with_one_seed() -> None:
    one = only(made(pooling.compare(armed.seeds("a", [90]))), "seeds")
    assert (one.points, one.seeds) == (({},), (1, 2))


# -- knobs ------------------------------------------------------------------------------------


def test_beyond_the_edge() -> None:
    """The best value is the highest that was tried: two more, spaced as these are."""
    one = only(made(pooling.compare(by_lr(CLEAR))), "knob")
    assert [point["lr"] for point in one.points] == [1, 10]
    assert one.seeds == (0, 1, 2)  # those of the best arm, to be paired with it
    assert one.why == (
        "val_acc by lr: 0.001 80.1, 0.01 85.1, 0.1 90.1 (n = 9): the best value is the highest "
        "that was tried; it makes 10, 100 times the spread of seeds"
    )
    low = {0.3: [80.0, 80.1], 0.2: [85.0, 85.2], 0.1: [90.2, 90.0]}
    one = only(made(pooling.compare(by_lr(low))), "knob")
    assert [point["lr"] for point in one.points] == [0.05, 0.025]


def test_around_the_best() -> None:
    """An interior best that is clear: between it and its neighbours."""
    peak = {0.001: [80.0, 80.1, 80.2], 0.01: [90.0, 90.2, 90.1], 0.1: [85.2, 85.0, 85.1]}
    one = only(made(pooling.compare(by_lr(peak))), "knob")
    assert [point["lr"] for point in one.points] == [0.0032, 0.032]
    unclear = {0.001: [80.0, 99.0], 0.01: [90.0, 99.5], 0.1: [70.0, 99.0]}
    assert not [each for each in made(pooling.compare(by_lr(unclear))) if each.kind == "knob"]


@pytest.mark.parametrize(
    ("values", "best", "expected"),
    [
        ([1, 2, 4], 4, [8, 16]),
        ([1, 2, 3], 3, [4, 5]),
        ([0.001, 0.01], 0.001, [0.0001, 1e-05]),
        ([0.1, 0.2, 0.3], 0.1, [0.05, 0.025]),  # 0 and below were never meant
        ([0.0, 0.1, 0.2], 0.2, [0.3, 0.4]),
        ([0.5, 0.7, 0.9], 0.9, []),  # a share stays below 1
        ([10, 20, 30], 10, [5, 2]),
        ([64, 128], 128, [192, 256]),
        ([1, 2], 1, []),  # half an epoch is none
    ],
)
def test_values_beyond(values: list[float], best: float, expected: list[float]) -> None:
    """By factors or by differences, as they are spaced; whole where they are, and in range."""
    runs = [
        armed.run(f"r{n}", 95.0 if each == best else 90.0 - n, {"--k": each})
        for n, each in enumerate(values)
    ]
    (effect,) = knob_effects.effects(pooling.compare(runs))
    assert effect.edge != 0
    assert effect.beyond() == expected


def test_a_knob_is_told_apart_from_others() -> None:
    """In an ablation by what changes nothing else; in a grid averaged over the others."""
    grid = [
        armed.run(f"r{lr}{wd}", 80.0 + 5 * lr + wd, {"--lr": lr, "--wd": wd})
        for lr in (1, 2, 3)
        for wd in (0, 1)
    ]
    lr, wd = knob_effects.effects(pooling.compare(grid))
    assert [(each.value, each.mean) for each in lr.levels] == [(1, 85.5), (2, 90.5), (3, 95.5)]
    assert (lr.size, wd.size) == (10.0, 1.0)
    ablation = [
        armed.run("base", 80.0, {"--lr": 1, "--wd": 0}),
        armed.run("lr", 85.0, {"--lr": 2, "--wd": 0}),
        armed.run("wd", 83.0, {"--lr": 1, "--wd": 1}),
    ]
    lr, wd = knob_effects.effects(pooling.compare(ablation, baseline="base"))
    assert [(each.value, each.mean) for each in lr.levels] == [(1, 80.0), (2, 85.0)]
    assert [(each.value, each.mean) for each in wd.levels] == [(0, 80.0), (1, 83.0)]


def test_what_differs_in_several_things_says_nothing_of_one() -> None:
    """A small network on less data, longer: not the work of its dropout. A grid with a hole is one
    where it is whole.
    """
    runs = [
        *armed.seeds("base", [90, 91], dropout=0.2),
        *armed.seeds("odd", [60, 61], dropout=0, hidden=9, epochs=80),
    ]
    assert knob_effects.effects(pooling.compare(runs)) == []
    more = [*runs, *armed.seeds("mine", [88, 89], dropout="0.1")]
    (effect,) = knob_effects.effects(pooling.compare(more))
    assert effect.values == [0.1, 0.2]
    holed = [
        run
        for lr, wd, value in ((1, 0, 80), (2, 0, 90), (1, 1, 82), (2, 1, 92), (1, 2, 50))
        for run in armed.seeds(f"r{lr}{wd}", [value, value + 1], lr=lr, wd=wd)
    ]
    by_key = {each.key: each for each in knob_effects.effects(pooling.compare(holed))}
    assert by_key["--lr"].size == pytest.approx(10.0)


def test_the_best_of_each_together() -> None:
    """What was better alone and was not tried together."""
    ablation = [
        *armed.seeds("base", [80.0, 80.1], lr=1, aug="none"),
        *armed.seeds("lr", [85.0, 85.1], lr=2, aug="none"),
        *armed.seeds("aug", [83.0, 83.1], lr=1, aug="rand"),
    ]
    found = made(pooling.compare(ablation, baseline="base-s0"))
    (one,) = [each for each in found if "together" in each.what]
    assert dict(one.points[0]) == {"lr": 2, "aug": "rand"}
    assert one.seeds == (0, 1)  # those of the base, to be paired with it
    assert "alone was better than lr=1 aug=none, and" in one.why
    open_ = [*ablation[:4], *armed.seeds("aug", [79.5, 81.9], lr=1, aug="rand")]
    (one,) = [e for e in made(pooling.compare(open_, baseline="base")) if "together" in e.what]
    assert "alone was better than lr=1 aug=none, unproven, and" in one.why
    both = [*ablation, *armed.seeds("both", [86.0, 86.1], lr=2, aug="rand")]
    found = made(pooling.compare(both, baseline="base-s0"))
    assert not [each for each in found if "together" in each.what]


def test_lower_may_be_better() -> None:
    runs = [
        dataclasses.replace(run, metrics={"val_acc": armed.curve(value, goal="min")})
        for run, value in zip(
            by_lr(CLEAR), [each for listed in CLEAR.values() for each in listed], strict=True
        )
    ]
    one = only(made(pooling.compare(runs)), "knob")
    assert [point["lr"] for point in one.points] == [0.0001, 1e-05]
    assert "lowest" in one.why


# -- curves -----------------------------------------------------------------------------------


def test_spikes_ask_for_a_lower_learning_rate() -> None:
    """First of all, with the sentence of the finding."""
    found = made(pooling.compare(by_lr(CLEAR)), all=[SPIKES])
    assert found[0].kind == "lower lr"
    assert [point["lr"] for point in found[0].points] == [0.033, 0.01]
    assert found[0].why == "spikes in 3 of 3 runs, r2-s0: loss has 7 spikes"


def test_improving_curves_ask_for_a_longer_training() -> None:
    runs = armed.seeds("a", [90, 91, 92], epochs=50)
    one = only(made(pooling.compare(runs), all=[IMPROVING]), "longer")
    assert one.points == ({"epochs": 75}, {"epochs": 100})
    bare = only(made(pooling.compare(armed.seeds("a", [90, 91])), all=[IMPROVING]), "longer")
    assert (bare.what, bare.is_sweep) == ("train a longer", False)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("weight_decay", 0.01, [0.03, 0.1]),
        ("weight_decay", 0, [0.01, 0.1]),
        ("dropout", 0.1, [0.2, 0.3]),
        ("dropout", 0.4, [0.8]),
        ("dropout", 0.5, []),
    ],
)
def test_overfitting_asks_for_regularisation(key: str, value: float, expected: list[float]) -> None:
    """More of what the command has; a share stays one."""
    runs = armed.seeds("a", [90, 91, 92], **{key: value})
    one = only(made(pooling.compare(runs), all=[OVERFIT]), "regularise")
    assert [point[key] for point in one.points] == expected
    assert "val_loss was best at epoch 4 of 50" in one.why


def test_what_overfits_is_not_trained_longer() -> None:
    """Although its training loss goes on down."""
    runs = armed.seeds("a", [90, 91, 92], epochs=50)
    kinds = [each.kind for each in made(pooling.compare(runs), all=[OVERFIT, IMPROVING])]
    assert kinds == ["regularise"]


def test_hints_ask_for_nothing() -> None:
    runs = armed.seeds("a", [90, 91, 92], lr=0.1)
    assert made(pooling.compare(runs), all=[SPIKES._replace(confidence=0.4)]) == []


def test_half_of_the_runs_is_enough() -> None:
    runs = armed.seeds("a", [90, 91, 92], lr=0.1)
    found = pooling.compare(runs)
    assert proposals.proposed(found, {"a-s0": [SPIKES]}) == []
    two = {"a-s0": [SPIKES], "a-s1": [SPIKES]}
    assert only(proposals.proposed(found, two), "lower lr").evidence["runs"] == ["a-s0", "a-s1"]


# -- what went wrong --------------------------------------------------------------------------


def test_altered_runs_are_repeated_with_their_seeds() -> None:
    runs = [*armed.seeds("a", [90, 91, 92], lr=0.1), *armed.seeds("b", [93, 94], lr=0.2)]
    runs[1] = dataclasses.replace(runs[1], altered=("nan: lr 0.1 -> 0.05",))
    one = only(made(pooling.compare(runs)), "repeat")
    assert (one.seeds, one.points) == ((1,), ({},))
    assert "a-s1: nan: lr 0.1 -> 0.05" in one.why


def test_failed_runs_are_gone_on_with() -> None:
    runs = [*armed.seeds("a", [90, 91]), armed.run("x", None, state="failed", reason="KeyError")]
    one = only(made(pooling.compare(runs)), "retry")
    assert (one.command, one.is_sweep) == ("overnight explain x", False)
    assert "x: KeyError" in one.why


def test_order_and_nothing() -> None:
    """The most useful first; where nothing speaks for anything that is said."""
    found = made(pooling.compare(by_lr(CLEAR)), all=[SPIKES, IMPROVING])
    assert [each.use for each in found] == sorted((each.use for each in found), reverse=True)
    peak = {"a": [80.0, 80.1, 80.2], "b": [90.0, 90.2, 90.1]}
    clear = [run for aug, listed in peak.items() for run in armed.seeds(aug, listed, aug=aug)]
    settled = pooling.compare(clear)
    assert made(settled) == []
    assert "aug=b is the best for certain" in proposals.nothing(settled)
    still = [*armed.seeds("a", [90, 90], aug="a"), *armed.seeds("b", [91, 91], aug="b")]
    assert "aug=b is the best, unproven" in proposals.nothing(pooling.compare(still))
    assert "no run has a number yet" in proposals.nothing(pooling.compare([armed.run("a", None)]))


def test_what_a_sweep_cannot_set() -> None:
    """Other code, or a variable: proposed in words, without a file."""
    runs = [armed.run(f"r{n}", 90.0 + n, {"env WIDTH": n, "--seed": 0}) for n in (1, 2)]
    one = only(made(pooling.compare(runs)), "seeds")
    assert (one.points, one.is_sweep) == ((), False)


def test_seeds_that_change_nothing_ask_for_no_more_of_them() -> None:
    """Equal values: a further seed would say the same."""
    found = made(pooling.compare(by_lr({1: [90.0, 90.0], 2: [91.0, 91.0]})))
    assert not [each for each in found if each.kind == "seeds"]


# -- the file ---------------------------------------------------------------------------------


def test_the_file_is_a_sweep(tmp_path: Path) -> None:
    """What is written is read as what was meant, and says why."""
    runs = by_lr({0.1: [90, 91, 92.5], 0.2: [90.7, 92.1, 92.8]})
    lead = dataclasses.replace(runs[3], provenance={"command": "python train.py --lr 0.2"})
    found = pooling.compare([*runs[:3], lead, *runs[4:]])
    one = only(made(found), "seeds")
    text = proposal_file.written(one, lead, "next-seeds")
    assert text.startswith(f"# {one.what}")
    (tmp_path / "s.toml").write_text(text)
    read = sweep_file.load(tmp_path / "s.toml", "s.toml")
    assert (read.name, read.command, read.seeds) == (
        "next-seeds",
        "python train.py --lr 0.2",
        one.seeds,
    )
    assert [{k: v.value for k, v in point.items()} for point in read.points] == [{}, {"lr": 0.1}]


def test_a_sweeps_own_command_and_base(tmp_path: Path) -> None:
    """Points are told against the command of the sweep, not of the run."""
    definition = {"argv": ["python", "t.py"], "base": "c.yaml", "gpus": 0.5, "keys": {"lr": 0.1}}
    runs = [
        dataclasses.replace(run, point={"lr": lr}, provenance={"sweep": definition})
        for lr, values in CLEAR.items()
        for run in armed.seeds(f"r{lr}", values, lr=lr)
    ]
    one = only(made(pooling.compare(runs)), "knob")
    text = proposal_file.written(one, runs[0], "lr-knob")
    (tmp_path / "s.toml").write_text(text)
    read = sweep_file.load(tmp_path / "s.toml", "s.toml")
    assert (read.command, read.base, read.gpus) == ("python t.py", "c.yaml", 0.5)
    assert [point["lr"].value for point in read.points] == [1, 10]


def test_points_are_told_against_the_command_of_the_sweep() -> None:
    """A grid whose base was not run: the arm that equals it changes nothing, the others all."""
    definition = {"argv": [], "keys": {"lr": 0.1, "wd": 0}}
    runs = [
        armed.run(
            f"r{lr}", 90.0 + lr, {"lr": lr}, point={"lr": lr, "wd": 0},
            provenance={"sweep": definition},
        )
        for lr in (0.1, 0.2)
    ]  # fmt: skip
    one = only(made(pooling.compare(runs)), "seeds")
    assert one.points == ({"lr": 0.2}, {})


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    """In a comment as well as in a value."""
    evil = 'a"\n[[runs]]\nlr = 9 \x1b[31m \x7f'
    one = Proposal(
        kind="knob",
        what=evil,
        why=evil,
        use=1.0,
        points=({"k.a:b": evil.replace("\n", " ")}, {"x": True}),
    )
    text = proposal_file.written(one, armed.run("a", 1.0), "n")
    assert "\x1b" not in text
    assert "\x7f" not in text
    (tmp_path / "s.toml").write_text(
        "\n".join(line for line in text.splitlines() if "k.a:b" not in line) + "\n"
    )
    read = sweep_file.load(tmp_path / "s.toml", "s.toml")
    assert [len(point) for point in read.points] == [0, 1]


def test_names_of_new_sweeps() -> None:
    one = Proposal(kind="lower lr", what="", why="", use=1.0)
    assert proposal_file.name_of(one, "lr-ablation") == "lr-ablation-lower-lr"
    assert proposal_file.name_of(one, "a", ("a-lower-lr",)) == "a-lower-lr-2"
    long = proposal_file.name_of(one, "x" * 60)
    assert len(long) <= 40
    assert long.endswith("-lower-lr")
