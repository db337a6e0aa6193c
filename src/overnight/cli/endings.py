"""How a command ends: well, with an expected error, with the user's mistake, or with our bug."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
import traceback
from collections.abc import Sequence

import click

from overnight.cli import terminal
from overnight.core import errors

INTERRUPTED = 130
OUR_BUG = 70


def run(group: click.Command, argv: Sequence[str]) -> int:
    """Carries out the command line; the exit code. Words after `--` go to the verb as they are."""
    own, command = split(argv)
    as_json = "--json" in own
    try:
        code = group.main(own, prog_name="overnight", standalone_mode=False, obj=command)
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.ClickException as error:
        return told(errors.UsageError(error.format_message(), hint=help_hint(error)), as_json)
    except errors.OvernightError as error:
        return told(error, as_json)
    except (KeyboardInterrupt, click.Abort):
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # whoever read our output has seen enough; Python must not complain when it flushes
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        full = of_the_disk(error)
        return told(full, as_json) if full else bug()


def split(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """(our own words, the words after the first `--`)."""
    words = list(argv)
    if "--" not in words:
        return words, []
    at = words.index("--")
    return words[:at], words[at + 1 :]


def help_hint(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f"{context.command_path} --help" if context else "overnight --help"


def told(error: errors.OvernightError, as_json: bool) -> int:
    """One line that says what happened, one with the next command to type.

    Both may name what a file or a server brought.
    """
    if as_json:
        body = {"code": error.code, "message": error.message, "hint": error.hint}
        print(json.dumps({"error": body}))
    else:
        print(terminal.safe_text(f"overnight: {error.message}"), file=sys.stderr)
        if error.hint:
            print(terminal.safe_text(f"  next: {error.hint}"), file=sys.stderr)
    return error.exit_code


def of_the_disk(error: Exception) -> errors.UsageError | None:
    """What to do where a disk of this machine takes nothing more; None for any other error."""
    name = getattr(error, "sqlite_errorname", "")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        what = f"{error.filename or 'a file'} cannot be written: {error.strerror}"
    elif name.startswith(("SQLITE_FULL", "SQLITE_READONLY")):
        what = f".overnight cannot be written: {error}"
    else:
        return None
    return errors.UsageError(what, hint="df -h .   then type the same again: it goes on")


def bug() -> int:
    """Our own bug: the traceback goes to a file, whose path is printed."""
    import tempfile

    text = traceback.format_exc()
    try:
        handle, path = tempfile.mkstemp(prefix="overnight-bug-", suffix=".txt")
        with os.fdopen(handle, "w") as file:
            file.write(text)
    except OSError:
        print(text, file=sys.stderr)
        return OUR_BUG
    last = text.strip().splitlines()[-1]
    with contextlib.suppress(OSError):
        print(terminal.safe_text(f"overnight: this is a bug of ours: {last}"), file=sys.stderr)
        print(f"  next: please report it with the file {path}", file=sys.stderr)
    return OUR_BUG
