"""Commands are argv lists; only what uses the shell goes through it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

import hypothesis
import pytest
from hypothesis import strategies as st

from overnight.core import command, errors

ECHO = (sys.executable, "-c", "import sys; sys.stdout.write(ascii(sys.argv[1:]))")


@pytest.mark.parametrize(
    ("train", "argv"),
    [
        ("python train.py --lr 0.1", ["python", "train.py", "--lr", "0.1"]),
        ("  python   train.py\n", ["python", "train.py"]),
        ("python \"my script.py\" '$HOME'", ["python", "my script.py", "$HOME"]),
        ("python a\\ b.py \\$HOME \\&\\&", ["python", "a b.py", "$HOME", "&&"]),
        ("python 'a && b' \"x | y; z > w\"", ["python", "a && b", "x | y; z > w"]),
        ("python --name a#b a~b x=1", ["python", "--name", "a#b", "a~b", "x=1"]),
        ("python ''", ["python", ""]),
        ("'A'=1 x", ["A=1", "x"]),
        ("python größe.py 学習", ["python", "größe.py", "学習"]),
    ],
)
def test_plain_commands_become_argv(train: str, argv: list[str]) -> None:
    """Quotes and backslashes mean what they mean to a shell."""
    assert command.parse(train) == argv


@pytest.mark.parametrize(
    "train",
    [
        "cd sub && python train.py",
        "python train.py | tee log",
        "python a.py; python b.py",
        "python train.py > log",
        "python train.py < input",
        "python train.py &",
        "python train.py $ARGS",
        'python train.py "$ARGS"',
        'python train.py "\\$ARGS"',
        "python train.py `date`",
        'python train.py "`date`"',
        "(python train.py)",
        "python train.py data/*.csv",
        "python train.py data/?.csv",
        "python train.py data/[ab].csv",
        "python train.py ~/data",
        "python train.py  # don't",
        "CUDA_LAUNCH_BLOCKING=1 python train.py",
        'NAME="a b" python train.py',
        "python a.py\npython b.py",
        "python train.py \\\n  --lr 0.1",
        "python train.py \"$(echo ')')\"",
    ],
)
def test_shell_syntax_goes_to_the_shell_unchanged(train: str) -> None:
    """A command that uses the shell is given to /bin/sh as it was written."""
    assert command.parse(train) == ["/bin/sh", "-c", train]


@pytest.mark.parametrize(
    "train", ["python 'train.py", 'python "a && b', "python it's.py", "python x\\", "a#b 'c"]
)
def test_open_quotes_are_refused(train: str) -> None:
    """A quote that does not close is a mistake, also where shell syntax stands around it."""
    with pytest.raises(errors.ConfigError) as caught:
        command.parse(train)
    assert caught.value.message == (
        f"a quote or a last backslash in the command is left open: {train}"
    )
    assert caught.value.hint.startswith("close it")


@pytest.mark.parametrize("train", ["", "  \n "])
def test_nothing_is_no_command(train: str) -> None:
    """An empty command is a mistake that shows what to write."""
    with pytest.raises(errors.ConfigError) as caught:
        command.parse(train)
    assert caught.value.message == "the command is empty"
    assert caught.value.hint == 'write one such as "python train.py"'


ARGV = st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5)


@hypothesis.given(ARGV)
@hypothesis.settings(deadline=None)
def test_quoted_argv_comes_back(argv: list[str]) -> None:
    """What shlex.join wrote is read back exactly, so long as no assignment stands in front."""
    first = argv[0].partition("=")
    hypothesis.assume(not (first[1] and first[0].isidentifier()))
    assert command.parse(shlex.join(argv)) == argv


@hypothesis.given(st.lists(st.text(" ab'\"\\$#~=*\n;", max_size=6), max_size=3))
@hypothesis.settings(max_examples=15, deadline=None)
def test_a_shell_would_have_given_the_same_words(pieces: list[str]) -> None:
    """Where no shell is used, the words are those that /bin/sh itself would have made."""
    train = " ".join([shlex.join(ECHO), *pieces])
    try:
        argv = command.parse(train)
    except errors.ConfigError:
        return
    hypothesis.assume(argv[0] != "/bin/sh")
    done = subprocess.run(["/bin/sh", "-c", train], capture_output=True, check=True, text=True)
    assert done.stdout == ascii(argv[len(ECHO) :])


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "the command is empty"),
        ([""], "the command is empty"),
        (["python", "a\0b"], "a NUL character cannot be part of a command: a\\x00b"),
        (["python", "\ud800"], "not a text that can be given to a program: \\ud800"),
    ],
)
def test_what_no_program_can_take_is_refused(argv: list[str], message: str) -> None:
    """Nothing is launched that the kernel could not start."""
    with pytest.raises(errors.UsageError) as caught:
        command.validate(argv)
    assert caught.value.message == message
    assert caught.value.hint == "put the command after --, as in: -- python train.py"


def test_bytes_that_are_not_utf8_are_fine() -> None:
    """A file name of any bytes can be an argument."""
    command.validate(["python", os.fsdecode(b"caf\xe9.py"), ""])


@pytest.mark.parametrize(
    ("argv", "shown"),
    [
        (["python", "a b.py"], "python 'a b.py'"),
        (["x", "a\nb\x1b[31m"], "x 'a\\nb\\x1b[31m'"),
        (["x", os.fsdecode(b"caf\xe9")], "x 'caf\\xe9'"),
        (["x", "\u202egnp.exe"], "x '\\u202egnp.exe'"),
        (["x", "größe"], "x 'größe'"),
    ],
)
def test_commands_are_shown_on_one_visible_line(argv: list[str], shown: str) -> None:
    """Nothing in a command can move the cursor, hide or reorder what is shown."""
    assert command.show(argv) == shown
