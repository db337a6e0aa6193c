"""Every error that a user can meet.

    OvernightError            70  our own bug unless a subclass says otherwise
    ├── UsageError             2  the command line is not usable as typed
    │   └── NameTaken          2  another run already has this name
    ├── ConfigError            2  a mistake in a file of the user's, with its place
    ├── SyncRefused            2  files that must not travel without being allowed
    ├── RunFailed              3  the training failed on the server
    ├── ServerError            4  the server answered, but cannot do what was asked
    ├── Unreachable            4  the server cannot be reached now
    │   ├── HostKeyChanged     4  the server shows another host key than before
    │   └── LoginRefused       4  the server does not accept our key
    ├── NeedsDecision          5  a person has to choose
    ├── CheckFailed            6  doctor, smoke or plan check found something to mend
    └── TimedOut               7  waiting took longer than allowed

Each error says what happened in one line and, as `hint`, the next command to type.
"""

from __future__ import annotations

from collections.abc import Iterable


class OvernightError(Exception):
    """Base of every expected error. `code` is stable, for scripts and `--json`."""

    exit_code = 70
    code = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(OvernightError):
    """The command line is not usable as typed."""

    exit_code = 2
    code = "usage"


class NameTaken(UsageError):
    """Another run already has this name."""

    code = "name_taken"


class ConfigError(OvernightError):
    """A mistake in a file. `message` starts with `file:line:` where the line is known."""

    exit_code = 2
    code = "config"


class SyncRefused(OvernightError):
    """Files that must not travel without being allowed."""

    exit_code = 2
    code = "sync_refused"


class RunFailed(OvernightError):
    """The training failed on the server."""

    exit_code = 3
    code = "run_failed"


class ServerError(OvernightError):
    """The node answered with an error; `code` is the node's own code where it sent one."""

    exit_code = 4
    code = "server"

    def __init__(self, message: str, *, hint: str = "", code: str = "server") -> None:
        super().__init__(message, hint=hint)
        self.code = code


class Unreachable(OvernightError):
    """The server cannot be reached now."""

    exit_code = 4
    code = "unreachable"


class HostKeyChanged(Unreachable):
    """The server shows another host key than before."""

    code = "host_key_changed"


class LoginRefused(Unreachable):
    """The server does not accept our key."""

    code = "login_refused"


class NeedsDecision(OvernightError):
    """A person has to choose."""

    exit_code = 5
    code = "needs_decision"


class CheckFailed(OvernightError):
    """Doctor or smoke test found something to mend."""

    exit_code = 6
    code = "check_failed"


class TimedOut(OvernightError):
    """Waiting took longer than allowed."""

    exit_code = 7
    code = "timed_out"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like `word`, for "did you mean"."""
    import difflib

    found = difflib.get_close_matches(word, list(known), n=1)
    return found[0] if found else None
