"""The table of a sweep as its server knows it."""

from __future__ import annotations

import statistics
from typing import Any

import pytest

from overnight.node import sweep_table, sweeps


def record(run: str, best: float | None, **more: Any) -> dict[str, Any]:
    told = None if best is None else {"value": best, "step": None, "epoch": 3, "attempt": 1}
    plain = {"run": run, "index": 0, "point": {"lr": 0.1}, "seed": None, "base": False, "total": 3}
    ended = {"state": "finished", "best": told, "last": told, "repairs": [], "changed": False}
    named = {"primary": "val_acc", "goal": "max", "server": "gpu1", "duration_s": 61.0}
    return {**plain, **ended, **named, **more}


def table(*runs: dict[str, Any]) -> dict[str, Any]:
    return sweeps.as_table("lr", list(runs))


def test_points_by_their_mean() -> None:
    """Best first by the goal, with the sample's deviation; without a value last."""
    runs = [
        record("a", 90.0, seed=0),
        record("b", 92.0, seed=1),
        record("c", 91.5, point={"lr": 0.3}),
        record("d", None, point={"lr": 9}, state="failed"),
    ]
    found = table(*runs)["points"]
    assert [each["point"]["lr"] for each in found] == [0.3, 0.1, 9]
    assert (found[1]["n"], found[1]["mean"]) == (2, 91.0)
    assert found[1]["sd"] == pytest.approx(statistics.stdev([90.0, 92.0]))
    assert (found[0]["sd"], found[2]["mean"]) == (None, None)
    lowest = [each | {"goal": "min"} for each in runs]
    assert [each["point"]["lr"] for each in table(*lowest)["points"]] == [0.1, 0.3, 9]


def test_a_run_that_a_repair_has_changed_is_not_pooled() -> None:
    """Law 7: nor one that did not finish; both are shown."""
    repair = {"class": "nan", "change": "lr 0.1 -> 0.05", "changes_science": True}
    changed = record("b", 99.0, repairs=[repair], changed=True)
    found = table(record("a", 90.0), changed, record("c", 95.0, state="stopped"))
    assert (found["points"][0]["n"], found["points"][0]["runs"]) == (1, ["a"])
    text = sweep_table.text(found)
    assert "CHANGED BY A REPAIR, not in the mean; nan: lr 0.1 -> 0.05" in text
    assert "one seed each: no difference here is proven" in text


def test_a_part_of_it() -> None:
    """What lies on other servers is said."""
    found = table(record("a", 90.0, total=5), record("b", 90.0, total=3))
    assert "2 of 5 runs are on this server: 2 finished" in sweep_table.text(found)
    lines = sweep_table.message_lines(found)
    assert lines[-2:] == [
        "2 of 5 runs are on gpu1; the others report from their servers",
        "next: overnight sweep results lr",
    ]


def test_a_message_is_short() -> None:
    """A dozen lines, however many points; failures and repairs are among them."""
    runs = [record(f"r{n:02d}", 90.0 + n, point={"lr": n}, index=n, total=50) for n in range(47)]
    failed = {"state": "failed", "class": "code"}
    runs += [record(f"f{n}", None, point={"bad": n}, **failed) for n in range(3)]
    runs[0]["repairs"] = [{"class": "cuda_oom", "change": "batch 64 -> 32 x 2"}]
    lines = sweep_table.message_lines(table(*runs))
    assert len(lines) <= sweep_table.MESSAGE_LINES
    assert lines[1] == "  lr=46  136 (n 1)"
    assert "failed: f0 (code), f1 (code), f2 (code)" in lines
    assert "repaired: r00 1x" in lines
    assert any(line.endswith("points more") for line in lines)


def test_hostile_text() -> None:
    """Names and reasons come from files: nothing of them reaches the terminal of `cat`."""
    bad = record("a", 1.0, point={"x\x1b[2J": "\n\x07"}, reason="\x1b]0;t\x07", state="failed")
    for text in (sweep_table.text(table(bad)), "\n".join(sweep_table.message_lines(table(bad)))):
        assert not set(text) & set("\x1b\x07")


def test_no_primary_metric() -> None:
    """Then there is no ranking, and it is said how to get one."""
    found = table(record("a", None, primary=None, goal=None))
    assert sweep_table.NO_PRIMARY in sweep_table.text(found)
    assert sweep_table.message_lines(found)[0] == sweep_table.NO_PRIMARY


def test_points_are_called_by_what_differs() -> None:
    """An ablation over five keys names the one that was changed; the base by all that others
    change. Without the base, which may lie on another server, all that varies here is named.
    """
    base = {"lr": 0.1, "warmup": 500, "aug": "none", "width": 64}
    runs = [
        record("base", 90.0, point=base, base=True),
        record("a", 89.0, point={**base, "lr": 0.3}),
        record("b", 88.0, point={**base, "aug": "rand"}),
    ]
    found = sweep_table.groups(runs, "max")
    assert sweep_table.titles(found) == ["lr=0.1 aug=none (base)", "lr=0.3", "aug=rand"]
    assert sweep_table.titles(found[1:]) == ["lr=0.3 aug=none", "lr=0.1 aug=rand"]
    assert sweep_table.titles(found[:1])[0].startswith("lr=0.1 warmup=500")
