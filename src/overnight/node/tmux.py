"""A window onto a run: a tmux session that shows its output. Killing it harms nothing."""

from __future__ import annotations

import os

from overnight.node import programs

# A tmux server that we start keeps our environment for all that the user opens in it later, so it
# gets no more than this, and never a secret.
PASSED_ON = (
    *("HOME", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "PATH", "SHELL", "TERM", "TMUX_TMPDIR"),
    *("TZ", "USER", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"),
)
TIMEOUT_S = 3.0
SHOWN_LOG = "@overnight_log"


def attach_argv(name: str) -> list[str]:
    """`=` asks for exactly this session, not for one whose name begins so."""
    return ["tmux", "attach", "-t", f"={name}"]


def open_view(name: str, log_path: str, pid: int) -> str | None:
    """Opens a session that follows the log until the process `pid` has ended.

    Returns the session's name: `name`, or `overnight-NAME` where `name` is somebody else's; an
    open view of this log is used again. None where tmux is missing or stuck, or both names are
    taken.
    """
    try:
        for candidate in (name, f"overnight-{name}"):
            if create(candidate, log_path, pid) or shown_log(candidate) == log_path:
                return candidate
    except OSError:
        return None
    return None


def create(session: str, log_path: str, pid: int) -> bool:
    """False where the session exists already."""
    tail = ["tail", "-n", "200", f"--pid={pid}", "-F", "--", log_path]
    mark = ["set-option", "-t", f"={session}:", SHOWN_LOG, log_path]
    return run(["new-session", "-d", "-s", session, *tail, ";", *mark]).code == 0


def shown_log(session: str) -> str:
    """The log that a session of ours shows; empty for any other session."""
    return run(["show-options", "-qv", "-t", f"={session}:", SHOWN_LOG]).out.rstrip("\n")


def run(arguments: list[str]) -> programs.Answer:
    """OSError where tmux is missing or does not answer."""
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    answer = programs.ask(["tmux", *arguments], timeout_s=TIMEOUT_S, cwd="/", env=kept)
    if answer.code is None:
        raise TimeoutError(f"tmux did not answer within {TIMEOUT_S:g} s")
    return answer
