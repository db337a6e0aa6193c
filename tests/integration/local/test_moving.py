"""Two servers of this machine: what is placed, and that a moved run exists exactly once (law 3)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from overnight.app import Overnight, following, launching, moving, queue
from overnight.app.talk import Silent
from overnight.core import errors
from overnight.node import journal, layout, states
from overnight.ports import Reply, Request
from tests.integration.local import world as worlds
from tests.integration.local.world import World
from tests.waiting import wait_until

OTHER = """\

[servers.a]
kind = "local"
root = "{root}/a"
cpu_slots = 1

[servers.b]
kind = "local"
root = "{root}/b"
cpu_slots = 2
"""


class Told(Silent):
    """Keeps what was said to the person."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


class DiedError(BaseException):
    """The laptop loses its power."""


class Mortal:
    """A server whose laptop dies at a request: before it leaves, or after it was carried out."""

    def __init__(self, real: Any, dies_at: str, when: str) -> None:
        self.real, self.dies_at, self.when = real, dies_at, when

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def call(self, request: Request, **more: Any) -> Reply:
        dies = request.verb == self.dies_at
        if dies and self.when == "before":
            raise DiedError
        reply: Reply = self.real.call(request, **more)
        if dies:
            raise DiedError
        return reply


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[World]:
    """Servers `a`, with room for one run, and `b`, with room for two."""
    with worlds.world(tmp_path, tmp_path / "servers") as made:
        made.set_up(more=OTHER.format(root=made.root))
        yield made


def launch(world: World, name: str, server: str | None, talk: Any = None) -> str:
    """A training that waits at its second epoch; the server that it went to."""
    with Overnight(world.project, talk or Silent()) as o:
        argv = world.training("--gate", "2")
        return launching.run(o, name, server, argv, 0, with_smoke=False).server


def fill(world: World) -> None:
    """`a` has no room, and `waits` waits there although nobody typed its server."""
    launch(world, "first", "a")
    with world.laptop() as o:
        plan = launching.prepared(o, "a", world.training("--gate", "2"), 0)
        wire = {**plan.spec.to_wire(), "run": "waits"}
        wire["snapshot"] = launching.sync(o, "a").pushed.snapshot
        o.server("a").call(Request("launch", {"spec": wire}))


def state(world: World, server: str, name: str) -> states.State:
    return journal.state(layout.run(str(world.root / server), "local", name))


def alive(world: World, name: str) -> list[str]:
    """The servers on which the run goes on or waits."""
    return [s for s in "ab" if state(world, s, name).state in states.ACTIVE]


def test_a_run_goes_where_there_is_room(pair: World) -> None:
    """Nobody names a server: the first full one is passed over, and it is said why."""
    launch(pair, "first", "a")
    told = Told()
    assert launch(pair, "second", None, told) == "b"
    assert "b: a CPU slot free" in told.said


def test_the_same_name_goes_on_where_it_is(pair: World) -> None:
    """Typed again, although the other server has more room by now."""
    launch(pair, "first", "a")
    assert launch(pair, "first", None) == "a"


def test_a_launch_that_was_cut_short_goes_on_there(
    pair: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The laptop dies once `b` has the run; meanwhile `a` has become the better place."""
    launch(pair, "first", "a")
    server = Overnight.server
    with monkeypatch.context() as patched:
        patched.setattr(
            Overnight, "server", lambda o, name=None: Mortal(server(o, name), "launch", "after")
        )
        with pytest.raises(DiedError):
            launch(pair, "second", None)
    assert alive(pair, "second") == ["b"]
    with pair.laptop() as o:
        o.server("a").call(Request("stop", {"project": "local", "run": "first", "by": "a test"}))
    wait_until(lambda: not alive(pair, "first"), what="the end of the first run")
    launch(pair, "third", "b")
    assert launch(pair, "second", None) == "b"
    assert alive(pair, "second") == ["b"]


def test_a_run_that_another_follows_stays(pair: World) -> None:
    """On the other server nobody would know when it has finished."""
    fill(pair)
    with pair.laptop() as o:
        plan = launching.prepared(o, "a", pair.training(), 0)
        wire = {**plan.spec.to_wire(), "run": "then", "queue": {"after": ["waits"]}}
        o.server("a").call(Request("launch", {"spec": wire}))
        assert queue.queues(o, None, balance=True).moved == ()
    assert alive(pair, "waits") == ["a"]


def test_a_queued_run_moves_once(pair: World) -> None:
    """It starts on the other server at once, and is shown there only."""
    fill(pair)
    with pair.laptop() as o:
        (moved,) = queue.queues(o, None, balance=True).moved
        assert (moved.run, moved.source, moved.target, moved.problem) == ("waits", "a", "b", "")
        assert queue.queues(o, None, balance=True).moved == ()
        shown = {(s.name, run.name) for s in following.status(o) for run in s.runs}
        assert shown == {("a", "first"), ("b", "waits")}
        assert following.locate(o, "waits", None).name == "b"
        with pytest.raises(errors.ServerError, match="was moved to b"):
            o.server("a").call(Request("resume", {"project": "local", "run": "waits"}))
    assert alive(pair, "waits") == ["b"]
    assert state(pair, "a", "waits").moved_to == "b"


def test_a_run_follows_only_what_its_server_has(pair: World) -> None:
    """Without --server it goes where the other one is; somewhere else it is refused."""
    launch(pair, "first", "b")
    turn = launching.Turn(after=("first",))
    with pair.laptop() as o:
        with pytest.raises(errors.UsageError, match="first is on b"):
            launching.run(o, "second", "a", pair.training(), 0, with_smoke=False, turn=turn)
        made = launching.run(o, "second", None, pair.training(), 0, with_smoke=False, turn=turn)
    assert made.server == "b"


def test_a_pinned_run_stays(pair: World) -> None:
    """Somebody typed --server; it waits there."""
    launch(pair, "first", "a")
    launch(pair, "second", "a")
    with pair.laptop() as o:
        assert queue.queues(o, None, balance=True).moved == ()
    assert alive(pair, "second") == ["a"]


def test_a_run_whose_spec_is_damaged_stays_and_ends(pair: World) -> None:
    """Half a file: neither laptop nor supervisor falls over it, and its place is given back."""
    fill(pair)
    spec = Path(layout.run(str(pair.root / "a"), "local", "waits").file("spec.json"))
    spec.write_bytes(spec.read_bytes()[:200])
    with pair.laptop() as o:
        (moved,) = queue.queues(o, None, balance=True).moved
    assert "spec.json on a cannot be read" in moved.problem
    pair.open_gate(2)
    wait_until(lambda: state(pair, "a", "waits").state == states.FAILED, what="its end")
    assert "spec.json cannot be read" in state(pair, "a", "waits").reason
    launch(pair, "next", "a")
    wait_until(lambda: state(pair, "a", "next").state == states.FINISHED, what="the next one")


def test_code_that_has_changed_here_is_not_moved(pair: World) -> None:
    """The other server does not have it, and nobody could send it: the run stays."""
    fill(pair)
    (pair.project / "train.py").write_text("raise SystemExit('another program')\n")
    with pair.laptop() as o:
        (moved,) = queue.queues(o, None, balance=True).moved
    assert "has changed here since" in moved.problem
    assert alive(pair, "waits") == ["a"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("verb", ["spec", "snapshot_begin", "withdraw", "launch"])
def test_a_laptop_that_dies_while_it_moves(
    pair: World, monkeypatch: pytest.MonkeyPatch, verb: str, when: str
) -> None:
    """At every stage: the run exists exactly once after the next look at the queue."""
    fill(pair)
    server = Overnight.server
    with monkeypatch.context() as patched:
        patched.setattr(
            Overnight, "server", lambda o, name=None: Mortal(server(o, name), verb, when)
        )
        with pair.laptop() as o, pytest.raises(DiedError):
            queue.queues(o, None, balance=True)
    with pair.laptop() as o:
        queue.queues(o, None)
        assert o.mirror.moves.pending() == []
    began = (verb, when) in [("withdraw", "before"), ("withdraw", "after")] or verb == "launch"
    assert alive(pair, "waits") == (["b"] if began else ["a"])
    with pair.laptop() as o:
        queue.queues(o, None, balance=True)
    assert alive(pair, "waits") == ["b"]


def test_a_run_that_started_meanwhile_stays(pair: World) -> None:
    """Between the look and the withdrawal its server found room."""
    fill(pair)
    with pair.laptop() as o:
        following.status(o)
        o.server("a").call(Request("stop", {"project": "local", "run": "first", "by": "a test"}))
        wait_until(lambda: state(pair, "a", "waits").attempts, what="its start")
        move = moving.Move(run="waits", source="a", target="b", why="")
        moved = moving.carried_out(o, move)
        assert "by now" in moved.problem
        assert o.mirror.moves.pending() == []
    assert alive(pair, "waits") == ["a"]
