"""What a table of a comparison says, whatever it is written in."""

from __future__ import annotations

import dataclasses

from overnight.core import views
from overnight.results.comparison import arms, pooling, remarks
from overnight.results.tables import content
from tests.unit.results import armed
from tests.unit.results.tables import compared


def test_paired_and_unpaired_tests_in_one_table() -> None:
    """The paired one is marked, and the caption says how."""
    paired = dataclasses.replace(compared.welch("a", "c", 1.0, 0.5, 0.01), kind="paired")
    found = compared.comparison(
        [compared.arm(name, [1.0, 2.0]) for name in ("a", "b", "c")],
        baseline=arms.Baseline(arm="c", value=None, source=""),
        tests=(paired, compared.welch("b", "c", 0.5, 0.5, 0.2)),
    )
    sheet = content.sheet(found)
    assert [row.p for row in sheet.rows] == ["0.020‡", "0.40", ""]
    assert "of Welch's t test or, where marked ‡, a t test paired by seed" in content.method(found)


def test_only_paired_tests() -> None:
    """No mark is needed."""
    paired = dataclasses.replace(compared.welch("a", "b", 1.0, 0.5, 0.01), kind="paired")
    found = compared.comparison(
        [compared.arm(name, [1.0, 2.0]) for name in ("a", "b")], tests=(paired,)
    )
    assert content.sheet(found).rows[0].p == "0.020"
    assert content.method(found).endswith("The p values are of a t test paired by seed.")


def test_the_choice_is_in_header_and_title() -> None:
    """Best, last, or at the best validation."""
    for which, words in content.WHICH.items():
        found = compared.comparison([compared.arm("a", [1.0])], which=which)
        sheet = content.sheet(found)
        assert (sheet.metric, words in sheet.title) == (f"val_acc ({which})", True)


def test_what_is_pooled() -> None:
    """Seeds only where it was by seeds."""
    listed = [compared.arm("a", [1.0, 2.0])]
    assert "over n seeds" in content.method(compared.comparison(listed))
    assert "over n runs" in content.method(compared.comparison(listed, by="lr"))


def test_no_word_is_said_twice() -> None:
    """What footnotes and caption tell is left out of the notes; what they do not is kept."""
    found = compared.three()
    notes = (*remarks.tests(found), *remarks.left_out(found), "something else")
    said = content.sheet(dataclasses.replace(found, notes=notes)).notes
    assert said[:2] == (remarks.SURVIVORS, "something else")
    assert len(said) == 3


def test_repairs_that_changed_nothing_are_told() -> None:
    """Below the table, where they are not among what differed (law 7)."""
    repair = views.Repair(
        failure="cuda_oom", change="batch 64 -> 32 x 2", at=1.0, attempt=1, changes_science=False
    )
    run = compared.outcome("r", 1.0, repairs=(repair,))
    found = compared.comparison([compared.arm("a", [1.0], pooled=(run,))])
    sheet = content.sheet(found)
    assert sheet.footnotes == ("r was repaired: cuda_oom: batch 64 -> 32 x 2",)
    assert sheet.rows[0].remark == "one seed, unproven; 1 repaired"
    row = arms.Difference(kind="repairs", key="repairs", values={"a": "r: cuda_oom"})
    assert content.sheet(dataclasses.replace(found, differences=(row,))).footnotes == ()


def test_what_differed_turns_where_there_is_more_of_it() -> None:
    """A row for each key then, and a column for each arm."""
    keys = [
        arms.Difference(kind="config", key=f"k{n}", values={"a": "1", "b": "2"}) for n in range(5)
    ]
    listed = [compared.arm("a", [1.0]), compared.arm("b", [2.0])]
    many = content.sheet(compared.comparison(listed, differences=tuple(keys))).differences
    few = content.sheet(compared.comparison(listed, differences=tuple(keys[:1]))).differences
    assert many is not None and few is not None
    assert many.header == ("", "a", "b") and many.rows[1] == ("k0", "1", "2")
    assert few.header == ("", "runs", "k0") and few.rows[0] == ("a", "a-s0", "1")


def test_very_many_metrics() -> None:
    """The first ones, and where the others are."""
    names = ("val_acc", *(f"m{n}" for n in range(10_000)))
    loss = {name: compared.stat(["a-s0"], [1.0]) for name in names[1:]}
    found = compared.comparison([compared.arm("a", [1.0], stats=loss)], metrics=names)
    others = content.sheet(found).others
    assert others is not None
    assert len(others.header) == 1 + content.MOST_OTHER_METRICS
    assert others.more.startswith("9992 further metrics")


def test_a_baseline_without_a_number_is_said() -> None:
    """Nothing is measured against it, and the caption claims no difference."""
    altered = armed.run("a", 99.0, {"--lr": 1}, altered=("nan: lr halved",))
    found = pooling.compare([altered, *armed.seeds("b", [90, 91], lr=2)], baseline="lr=1")
    assert "the baseline lr=1 has no number, so that nothing is measured against it" in (
        content.sheet(found).notes
    )
    assert "Differences" not in content.method(found)


def test_a_run_that_goes_on_has_a_best_so_far() -> None:
    """Also where its curve is here already; and one that went well is not counted, not finished."""
    going = armed.run("a", 99.0, {"--lr": 1}, state="running", so_far=99.0)
    runs = [*armed.seeds("b", [90, 91], lr=2), armed.run("c", 95.0, {"--lr": 2, "--seed": "1"})]
    sheet = content.sheet(pooling.compare([going, *runs]))
    assert "not counted, running: a (best so far 99)" in sheet.footnotes
    assert sheet.rows[0].remark == "1 not counted"


def test_the_test_behind_the_bold_rows_is_named() -> None:
    """Where the p values of the table are of other tests, or there are none."""
    runs = [*armed.seeds("a", [90, 91, 93], lr=1), *armed.seeds("b", [90, 91, 92], 5, lr=2)]
    found = pooling.compare(runs, baseline=pooling.Number(79.5, "paper"))
    assert content.top_words(found) == f"{content.TOP} (Welch's t test)"
    assert "interval of our mean alone" in content.method(found)
    assert content.method(found).endswith("No test against it is claimed.")
    assert content.top_words(pooling.compare(runs)) == content.TOP


def test_a_single_seed_has_no_more_digits_than_the_others() -> None:
    runs = [*armed.seeds("a", [90, 91, 92.123], lr=1), armed.run("b", 65.61234, {"--lr": "2"})]
    rows = content.sheet(pooling.compare(runs, baseline="lr=1")).rows
    assert rows[1].difference == "-25.4"
