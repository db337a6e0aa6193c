"""The laptop's end of the pipe, with real nodes behind all kinds of login shells."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from overnight.core import errors
from overnight.ports import Request
from overnight.servers import bootstrap, piped, ssh_words

Open = Callable[..., piped.PipeServer]
PLACE = ssh_words.Place(name="gpu1", host="box", ssh_config=None)


class ShellLink:
    """Reaches a node of this machine through lines of shell, as a login shell runs them."""

    name = "gpu1"

    def __init__(self, before: str, root: Path, python: str | None) -> None:
        self.python = python
        self._script = before + bootstrap.remote_command(str(root), python)

    def argv(self) -> list[str]:
        return ["/bin/sh", "-c", self._script]

    def failure(self, exit_code: int | None, stderr: str) -> errors.OvernightError:
        return ssh_words.explain(PLACE, exit_code, stderr)

    def reset(self) -> bool:
        return False


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "overnight"


@pytest.fixture
def behind(root: Path) -> Iterator[Open]:
    """Opens a server behind some lines of shell."""
    opened: list[piped.PipeServer] = []

    def connect(
        before: str = "", *, python: str | None = sys.executable, open_timeout_s: float = 20.0
    ) -> piped.PipeServer:
        link = ShellLink(before, root, python)
        opened.append(piped.PipeServer(link, open_timeout_s=open_timeout_s))
        return opened[-1]

    yield connect
    for server in opened:
        server.close()


@pytest.mark.parametrize(
    "before",
    [
        "echo Welcome; echo; echo '{}';",
        "echo OVERNIGHT; echo OVERNIGHT is nice; echo 'OVERNIGHT {'; echo 'OVERNIGHT {]';",
        "printf '\\377\\000\\033[2J\\n'; printf 'Module loaded: \\n' >&2;",
        "head -c 100000 /dev/zero | tr '\\0' '\\n';",
    ],
)
def test_talk_before_the_node_is_passed_over(behind: Open, before: str) -> None:
    """Whatever start-up files print, in whatever amount, even words that look like ours."""
    server = behind(before)
    assert server.call(Request("ping", {}, b"payload")).payload == b"payload"


def test_a_question_asked_before_the_node_is_there(behind: Open) -> None:
    """It waits while the node is sent, and is neither lost nor asked twice."""
    server = behind()
    server.open()
    args = {"project": "p", "cursors": {"x" * 20_000: 0}}  # longer than a reader's buffer
    assert server.call(Request("look", args)).data["runs"] == []
    assert server.call(Request("ping", {}, b"2")).payload == b"2"


@pytest.mark.parametrize(
    ("before", "code", "says"),
    [
        ("echo bye; exit 0;", "shell_exits", "exit code 0 before our command ran (it printed: 'b"),
        ("exit 7;", "shell_exits", "the login shell on gpu1 ended with exit code 7 before our"),
        ("echo no quota >&2; exit 1;", "shell_exits", "before our command ran: no quota"),
    ],
)
def test_shells_that_end_too_soon(behind: Open, before: str, code: str, says: str) -> None:
    """The login works and our command never runs: not a server that cannot be reached."""
    with pytest.raises(errors.ServerError) as found:
        behind(before).call(Request("ping"))
    assert found.value.code == code
    assert says in found.value.message


@pytest.mark.parametrize("before", ["sleep 60;", "cat > /dev/null;", "yes;"])
def test_shells_that_never_get_there(behind: Open, before: str) -> None:
    """Silence, listening and endless talk are given up in time; what was printed is shown."""
    with pytest.raises(errors.Unreachable, match="gpu1 does not answer in time") as found:
        behind(f"echo Which project?; {before}", open_timeout_s=0.2).call(Request("ping"))
    assert "it printed: 'Which project?" in found.value.message


def test_a_named_python_that_is_not_there(behind: Open) -> None:
    """The message repeats what overnight.toml says."""
    with pytest.raises(errors.ServerError, match="gpu1 has no program /opt/python") as found:
        behind(python="/opt/python").call(Request("ping"))
    assert found.value.code == "no_python"
    assert "[servers.gpu1]" in found.value.hint


def test_a_python_with_another_name_is_found(behind: Open, tmp_path: Path) -> None:
    """No `python3` in PATH, but one with a version in its name."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "python3.11").symlink_to(sys.executable)
    server = behind(f"PATH={shlex.quote(str(folder))};", python=None)
    assert server.call(Request("ping", {}, b"here")).payload == b"here"


def test_a_newer_python_is_preferred_to_an_old_one(behind: Open, tmp_path: Path) -> None:
    """`python3` is too old; beside it lies one that is not."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "python3.12").symlink_to(sys.executable)
    # an old Python in all that counts: it runs the starter and calls itself 3.6
    old = folder / "python3"
    lie = "import sys; sys.version_info = (3, 6, 9); exec(sys.argv.pop(1))"
    old.write_text(
        f'#!/bin/sh\nwhile [ "$1" != -c ]; do shift; done; shift\n'
        f'exec {shlex.quote(sys.executable)} -c {shlex.quote(lie)} "$@"\n'
    )
    old.chmod(0o755)
    server = behind(f"PATH={shlex.quote(str(folder))};", python=None)
    assert server.greeting().python.startswith(f"{sys.version_info[0]}.{sys.version_info[1]}.")


def test_a_root_that_cannot_be_made(behind: Open, root: Path) -> None:
    """A file stands where the folder should be."""
    root.write_text("")
    with pytest.raises(errors.ServerError, match="cannot use the root folder") as found:
        behind().call(Request("ping"))
    assert found.value.code == "root_unusable"
    assert str(root) in found.value.message


def test_a_program_that_is_not_installed(behind: Open, root: Path) -> None:
    """No ssh, or no such Python, on the laptop itself: said plainly."""
    server = behind()
    server.link.argv = lambda: ["/no/such/ssh"]  # type: ignore[method-assign]
    with pytest.raises(errors.UsageError, match="/no/such/ssh cannot be started on this machine"):
        server.call(Request("ping"))
