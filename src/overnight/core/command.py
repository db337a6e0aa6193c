"""The command of a training: from text to argv, and from argv to something to look at.

A command is an argv list, never a string for a shell, so that what was given arrives byte for
byte. Only text that really uses the shell is handed to `/bin/sh`.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence

from overnight.core import errors, text

_QUOTED = re.compile(r"""'[^']*'|"(?:[^"\\]|\\.)*"|\\.""", re.DOTALL)
_PLACEHOLDER = "%"  # stands for a quoted piece: not a letter, not special to the shell
_SHELL_IN_QUOTES = re.compile(r'".*(?:[$`]|\\\n)|\\\n', re.DOTALL)
_SHELL_SYNTAX = re.compile(r"[&|;<>()$`*?\[]|(?:^|\s)[~#]|\S\s*\n\s*\S")
_ASSIGNMENT = re.compile(r"\s*[A-Za-z_][A-Za-z0-9_]*=")
_OWN_QUOTING = re.compile(r"[`#]|\$\(|<<")  # constructs inside which quotes are counted otherwise


def parse(train: str) -> list[str]:
    """The argv of a command as a person writes it: `python train.py --lr 0.1`.

    A command with shell syntax outside quotes (`&&`, pipes, redirections, `$NAME`, patterns,
    `NAME=value` in front, several lines) becomes `/bin/sh -c COMMAND`, unchanged. In double
    quotes only `$` and the backtick count, as in the shell. Raises `errors.ConfigError` where
    there is no word at all or a quote does not close.
    """
    bare = _QUOTED.sub(_PLACEHOLDER, train)
    uses_shell = _uses_shell(train, bare)
    is_open = re.search(r"['\"]|\\\Z", bare) is not None
    if is_open and not (uses_shell and _OWN_QUOTING.search(train)):
        raise errors.ConfigError(
            f"a quote or a last backslash in the command is left open: {visible(train)}",
            hint='close it, or put the character in quotes of the other kind, as in "it\'s"',
        )
    argv = ["/bin/sh", "-c", train] if uses_shell else shlex.split(train)
    if not argv:
        raise errors.ConfigError("the command is empty", hint='write one such as "python train.py"')
    return argv


def _uses_shell(train: str, bare: str) -> bool:
    """`bare` is `train` with a placeholder for each quoted piece."""
    quoted = (match.group() for match in _QUOTED.finditer(train))
    return (
        _SHELL_SYNTAX.search(bare) is not None
        or _ASSIGNMENT.match(bare) is not None
        or any(_SHELL_IN_QUOTES.match(piece) for piece in quoted)
    )


def validate(argv: Sequence[str]) -> None:
    """Raises `errors.UsageError` where no program could be started with `argv`."""
    hint = "put the command after --, as in: -- python train.py"
    if not argv or not argv[0]:
        raise errors.UsageError("the command is empty", hint=hint)
    for word in argv:
        if "\0" in word:
            raise errors.UsageError(
                f"a NUL character cannot be part of a command: {visible(word)}", hint=hint
            )
        try:
            os.fsencode(word)
        except UnicodeEncodeError:
            raise errors.UsageError(
                f"not a text that can be given to a program: {visible(word)}", hint=hint
            ) from None


def show(argv: Sequence[str]) -> str:
    """One line to look at: quoted for the shell, with what cannot be seen escaped."""
    return visible(shlex.join(argv))


def visible(word: str) -> str:
    r"""`word` on one line: `\n` for a newline, `\xff` for a byte that is not UTF-8."""
    return text.printable(word)
