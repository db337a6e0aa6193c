"""Axes, points and names of a sweep."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.core import errors, spec, sweep
from overnight.core.sweep import Axis, Point
from overnight.core.sweep_values import Value

BASE = {"lr": 1e-3, "warmup": 1000}
AXES = sweep.parse_axes(["lr=1e-3,3e-4", "warmup=500,2000"])


def shown(points: list[Point]) -> list[dict[str, str]]:
    return [{key: each.text for key, each in point.changes.items()} for point in points]


def test_an_ablation_changes_one_thing_at_a_time() -> None:
    """The base first; its own value of an axis is not run again."""
    assert shown(sweep.expand(AXES, sweep.ABLATE, BASE)) == [
        {},
        {"lr": "3e-4"},
        {"warmup": "500"},
        {"warmup": "2000"},
    ]


def test_a_grid_takes_every_combination() -> None:
    """What equals the base is no change."""
    assert shown(sweep.expand(AXES, sweep.GRID, BASE)) == [
        {"warmup": "500"},
        {"warmup": "2000"},
        {"lr": "3e-4", "warmup": "500"},
        {"lr": "3e-4", "warmup": "2000"},
    ]


def test_another_file_is_another_base() -> None:
    """Beside it every value is said, also the one that the base has."""
    axes = sweep.parse_axes(["lr=1e-3,3e-4", "config=a.yaml,b.yaml"])
    base = {"lr": 1e-3, "config": "a.yaml"}
    assert shown(sweep.expand(axes, sweep.GRID, base, moving={"config"})) == [
        {},
        {"lr": "1e-3", "config": "b.yaml"},
        {"lr": "3e-4"},
        {"lr": "3e-4", "config": "b.yaml"},
    ]


def test_seeds_multiply_each_point() -> None:
    """Each point with each seed, side by side."""
    points = sweep.expand(AXES[:1], sweep.ABLATE, BASE, (0, 1))
    assert [(each.is_base, each.seed) for each in points] == [
        (True, 0),
        (True, 1),
        (False, 0),
        (False, 1),
    ]
    assert len(sweep.expand((), sweep.ABLATE, {}, (0, 1, 2))) == 3


def test_a_base_that_is_not_known_leaves_nothing_out() -> None:
    """Also where the value is null; a base that is known to be null does."""
    axes = sweep.parse_axes(["f=null,1"])
    assert len(sweep.expand(axes, sweep.ABLATE, {"f": None})) == 3
    assert len(sweep.expand(axes, sweep.ABLATE, {"f": None}, known=["f"])) == 2


def test_a_point_knows_the_values_of_all_axes() -> None:
    """Those that it does not change are the base's."""
    point = sweep.expand(AXES, sweep.ABLATE, BASE)[1]
    assert sweep.to_wire(point, name="a", mode="ablate", index=1, total=4, base=BASE) == {
        "name": "a",
        "index": 1,
        "total": 4,
        "point": {"lr": 3e-4, "warmup": 1000},
        "seed": None,
        "base": False,
        "mode": "ablate",
    }


def test_what_is_no_number_may_lead_through_other_code() -> None:
    """Numbers do not, and neither do seeds."""
    (axis,) = sweep.parse_axes(["model=vit"])
    point = Point(changes={"lr": Value("1", 1), "model": axis.values[0]}, seed=1)
    assert point.path == (("model", "vit"),)


# -- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["lr="], "lr has no value"),
        (["lr=1,,2"], "one of the values is empty"),
        (["lr=1,"], "one of the values is empty"),
        (["lr=1e-5..1e-2:log"], "lr=1e-5..1e-2:log is a range, and only a search"),
        (["layers=2..8"], "layers=2..8 is a range"),
        (["lr=1", "lr=2"], "lr is given twice"),
        (["lr=1e-3,0.001"], "lr has the value 1e-3 twice"),
        (["=1"], "cannot be the name of a setting"),
        (["--lr=1"], "cannot be the name of a setting"),
        (["a=[1,2]"], "is a list or a table"),
        (["a='b"], "does not close"),
        (["a='b'c"], "something stands behind a quoted value"),
        (["a=1e999"], "no finite number"),
        (["a=b\x1b[2J"], "control character"),
    ],
)
def test_axes_that_cannot_be_read(words: list[str], says: str) -> None:
    """One line that says what is wrong, and an example."""
    with pytest.raises(errors.UsageError, match=says.replace("[", r"\[")) as caught:
        sweep.parse_axes(words)
    assert caught.value.hint
    assert "\x1b" not in caught.value.message


@pytest.mark.parametrize("axes", [(), sweep.parse_axes(["lr=1e-3"])])
def test_a_sweep_without_variation(axes: tuple[Axis, ...]) -> None:
    """The base alone is no sweep."""
    with pytest.raises(errors.UsageError, match="nothing varies"):
        sweep.expand(axes, sweep.ABLATE, BASE)


def test_one_more_point_of_a_sweep_that_exists() -> None:
    """It needs no other beside it."""
    axes = sweep.parse_axes(["lr=1e-5"])
    assert len(sweep.expand(axes, sweep.GRID, BASE, least=1)) == 1


def test_far_too_many_runs() -> None:
    """Counted before anything is made of them."""
    axes = [Axis(f"k{n}", tuple(Value(str(v), v) for v in range(10))) for n in range(9)]
    with pytest.raises(errors.UsageError, match="1000000000 runs"):
        sweep.expand(axes, sweep.GRID, {})
    assert sweep.count(axes, sweep.ABLATE, 3) == 273


@pytest.mark.parametrize(
    ("text", "seeds"), [("3", (0, 1, 2)), ("7,11", (7, 11)), (None, ()), ("1", (0,))]
)
def test_seeds(text: str | None, seeds: tuple[int, ...]) -> None:
    """How many, or which."""
    assert sweep.parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "x", "-1", "0", "1,1", "1,", "1.5", "9999999999"])
def test_seeds_that_are_none(text: str) -> None:
    """Refused with how to write them."""
    with pytest.raises(errors.UsageError) as caught:
        sweep.parse_seeds(text)
    assert "--seeds" in caught.value.hint


# -- names ----------------------------------------------------------------------------------------


def test_names_tell_what_differs() -> None:
    """Short keys where they are enough, seeds at the end."""
    axes = sweep.parse_axes(["optim.lr=3e-4,.1", "aug=none,rand", "drop=-1", "c=conf/a.yaml,''"])
    base = dict.fromkeys(axis.key for axis in axes)
    assert sweep.names("abl", sweep.expand(axes, sweep.ABLATE, base, (1,))) == [
        "abl-base-s1",
        "abl-lr3e-4-s1",
        "abl-lr_1-s1",
        "abl-aug_none-s1",
        "abl-aug_rand-s1",
        "abl-drop-1-s1",
        "abl-c_a-s1",
        "abl-c_empty-s1",
    ]


def test_names_that_are_taken_or_too_long() -> None:
    """The number of the point takes their place."""
    points = [Point(changes={"path": Value("x" * 80, "x" * 80)}), Point(changes={})]
    assert sweep.names("abl", points) == ["abl-0", "abl-base"]
    assert sweep.names("abl", points, {"abl-base", "abl-4"}, first=3) == ["abl-3", "abl-4_2"]


def test_default_names_are_the_same_for_the_same_content() -> None:
    """And others for other content, within the limit."""
    first = sweep.default_name(["lr", "model.depth"], [1, 2])
    assert first == sweep.default_name(["lr", "model.depth"], [1, 2])
    assert first.startswith("lr-depth-")
    assert first != sweep.default_name(["lr", "model.depth"], [1, 3])
    assert sweep.checked_name(sweep.default_name(["+" + "k" * 90, "b"], 0))
    assert sweep.checked_name(sweep.default_name([], 0))


@pytest.mark.parametrize("name", ["", "a b", "-a", "a/b", "x" * 41, "\x1b[2J"])
def test_names_that_no_sweep_can_have(name: str) -> None:
    """What could not begin the name of a run."""
    with pytest.raises(errors.UsageError, match="cannot be the name of a sweep"):
        sweep.checked_name(name)


SCALARS = st.one_of(
    st.integers(-(10**9), 10**9),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=90),
)
KEYS = st.from_regex(r"\A[a-z_]{1,3}(\.[a-z]{1,2}){0,2}\Z")
AXIS_LISTS = st.dictionaries(KEYS, st.lists(SCALARS, min_size=1, max_size=4), max_size=3)


@given(AXIS_LISTS, st.sampled_from([sweep.ABLATE, sweep.GRID]), st.integers(0, 3))
def test_every_point_has_a_name_of_its_own(
    listed: dict[str, list[object]], mode: str, seeds: int
) -> None:
    """Whatever the values are: no two points alike, no two names alike, all of them valid."""
    from overnight.core import sweep_values

    axes = [
        Axis(key, tuple(sweep_values.of(value) for value in values))  # type: ignore[arg-type]
        for key, values in listed.items()
    ]
    base = {key: values[0] for key, values in listed.items()}
    try:
        points = sweep.expand(axes, mode, base, tuple(range(seeds)))  # type: ignore[arg-type]
    except errors.UsageError:
        return
    identities = {(sweep.identity(each.changes), each.seed) for each in points}
    names = sweep.names("sweep", points)
    assert len(identities) == len(points) == len(set(names))
    assert all(spec.NAME.match(name) for name in names)
    assert names == sweep.names("sweep", points)
    assert len(points) <= sweep.count(axes, mode, seeds)


@given(
    st.one_of(st.none(), st.integers(1, 50)),
    st.dictionaries(st.sampled_from("abcde"), st.integers(1, 40), min_size=1),
)
def test_a_limit_is_split_over_the_servers(limit: int | None, runs: dict[str, int]) -> None:
    """All of it is given out, at least one to each server, about as the runs are."""
    found = sweep.shares(limit, runs)
    assert found.keys() == runs.keys()
    if limit is None:
        assert set(found.values()) == {None}
        return
    given_out = [share or 0 for share in found.values()]
    assert min(given_out) >= 1
    assert sum(given_out) == max(limit, sum(given_out))
    exact = [limit * number / sum(runs.values()) for number in runs.values()]
    assert all(
        share <= max(1, math.ceil(wanted)) for share, wanted in zip(given_out, exact, strict=True)
    )
