"""How the node gets onto a server: the starter, spoken to by hand."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from overnight.core import errors
from overnight.servers import bootstrap

PING = b'{"id":1,"verb":"ping","args":{}}\n'


def start(root: Path, said: bytes) -> subprocess.CompletedProcess[bytes]:
    """Runs the starter with `said` on its standard input, to its end."""
    argv = [sys.executable, *bootstrap.arguments(str(root))]
    return subprocess.run(argv, input=said, capture_output=True, timeout=20)


def sent(data: bytes) -> bytes:
    return b"\nPYZ %d\n" % len(data) + data


def test_the_archive_is_the_node_and_always_the_same() -> None:
    """Same sources, same bytes, same hash: nothing travels twice."""
    first = bootstrap.archive()
    bootstrap.archive.cache_clear()
    assert bootstrap.archive() == first
    names = zipfile.ZipFile(io.BytesIO(first)).namelist()
    assert {"overnight/node/main.py", "overnight/node/diagnose/verdict.py"} <= set(names)
    assert all(re.fullmatch(r"overnight/(node/)?(\w+/)*\w+\.py", name) for name in names)


def test_the_node_is_asked_for_once(tmp_path: Path) -> None:
    """The first start says that it needs the node; with it there, the next one does not."""
    first = start(tmp_path, PING + sent(bootstrap.archive()) + PING).stdout.splitlines()
    assert first[0] == b"OVERNIGHT need"
    assert first[1].startswith(b"OVERNIGHT {")
    assert [b'"id":1' in line for line in first[2:]] == [True]
    second = start(tmp_path, PING).stdout.splitlines()
    assert second[0].startswith(b"OVERNIGHT {")
    assert len(second) == 2


def test_torn_bytecode_is_thrown_away(tmp_path: Path) -> None:
    """A full disk may have cut it off; the sources are whole, so the node starts."""
    start(tmp_path, sent(bootstrap.archive()) + PING)
    (torn,) = tmp_path.rglob("wire.*.pyc")
    torn.write_bytes(torn.read_bytes()[:40])
    answered = start(tmp_path, PING).stdout.splitlines()
    assert [b'"id":1' in line for line in answered[1:]] == [True]
    assert not torn.exists()


@pytest.mark.parametrize(
    "said",
    [b"", b"\nPYZ 100000\nonly a part", b"\nPYZ 4\nxxxx", sent(bootstrap.archive()[:-9])],
)
def test_a_node_that_does_not_arrive_whole(tmp_path: Path, said: bytes) -> None:
    """The link was cut on the way, or bytes are wrong: nothing is unpacked, nothing started."""
    done = start(tmp_path, said)
    assert done.returncode == 1
    assert b"OVERNIGHT {" not in done.stdout or b"node_broken" in done.stdout
    assert list(tmp_path.rglob("*")) == []


def test_the_command_is_alike_for_every_shell() -> None:
    """One pair of single quotes, and in it no character that csh or fish treats in its own way."""
    command = bootstrap.remote_command("~/it's $HOME `x`!\nö", "/opt/py-3.12/bin/python3")
    inner = re.fullmatch(r"exec /bin/sh -c '([^']*)'", command)
    assert inner
    assert set("!\\\n`") & set(command) == set()
    assert command.isascii()


def test_a_python_path_with_odd_characters_is_refused() -> None:
    """It would have to pass two shells; a link with a plain name does."""
    with pytest.raises(errors.ConfigError, match="holds characters other than"):
        bootstrap.remote_command("~/overnight", "/opt/my python")


def look(root: Path, said: bytes = b"") -> list[bytes]:
    """What is answered to a look that comes along with the login of one who then leaves."""
    frame = b'{"id":1,"verb":"look","args":{"project":"p"}}\n'
    argv = bootstrap.with_question([sys.executable, *bootstrap.arguments(str(root))], frame)
    return subprocess.run(argv, input=said, capture_output=True, timeout=20).stdout.splitlines()


def test_who_only_looks_is_not_greeted(tmp_path: Path) -> None:
    """The answer is all; whoever says something more gets the greeting and the next answer."""
    start(tmp_path, sent(bootstrap.archive()) + PING)
    (only,) = look(tmp_path)
    assert b'"runs": []' in only
    answered = look(tmp_path, PING.replace(b'"id":1', b'"id":2'))
    assert [b'"runs"' in answered[0], b'"root"' in answered[1], b'"id":2' in answered[2]] == [
        True
    ] * 3


def test_a_look_at_a_fresh_server_is_answered(tmp_path: Path) -> None:
    """Where there is no root yet, by the rest of the node."""
    assert b'"runs"' in b"".join(look(tmp_path, sent(bootstrap.archive())))


def test_a_look_that_makes_no_sense_is_refused(tmp_path: Path) -> None:
    """As it would be in the pipe, with its code."""
    start(tmp_path, sent(bootstrap.archive()) + PING)
    frame = b'{"id":1,"verb":"look","args":{}}\n'
    argv = bootstrap.with_question([sys.executable, *bootstrap.arguments(str(tmp_path))], frame)
    said = subprocess.run(argv, input=b"", capture_output=True, timeout=20).stdout
    assert b'"code": "bad_request"' in said
