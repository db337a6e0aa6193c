"""The morning report over real runs: one that finished, one that was mended, one that failed."""

from __future__ import annotations

import json
from pathlib import Path

from overnight.node import states
from tests.integration.local import sweeping
from tests.integration.local.world import World

METRICS = """
[metrics]
primary = "loss"
goal = "min"
baseline = { loss = 0.2, source = "paper, table 2" }
"""


def night(world: World) -> None:
    """Three runs, one after the other, each with a diary of its own."""
    world.set_up(more=METRICS)
    world.launch("good", "--gate", "3", "--epochs", "3")
    world.open_gate(3)
    assert world.wait("good").state == states.FINISHED
    for left in ("go-3", "alone"):
        (world.diary / left).unlink(missing_ok=True)
    world.launch("mended", "--gate", "2", "--batch-size", "64", "--accum", "1", "--oom-above", "32")
    world.open_gate(2)
    assert world.wait("mended").state == states.FINISHED
    (world.diary / "go-2").unlink()
    world.launch("broken", "--gate", "2", "--die", "2:exit-3", "--epochs", "4")
    world.open_gate(2)
    assert world.wait("broken").state == states.FAILED


def test_a_night(world: World, tmp_path: Path) -> None:
    """In every form; and what was shown is not told again, but in the same morning."""
    night(world)
    told = json.loads(world.typed("report", "--since", "1h", "--json"))
    assert [each["run"] for each in told["failed"]] == ["broken"]
    assert [each["run"] for each in told["mended"]] == ["mended"]
    assert {each["run"] for each in told["finished"]} == {"good", "mended"}
    assert told["mended"][0]["class"] == "cuda_oom"
    assert "batch 64 -> batch 32 x 2" in told["mended"][0]["repair"]
    (good,) = (each for each in told["finished"] if each["run"] == "good")
    assert (good["best"]["value"], good["target"], good["best"]["file"]) == (0.3333, 0.2, None)

    shown = world.typed("report", "--since", "1h")
    parts = [line for line in shown.splitlines() if line and not line.startswith(" ")]
    assert parts[2:] == ["Failed", "Results", "Mended in the night"]
    assert "overnight explain broken" in shown
    assert "target 0.2 (paper, table 2)" in shown

    first, second = world.typed("report", "--brief", "--since", "1h").splitlines()
    assert "1 failed, 2 finished; 1 failure mended" in first
    assert second == "failed: broken"

    page = tmp_path / "night.html"
    world.typed("report", "-o", str(page))
    text = page.read_text()
    assert "paper, table 2" in text and "overnight explain broken" in text

    again = json.loads(world.typed("report", "--json"))
    assert [each["run"] for each in again["failed"]] == ["broken"]
    since_then = json.loads(world.typed("report", "--since", "last", "--json"))
    assert since_then["failed"] == since_then["finished"] == since_then["mended"] == []

    after = json.loads(world.typed("report", "--since", "1h", "--json"))
    (good,) = (each for each in after["finished"] if each["run"] == "good")
    assert good["best"]["file"] == "attempts/1/output.log"  # the page has fetched it
    assert good["best"]["line"] == 3
    assert good["verdict"] in ("bad", "undecided") and good["reasons"]


def test_a_sweep_that_has_ended(world: World) -> None:
    """Its table, with a word on its best point; also while nobody is asked."""
    world.set_up(more=sweeping.METRICS)
    for index, lr in enumerate((0.01, 0.02, 0.03)):
        run = f"lr-{index}"
        sweeping.start(world, run, lr, index=index, base=index == 0)
        world.wait(run)
    for words in ((), ("--cached",)):
        shown = world.typed("report", "--since", "1h", *words)
        assert "Sweep lr\n" in shown
        assert "sweep lr, val_acc (max): 3 runs, 3 finished" in shown
    (told,) = json.loads(world.typed("report", "--since", "1h", "--json"))["sweeps"]
    assert [row[0] for row in told["rows"]] == ["0.03", "0.02", "0.01"]
    pulled = json.loads(world.typed("report", "--since", "1h", "--json", "--pull"))
    typed = {each["command"] for each in pulled["steps"]}
    assert typed == {"overnight next --sweep lr"}  # its runs are advised on once, together


GONE = """
[servers.gone]
host = "nowhere.invalid"
"""


def test_a_server_that_is_away(world: World) -> None:
    """It is told with its age, and hinders nothing; afterwards nobody needs to be asked."""
    world.set_up(more=METRICS + GONE)
    world.launch("good", "--gate", "2", "--epochs", "2")
    world.open_gate(2)
    world.wait("good")
    shown = world.typed("report", "--since", "1h")
    assert "unreachable since" in shown and "overnight doctor gone" in shown
    assert "good" in shown.partition("Results")[2]
    for words in ((), ("--cached",)):
        lines = world.typed("report", "--since", "1h", "--brief", *words).splitlines()
        assert lines[1] == "unreachable: gone"


def test_what_is_no_time(world: World) -> None:
    """Said with forms that are."""
    assert "is no time" in world.refused("report", "--since", "soon", code=2)
    assert "no format" in world.refused("report", "-o", "night.pdf", code=2)
    assert "no report was shown" in world.refused("report", "--since", "last", code=2)
