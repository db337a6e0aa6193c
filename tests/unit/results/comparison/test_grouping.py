"""Which runs are one arm, what their seeds are, and what an arm is called."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from overnight.core import errors
from overnight.results.comparison import grouping
from overnight.results.comparison.arms import Outcome
from tests.unit.results import armed


def outcomes(*configs: dict[str, Any], **more: Any) -> list[Outcome]:
    return [armed.run(f"train{n:02d}", 90.0, each, **more) for n, each in enumerate(configs)]


def arms(*configs: dict[str, Any], by: str = grouping.SEED) -> dict[str, list[str]]:
    """Label -> runs."""
    found = grouping.grouped(outcomes(*configs), by)
    return {each.label: [run.run for run in each.outcomes] for each in found}


@pytest.mark.parametrize(
    "key",
    [
        "--seed", "seed", "--random-state", "random_state", "manual_seed", "env SEED",
        "env PYTHONHASHSEED", "trainer.seed", "seed_everything", "configs/a.yaml train.random_seed",
        "--data_seed", "--manual-seed", "RANDOM_SEED",
    ],
)  # fmt: skip
def test_what_is_a_seed(key: str) -> None:
    """By its name and a whole number, wherever it is set."""
    found = grouping.grouped(outcomes({key: "3"}, {key: 4}))
    assert len(found) == 1
    assert [run.seed for run in found[0].outcomes] == [3, 4]


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("--seed", ("abc", "def")),  # no numbers
        ("--seed-length", ("16", "32")),
        ("--num_seeds", ("3", "5")),
        ("--seeds", ("3", "5")),
        ("--use_seed", (True, False)),
        ("--seedling", ("1", "2")),
        ("--lr", ("1", "2")),
    ],
)
def test_what_is_no_seed(key: str, values: tuple[Any, Any]) -> None:
    assert len(grouping.grouped(outcomes({key: values[0]}, {key: values[1]}))) == 2


def test_runs_that_differ_in_their_seed_only_are_one_arm() -> None:
    """Output folders that repeat the seed or the run's name, ports and names tell nothing."""
    configs = [
        {
            "--lr": lr, "--seed": seed, "--out": f"runs/lr{lr}_s{seed}", "--output_dir": f"x/{n}",
            "--name": f"train{n:02d}", "--master_port": 20000 + n, "--run-name": f"any {n}",
            "--log": f"logs/2026-11-2{n}_10-20-30/{seed}",
        }
        for n, (lr, seed) in enumerate([("0.1", "0"), ("0.1", "1"), ("0.2", "0"), ("0.2", "1")])
    ]  # fmt: skip
    assert arms(*configs) == {
        "lr=0.1": ["train00", "train01"],
        "lr=0.2": ["train02", "train03"],
    }


def test_what_may_change_the_result_is_kept_apart() -> None:
    """`model.name` is no name of a run, and another data folder is another experiment."""
    assert list(arms({"model.name": "resnet"}, {"model.name": "vit"})) == [
        "name=resnet",
        "name=vit",
    ]
    assert len(arms({"--data": "a"}, {"--data": "b"})) == 2
    assert len(arms({"experiment": "large"}, {"experiment": "small"})) == 2
    assert len(arms({"--out": "runs/one"}, {"--out": "runs/two"})) == 2


def test_numbers_are_equal_however_they_are_written() -> None:
    assert len(arms({"--lr": "1e-3"}, {"--lr": 0.001}, {"--lr": "0.0010"})) == 1
    assert len(arms({"--amp": True}, {"--amp": "true"})) == 1
    assert len(arms({"--n": 2**60}, {"--n": 2**60 + 1})) == 2


def test_labels() -> None:
    """What differs, with the last part of the key; a flag alone; what only others have."""
    assert list(arms({"--amp": True, "--lr": "0.1"}, {"--lr": "0.1"})) == ["amp", "no amp"]
    assert list(arms({"--lr": "0.1", "--wd": "1"}, {"--lr": "0.1"}, {})) == [
        "lr=0.1 wd=1",
        "lr=0.1",
        "defaults",
    ]
    assert list(arms({"a.lr": 1, "b.lr": 1}, {"a.lr": 2, "b.lr": 1}, {"a.lr": 1, "b.lr": 2})) == [
        "a.lr=1 b.lr=1",
        "a.lr=2 b.lr=1",
        "a.lr=1 b.lr=2",
    ]


def test_a_long_label_is_the_name_of_the_runs() -> None:
    """Without the seed at its end; unique in any case."""
    long = [{f"--option{n}": f"value{n}{m}" for n in range(9)} for m in range(2)]
    named = [
        armed.run(f"{stem}-s{seed}", 90.0, {**each, "--seed": seed})
        for stem, each in zip(("base", "wide"), long, strict=True)
        for seed in (0, 1)
    ]
    assert [each.label for each in grouping.grouped(named)] == ["base", "wide"]
    twins = [armed.run("a", 1.0, long[0]), armed.run("a", 1.0, long[1], server="gpu2")]
    assert [each.label for each in grouping.grouped(twins)] == ["a", "a (2)"]


def test_an_arm_of_a_sweep_is_called_the_same_whatever_stands_beside_it() -> None:
    """By its point; what was typed by hand by the name of its runs."""
    sweep = [
        armed.run(f"s-{lr}-s{seed}", 90.0, {"lr": lr, "seed": seed}, point={"lr": lr, "seed": seed})
        for lr in (0.1, 0.2)
        for seed in (0, 1)
    ]
    hand = armed.run("wide", 1.0, {"--hidden": "9", "--lr": "0.3", "--epochs": "80"})
    assert [each.label for each in grouping.grouped(sweep)] == ["lr=0.1", "lr=0.2"]
    assert [each.label for each in grouping.grouped([*sweep, hand])] == ["lr=0.1", "lr=0.2", "wide"]
    assert [each.label for each in grouping.grouped([hand, *sweep[:2]])] == ["wide", "lr=0.1"]
    alone = grouping.grouped(sweep, grouping.NONE)
    assert [each.label for each in alone] == [each.run for each in sweep]
    other = [
        dataclasses.replace(each, provenance={"snapshot": f"code{n % 2}"})
        for n, each in enumerate(sweep[:2])
    ]
    assert [each.label for each in grouping.grouped(other)] == [
        "lr=0.1 code code0",
        "lr=0.1 code code1",
    ]


def test_labels_are_all_settings_or_all_names() -> None:
    """A long one would stand beside short ones of another kind."""
    configs = [{"--lr": "1"}, {"--lr": "2"}, {"--lr": "x" * 70}]
    assert list(arms(*configs)) == ["train00", "train01", "train02"]


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        (("lr-s0", "lr-s1"), "lr"),
        (("focus-0", "focus-1"), "focus"),
        (("a_seed1", "a_seed2"), "a"),
        (("bias0", "bias1"), "bias"),
        (("x", "y"), "x"),
    ],
)
def test_what_names_have_in_common(runs: tuple[str, str], said: str) -> None:
    assert grouping.stem(runs) == said


def test_what_an_arm_may_be_called() -> None:
    """Label, run, the name without the seed, base, some of its settings; several are told."""
    runs = [
        armed.run(f"{stem}-s{seed}", 90.0, point, point=point, seed=seed, is_base=stem == "s-base")
        for stem, point in (
            ("s-base", {"lr": 0.1, "wd": 0.0}),
            ("s-lr", {"lr": 0.2, "wd": 0.0}),
        )
        for seed in (0, 1)
    ]
    groups = grouping.grouped(runs)
    for said in ("lr=0.1 wd=0", "s-base-s1", "s-base", "base", "lr=0.1"):
        assert grouping.meant(groups, said) == groups[:1], said
    assert grouping.meant(groups, "wd=0") == groups
    assert grouping.meant(groups, "nothing") == []
    assert grouping.meant(grouping.grouped(runs[:1]), "s-base")[0].outcomes[0].run == "s-base-s0"


def test_one_name_for_one_setting() -> None:
    """A sweep's key and the flag that it becomes say the same; told once, also without the flag."""
    assert list(arms({"lr": 0.1}, {"lr": 0.2, "--lr": "0.2"}, {"lr": 0.3, "--lr": "0.3"})) == [
        "lr=0.1",
        "lr=0.2",
        "lr=0.3",
    ]


def test_each_run_alone_and_by_a_key() -> None:
    configs = [{"--lr": lr, "--wd": wd} for lr in ("1", "2") for wd in ("0", "1")]
    assert len(arms(*configs, by=grouping.NONE)) == 4
    assert arms(*configs, by="wd") == {
        "wd=0": ["train00", "train02"],
        "wd=1": ["train01", "train03"],
    }
    with pytest.raises(errors.UsageError, match="no run has a setting 'momentum': --lr, --wd"):
        arms(*configs, by="momentum")
    with pytest.raises(errors.UsageError, match="several keys are called 'lr'"):
        arms({"a.lr": 1, "b.lr": 2}, {"a.lr": 2, "b.lr": 1}, by="lr")


def test_other_code_is_another_arm() -> None:
    """By what is known to be equal, else by the snapshot or the commit."""
    runs = [
        armed.run("a", 1.0, provenance={"snapshot": "s1", "code": "x", "code_words": ""}),
        armed.run("b", 1.0, provenance={"snapshot": "s2", "code": "x", "code_words": ""}),
        armed.run(
            "c",
            1.0,
            provenance={"snapshot": "s3", "code": "y", "code_words": "changed: m.py +1 -0"},
        ),
    ]
    found = grouping.grouped(runs)
    assert [len(each.outcomes) for each in found] == [2, 1]
    assert found[1].label == "changed: m.py +1 -0"
    commits = [armed.run(n, 1.0, provenance={"commit": "abc", "dirty": n == "b"}) for n in "ab"]
    assert len(grouping.grouped(commits)) == 2


def test_several_seeds_of_a_run() -> None:
    """One that never varies is none; those that vary together are one; others are told both."""
    found = grouping.with_seeds(
        outcomes({"--seed": 1, "env PYTHONHASHSEED": 0}, {"--seed": 2, "env PYTHONHASHSEED": 0}),
        ["--seed", "env PYTHONHASHSEED"],
    )
    assert [run.seed for run in found] == [1, 2]
    found = grouping.with_seeds(
        outcomes({"--seed": 1, "--data_seed": 7}, {"--seed": 1, "--data_seed": 8}, {"--seed": 2}),
        ["--seed", "--data_seed"],
    )
    assert [run.seed for run in found] == ["seed=1 data_seed=7", "seed=1 data_seed=8", 2]


def test_the_sweep_knows_its_seed() -> None:
    (run,) = grouping.with_seeds(outcomes({"--seed": 1}, seed=5), ["--seed"])
    assert run.seed == 5


def test_seeds_that_only_a_logger_was_told() -> None:
    """Not where the command says one, and nothing else of what it was told."""
    held = {"seed": 3, "lr": 0.1, "data": {"random_state": "7"}, "seed_path": "x", "use_seed": 1}
    found = grouping.seeds_held(held, ["--lr", "env WIDTH"])
    assert found == {"seed": 3, "data.random_state": "7"}
    assert grouping.seeds_held(held, ["--lr", "--seed"]) == {}
