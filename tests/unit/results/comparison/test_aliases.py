"""A sweep's key and the flag of a run that was typed by hand are one setting."""

from __future__ import annotations

from typing import Any

from overnight.results.comparison import aliases, grouping, pooling, remarks
from overnight.results.comparison.arms import Outcome
from tests.unit.results import armed

CODE = {"snapshot": "abc"}


def swept(name: str, point: dict[str, Any], seed: int = 0, **flags: Any) -> Outcome:
    """As it is read: the point, and the flags of its command."""
    told = {**point, "script": "train.py", **{f"--{key}": value for key, value in flags.items()}}
    return armed.run(name, 90.0 + seed, told, point=point, seed=seed, provenance=CODE)


def typed(name: str, **flags: Any) -> Outcome:
    told = {"script": "train.py", **{f"--{key}": value for key, value in flags.items()}}
    return armed.run(name, 80.0, told, provenance=CODE)


SWEEP = [
    swept("s-base-s0", {"lr": 0.05, "dropout": 0.2}),
    swept("s-base-s1", {"lr": 0.05, "dropout": 0.2}, 1),
    swept("s-lr-s0", {"lr": 0.01, "dropout": 0.2}, lr="0.01"),
    swept("s-lr-s1", {"lr": 0.01, "dropout": 0.2}, 1, lr="0.01"),
]


def told(runs: list[Outcome]) -> dict[str, dict[str, str]]:
    found = remarks.differences(grouping.grouped(runs))
    return {each.key: dict(each.values) for each in found}


def test_a_flag_and_the_axis_that_it_sets_are_one_row() -> None:
    """With the default that the sweep has told, where nothing else can have set it."""
    found = told([*SWEEP, typed("wide", lr="0.1", hidden="1024")])
    assert found["lr"] == {"lr=0.05 dropout=0.2": "0.05", "lr=0.01 dropout=0.2": "0.01",
                           "wide": "0.1"}  # fmt: skip
    assert set(found) == {"lr", "--hidden"}
    assert told([*SWEEP, typed("wide", hidden="1024")])["lr"]["wide"] == "0.05"


def test_a_default_is_not_guessed() -> None:
    """Other code, another file of settings, a variable: then it is not known."""
    other = armed.run("x", 1.0, {"script": "train.py"}, provenance={"snapshot": "other"})
    for each in (
        other,
        armed.run("x", 1.0, {"script": "other.py"}, provenance=CODE),
        armed.run("x", 1.0, {"script": "train.py"}),
        typed("x", config="big.yaml"),
        armed.run("x", 1.0, {"script": "train.py", "env LR": "1"}, provenance=CODE),
    ):
        assert told([*SWEEP, each])["lr"]["x"] == "not set"


def test_keys_that_disagree_stay_apart() -> None:
    """Then the flag is something else than the axis."""
    odd = swept("s-odd", {"lr": 0.01, "dropout": 0.2}, 7, lr="0.5")
    found = aliases.unified([*SWEEP, odd])
    assert (found[-1].config["lr"], found[-1].config["--lr"]) == (0.01, "0.5")
    plain = [typed("a", lr="1"), typed("b", lr="2")]
    assert aliases.unified(plain) == plain


def test_the_command_of_the_base_typed_by_hand_is_the_base() -> None:
    """The same code and settings with another seed are one arm."""
    mine = typed("mine", seed="9")
    (base, _) = pooling.compare([*SWEEP, mine]).arms[::-1]
    assert [each.run for each in base.outcomes] == ["s-base-s0", "s-base-s1", "mine"]
    assert base.label == "lr=0.05 dropout=0.2"
