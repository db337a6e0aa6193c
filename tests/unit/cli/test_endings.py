"""How commands end, and what they let through to a terminal."""

from __future__ import annotations

import errno
import json
import sqlite3
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight import cli
from overnight.cli import endings, render, terminal, wait
from overnight.core import errors, views


def ended(error: BaseException, *words: str) -> int:
    @click.command(context_settings={"ignore_unknown_options": True})
    @click.argument("rest", nargs=-1)
    def broken(rest: tuple[str, ...]) -> None:
        raise error

    return endings.run(broken, list(words))


def test_an_expected_error_is_one_line_and_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error, with the exit code of its class."""
    assert ended(errors.Unreachable("gpu1 is away", hint="overnight doctor gpu1")) == 4
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "overnight: gpu1 is away\n  next: overnight doctor gpu1\n"


def test_what_an_error_quotes_is_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    """A metric's name may hold escape codes; message and hint show them."""
    ended(errors.UsageError("no run has \x1b[2Jx", hint="--metric \x1b]0;title\x07\u202ey"))
    said = capsys.readouterr().err
    assert said == (
        "overnight: no run has \\x1b[2Jx\n  next: --metric \\x1b]0;title\\x07\\u202ey\n"
    )


def test_with_json_the_error_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Data on standard output, for agents."""
    assert ended(errors.TimedOut("late"), "--json") == 7
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "timed_out"


def test_a_bug_of_ours_leaves_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 70, and the traceback where the message says."""
    assert ended(ZeroDivisionError("oh")) == 70
    said = capsys.readouterr().err
    path = Path(said.split("the file ")[1].strip())
    assert "ZeroDivisionError: oh" in path.read_text()
    path.unlink()


def full_database() -> sqlite3.Error:
    db = sqlite3.connect(":memory:")
    db.execute("PRAGMA max_page_count = 2")
    db.execute("CREATE TABLE one (a)")
    with pytest.raises(sqlite3.OperationalError) as caught:
        db.execute("CREATE TABLE two (a)")
    db.close()
    return caught.value


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device", "a/b"), full_database()]
)
def test_a_full_disk_is_no_bug(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    """What happened, and where to look."""
    assert ended(error) == 2
    said = capsys.readouterr().err
    assert "cannot be written" in said
    assert "next: df -h" in said


def test_ctrl_c_is_130() -> None:
    """As shells expect."""
    assert ended(KeyboardInterrupt()) == 130


def test_a_mistyped_option_is_the_users(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 and the help to read."""
    assert endings.run(cli.overnight, ["status", "--bief"]) == 2
    assert "overnight status --help" in capsys.readouterr().err


def test_a_mistyped_verb_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    """staus -> status."""
    assert endings.run(cli.overnight, ["staus"]) == 2
    assert "next: overnight status" in capsys.readouterr().err


def test_words_after_the_dashes_are_the_command() -> None:
    """Only the first -- counts, and --json behind it is not ours."""
    assert endings.split(["run", "--", "a", "--", "--json"]) == (["run"], ["a", "--", "--json"])


@pytest.mark.parametrize(
    ("states", "code"),
    [({"finished"}, 0), ({"finished", "failed"}, 3), ({"failed", "needs-decision"}, 5)],
)
def test_wait_tells_by_its_exit_code(states: set[str], code: int) -> None:
    """0 all finished, 3 one failed, 5 one needs a decision."""
    assert wait.exit_code(states) == code


def test_colours_pass_and_the_rest_does_not() -> None:
    """Cursor movement, titles and clipboard sequences are left out."""
    hostile = b"\x1b[31mred\x1b[0m\x1b]0;title\x07\x1b[2J\x1b]52;c;AAAA\x1b\\ok\r\n"
    assert terminal.Filter().feed(hostile) == b"\x1b[31mred\x1b[0mok\r\n"


@given(st.binary(max_size=60), st.integers(0, 60))
def test_where_a_chunk_is_cut_does_not_matter(data: bytes, at: int) -> None:
    """A sequence cut in two is filtered like a whole one."""
    whole, parts = terminal.Filter(), terminal.Filter()
    assert parts.feed(data[:at]) + parts.feed(data[at:]) == whole.feed(data)


def run(**changes: object) -> views.RunView:
    row = {"run": "train01", "state": "running", "attempts": [{"gpus": ["GPU-1234567890"]}]}
    return views.run_view({**row, **changes})


def test_a_run_on_a_server_that_is_away_is_unreachable() -> None:
    """What it was is said beside it (law 1)."""
    line = render.run_line(run(), reachable=False)
    assert line[1] == "unreachable"
    assert "last seen running" in line[4]


def test_brief_is_two_lines_for_fifty_runs() -> None:
    """Counts, and what needs a person."""
    runs = tuple(run(run=f"r{n}", state="failed" if n == 7 else "finished") for n in range(50))
    server = views.ServerView(name="gpu1", reachable=True, age_s=0.0, problem="", runs=runs)
    assert render.brief([server]) == "49 finished, 1 failed\nlook at: r7"


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "5 s"), (59.6, "1 min"), (240, "4 min"), (7800, "2 h 10 min")]
)
def test_durations(seconds: float, text: str) -> None:
    """Two units at most."""
    assert render.duration(seconds) == text
