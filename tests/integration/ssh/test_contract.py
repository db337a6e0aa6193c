"""What every server adapter keeps to: one suite for this machine, a real sshd and a login node."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from overnight.core import errors
from overnight.ports import Request
from overnight.servers import bootstrap
from tests.integration.ssh.conftest import Place
from tests.waiting import wait_until

MIB = 1 << 20
QUIET = Request("look", {"project": "project", "timeout_s": 60})  # answers when there is news
STRANGE = ["with space", 'it\'s "quoted"', "größe 日本", "$HOME `id` ; &", "new\nline", "-n"]


def written_bytes() -> int:
    """What this process has written so far, pipes included."""
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["wchar"])


@contextlib.contextmanager
def counted() -> Iterator[list[int]]:
    before = written_bytes()
    counts: list[int] = []
    yield counts
    counts.append(written_bytes() - before)


def test_the_node_says_where_it_is(place: Place) -> None:
    """Root, host, boot and Python of the other side, measured with the round trip."""
    said = place.connect().greeting()
    assert said.root == f"{place.there}/overnight"
    assert tuple(map(int, said.python.split("."))) >= bootstrap.OLDEST_PYTHON
    assert said.boot_id
    assert said.host
    assert abs(said.time - time.time()) < 5


def test_payloads_travel_both_ways(place: Place) -> None:
    """Many MiB come back byte for byte, also when both directions are busy at once."""
    server = place.connect()
    sent = [os.urandom(3 * MIB) for _ in range(12)]
    came = server.call_many(Request("ping", {}, data) for data in sent)
    assert [reply.payload for reply in came] == sent
    assert server.call(Request("ping")).payload == b""


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (Request("no-such-verb"), "unknown_verb"),
        (Request("spec", {"project": "project", "run": "none"}), "no_such_run"),
        (Request("spec", {"project": "project"}), "bad_request"),
        (Request("spec", {"project": "../..", "run": "none"}), "bad_request"),
    ],
)
def test_refusals_have_a_code_and_harm_nothing(place: Place, request_: Request, code: str) -> None:
    """The error names the server and what to type; the same pipe goes on."""
    server = place.connect()
    server.call(Request("ping"))
    before = place.pipes()
    with pytest.raises(errors.ServerError) as refused:
        server.call(request_)
    assert refused.value.code == code
    assert refused.value.message.startswith(server.name)
    assert refused.value.hint
    assert server.call(Request("ping", {}, b"after")).payload == b"after"
    assert place.pipes() == before


def test_pipelined_answers_keep_their_order(place: Place) -> None:
    """More requests than fit in flight at once; a refusal in their middle is that request's."""
    server = place.connect()
    asked = [Request("ping", {}, b"%d" % number) for number in range(30)]
    assert [int(reply.payload) for reply in server.call_many(asked)] == list(range(30))
    answers = server.call_many([asked[0], Request("no-such-verb"), asked[2], asked[3]])
    assert next(answers).payload == b"0"
    with pytest.raises(errors.ServerError, match="no-such-verb"):
        next(answers)
    assert server.call(Request("ping", {}, b"mine")).payload == b"mine"


def test_a_pipe_that_was_lost_is_opened_again(place: Place) -> None:
    """Its process is killed between two calls: the second call does not notice."""
    server = place.connect()
    server.call(Request("ping"))
    (process,) = place.pipes()
    os.kill(process, signal.SIGKILL)
    assert server.call(Request("ping", {}, b"again")).payload == b"again"


def test_a_pipe_that_is_lost_under_a_question(place: Place) -> None:
    """The node is killed while it works: the question is asked again, of a new node."""
    server = place.connect()
    server.call(Request("ping"))
    (node,) = place.nodes()
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(server.call, QUIET._replace(args={**QUIET.args, "timeout_s": 1}))
        place.kill(node)
        assert asked.result(timeout=20).data["runs"] == []
    assert place.nodes() != [node]


def test_every_question_has_a_deadline(place: Place) -> None:
    """A silent node is given up in time, and the next question is answered."""
    server = place.connect()
    server.call(Request("ping"))
    began = time.monotonic()
    with pytest.raises(errors.Unreachable, match=f"{server.name} does not answer in time"):
        server.call(QUIET, timeout_s=0.5)
    assert time.monotonic() - began < 5
    assert server.call(Request("ping", {}, b"next")).payload == b"next"


def test_first_contacts_at_once(place: Place) -> None:
    """Four clients meet a server without a node: all are answered, one node is there."""
    servers = [place.connect() for _ in range(4)]
    barrier = threading.Barrier(4)

    def meet(number: int) -> bytes:
        barrier.wait()
        return servers[number].call(Request("ping", {}, b"%d" % number)).payload

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(meet, range(4))) == [b"0", b"1", b"2", b"3"]
    names = [each.name for each in (place.home / "overnight" / "node").iterdir()]
    assert names == [bootstrap.archive_hash()[:16]]


def test_the_node_travels_once(place: Place) -> None:
    """The first contact brings the node; after it, no more than the question is sent."""
    with counted() as first:
        place.connect().call(Request("ping"))
    with counted() as second:
        place.connect().call(Request("ping"))
    assert first[0] > len(bootstrap.archive())
    assert second[0] < 2000


def test_close_leaves_no_process(place: Place) -> None:
    """Neither here nor there; and the server can be used again."""
    server = place.connect()
    server.call(Request("ping"))
    assert place.nodes()
    server.close()
    assert place.pipes() == []
    wait_until(lambda: not place.nodes(), what="the end of the node")
    assert server.call(Request("ping", {}, b"again")).payload == b"again"


@pytest.mark.parametrize("root", STRANGE)
def test_strange_roots(place: Place, root: str) -> None:
    """Whatever the root is called, it is exactly that folder."""
    server = place.connect(root)
    server.call(Request("ping"))
    assert (place.home / root / "node").is_dir()
    assert server.greeting().root.endswith(f"/{root}")
