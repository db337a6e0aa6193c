"""The request that travels with the login, with real nodes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from overnight.core import errors
from overnight.ports import Request
from overnight.servers import bootstrap, local, piped

PING = Request("ping", {"n": 1})
DEAF = 'exec "$@" </dev/null'  # nothing that is written to such a node arrives
Open = Callable[[str], piped.PipeServer]


class WrappedLink(local.LocalLink):
    """A node below a line of shell that has the command's words as its arguments."""

    def __init__(self, line: str, root: Path) -> None:
        super().__init__("local", str(root), None)
        self._line = line

    def argv(self) -> list[str]:
        return ["/bin/sh", "-c", self._line, "wrapper", *super().argv()]


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[Open]:
    """Opens a server behind a line of shell, where the node lies ready."""
    with contextlib.closing(local.Local(root=str(tmp_path))) as first:
        first.call(PING)
    with contextlib.ExitStack() as stack:
        yield lambda line: stack.enter_context(
            contextlib.closing(piped.PipeServer(WrappedLink(line, tmp_path)))
        )


def test_a_first_question_needs_no_standard_input(behind: Open) -> None:
    """It is answered by a node to which nothing can be written."""
    assert behind(DEAF).call(PING).data["time"] > 0


def test_a_refusal_comes_back_too(behind: Open) -> None:
    """What the node refuses is the same error on either way."""
    missing = Request("spec", {"project": "p", "run": "train01"})
    with pytest.raises(errors.ServerError) as caught:
        behind(DEAF).call(missing)
    assert caught.value.code == "no_such_run"


def test_a_question_that_a_wrapper_loses_is_asked_again(behind: Open) -> None:
    """Some logins run the command through something that drops words after it."""
    assert behind('exec "$1" "$2" "$3" "$4" "$5" "$6" "$7" "$8" "$9"').call(PING).data["time"] > 0


def test_another_question_than_the_expected_one(behind: Open) -> None:
    """The expected one is answered, nobody listens, and the pipe goes on as always."""
    server = behind('exec "$@"')
    server.open(PING)
    project = {"project": "p", "snapshot": "0123456789abcdef", "nonce": "n"}
    assert not server.call(Request("snapshot_begin", project)).data["have"]
    assert server.call(PING).data["time"] > 0


def test_a_question_to_a_server_without_the_node(tmp_path: Path) -> None:
    """The node travels first, then the question is answered."""
    with contextlib.closing(local.Local(root=str(tmp_path))) as server:
        server.open(PING)
        assert server.call(PING).data["time"] > 0


def test_what_travels_with_the_login() -> None:
    """Everybody on a server can read command lines: no launch, nothing long, nothing that waits."""
    look = {"project": "p", "cursors": {}, "log": None}
    assert piped.may_open(Request("look", {**look, "timeout_s": 0.0}))
    assert not piped.may_open(Request("look", {**look, "timeout_s": 5.0}))
    assert not piped.may_open(Request("look", {**look, "log": {"run": "train01"}}))
    assert not piped.may_open(Request("look", {**look, "cursors": {"r" * 9000: 1}}))
    assert not piped.may_open(Request("ping", {}, b"payload"))
    assert not piped.may_open(Request("launch", {"spec": {}, "secrets": {"HF_TOKEN": "x"}}))


def test_the_question_is_one_plain_word() -> None:
    """It passes every login shell unchanged."""
    *_, word = bootstrap.with_question([], b'{"it\'s":"$HOME `x`!"}\n')
    assert set(word) <= bootstrap.PLAIN | {"="}
