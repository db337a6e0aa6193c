"""Two runs of one name on two servers: what one has told is never shown as the other's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from overnight.app import evaluating, launching, series
from overnight.core import errors, places
from overnight.node import journal, layout, states
from overnight.ports import Request
from tests.integration.local import world as worlds
from tests.integration.local.test_moving import OTHER
from tests.integration.local.world import World
from tests.waiting import wait_until


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[World]:
    with worlds.world(tmp_path, tmp_path / "servers") as made:
        made.set_up(more=OTHER.format(root=made.root))
        yield made


def finished(world: World, server: str, epochs: int) -> None:
    """A run called `same` on this server, whatever there is on the other."""
    with world.laptop() as o:
        argv = world.training("--epochs", str(epochs))
        plan = launching.prepared(o, server, argv, 0)
        wire = {**plan.spec.to_wire(), "run": "same"}
        wire["snapshot"] = launching.sync(o, server).pushed.snapshot
        o.server(server).call(Request("launch", {"spec": wire}))
    place = layout.run(str(world.root / server), "local", "same")
    wait_until(lambda: journal.state(place).state not in states.ACTIVE, what=f"the run on {server}")


def test_their_files_are_kept_apart(pair: World) -> None:
    """The longer one is not a continuation of the shorter one, and nothing is lost."""
    finished(pair, "a", 2)
    finished(pair, "b", 4)
    with pair.laptop() as o:
        with pytest.raises(errors.UsageError, match="same is on a and b"):
            evaluating.result(o, "same", None)
        for server, epochs in (("a", 2), ("b", 4), ("a", 2)):
            evaluating.result(o, "same", server)
            assert {each.n for each in series.of_run(o, "same") if each.name == "loss"} == {epochs}
        evaluating.result(o, "same", "a")
        kept = sorted(each.name for each in places.results_folder(o.root, ".").iterdir())
        assert kept == ["same", "same-earlier", "same-earlier-2"]
        assert {each.n for each in series.of_run(o, "same-earlier-2")} >= {4}
