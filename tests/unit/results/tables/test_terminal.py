"""A comparison on a terminal: read as a person would."""

from __future__ import annotations

import pytest

from overnight.results.comparison import arms
from overnight.results.tables import layout, terminal
from tests.unit.results.tables import compared

WIDE = """\
val_acc (higher is better), best of each run's curve: 4 arms, 9 of 11 runs counted

what differed  runs                                     schedule  code               environment: torch
cosine         cosine-s0 cosine-s1 cosine-s2 cosine-s3  cosine    changed: train.py  2.6
step           step-s0 step-s1 step-s2                  step      -                  -
constant       constant-s0 constant-s1 constant-s2      constant  -                  -
none           none-s0                                  none      -                  2.5

             n       val_acc (best)  95 %            to constant (95 %)       p
*  cosine†   3 of 4  94.14 ± 0.17    [93.73, 94.55]  +1.19    [+0.88, +1.50]  <0.001  1 altered†
*  step      2 of 3  94.10 ± 0.14    [92.83, 95.37]  +1.1     [-0.1, +2.4]    0.062   1 failed
   constant  3       92.95 ± 0.15    [92.58, 93.32]  baseline
   none      1       92.50                           -0.45                            one seed, unproven

† cosine-s3 is not counted: altered by a repair: batch 64 -> 32 (best 93.1)
not counted, failed: step-s2
step against constant: 3 more seeds each would tell them apart
*: the best and those which a test cannot tell from it (Welch's t test, Holm-corrected over all 3 pairs of arms, as the best was picked by the same numbers); an arm without a test is not marked, and not proven worse
Mean ± standard deviation over n seeds, with the 95 % t interval of the mean. \
Differences to constant with their 95 % interval, which proves none where it holds 0. The p values \
are of Welch's t test, Holm-corrected over 2 comparisons (the intervals are not).
"""  # noqa: E501  as wide as it is shown


def test_a_wide_terminal() -> None:
    """What differed stands above; n, spread, test and choice are told; points are aligned."""
    assert terminal.table(compared.three()) == WIDE


@pytest.mark.parametrize("width", [120, 100, 80, 72, 60, 40])
def test_any_width(width: int) -> None:
    """Nothing is wider than the terminal, and no number is lost."""
    shown = terminal.table(compared.three(), width=width)
    assert layout.fits(shown.splitlines(), width)
    words = " ".join(shown.split())
    for told in ("94.14 ± 0.17", "[93.73, 94.55]", "[+0.88, +1.50]", "one seed, unproven", "0.062"):
        assert told in words


def test_bold_only_where_colours_are() -> None:
    """The best and its equal."""
    assert "\x1b" not in terminal.table(compared.three())
    bold = [
        line for line in terminal.table(compared.three(), color=True).splitlines() if "\x1b" in line
    ]
    assert [line.split()[1] for line in bold] == ["cosine†", "step"]


def test_hostile_names() -> None:
    """Nothing moves the cursor or turns the text around."""
    for width in (None, 80):
        shown = terminal.table(compared.hostile(), width=width)
        assert layout.fits(shown.splitlines(), width)
        assert not set(shown) & {"\x1b", "\r", "\t", "\u202e"}


def test_a_metric_in_one_arm_only() -> None:
    """Told in words, and a dash in its cell."""
    loss = compared.stat(["a-s0", "a-s1"], [0.5, 0.6])
    listed = [
        compared.arm("a", [1.0, 1.5], stats={"val_loss": loss}),
        compared.arm("b", [0.9, 1.1]),
    ]
    shown = terminal.table(compared.comparison(listed, metrics=("val_acc", "val_loss")))
    assert "a              0.550 ± 0.071\nb              -" in shown
    assert "val_loss only in a" in shown


def test_a_number_as_the_baseline() -> None:
    """It has a row of its own, and no test is claimed."""
    base = arms.Baseline(arm=None, value=95.5, source="paper, table 2")
    test = arms.Test(
        arm="a",
        against="95.5",
        kind="number",
        n=2,
        n_against=0,
        difference=-1.0,
        low=-3.0,
        high=1.0,
    )
    found = compared.comparison([compared.arm("a", [94.0, 95.0])], baseline=base, tests=(test,))
    shown = terminal.table(found)
    assert "a number, so no test" in shown
    assert "to 95.5 (paper, table 2) (95 %)" in shown
    assert "No test against it is claimed." in shown


def test_a_very_long_setting() -> None:
    """It does not push the rest out of sight."""
    row = arms.Difference(kind="config", key="-c", values={"a": "x" * 500, "b": "y"})
    found = compared.comparison(
        [compared.arm("a", [1.0]), compared.arm("b", [2.0])], differences=(row,)
    )
    assert max(map(len, terminal.table(found).splitlines())) < 180


def test_without_a_metric() -> None:
    """What differed can be told all the same."""
    found = compared.comparison([compared.arm("a", [])], metric=None, metrics=())
    assert terminal.table(found).startswith("no metric to compare: set primary")
