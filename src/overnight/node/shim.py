"""The small `sh` program between the supervisor and the training command.

It is the command's direct parent and writes the exit code even if the supervisor is killed. The
folder `claim` lets exactly one shim start the command of an attempt (law 3). It survives the
signals that end the command, and passes the command's arguments on byte for byte.
"""

from __future__ import annotations

from overnight.node import fs

# The command runs in a sub-shell that `exec`s it, so that a name such as `exit` or `test` is the
# program of that name and never a word of the shell's.
SCRIPT = r"""
attempt=$1; shift
mkdir "$attempt/claim" 2>/dev/null || exit 125
trap : HUP INT QUIT TERM USR1 USR2 XCPU
read -r boot < /proc/sys/kernel/random/boot_id
read -r stat < /proc/$$/stat
printf '%s\n%s\n' "$boot" "$stat" > "$attempt/shim.tmp" && mv "$attempt/shim.tmp" "$attempt/shim"
(exec "$@")
code=$?
printf '%s\n' "$code" > "$attempt/exit.tmp" && mv "$attempt/exit.tmp" "$attempt/exit"
exit "$code"
"""


def argv(attempt: str, command: list[str]) -> list[str]:
    return ["/bin/sh", "-c", SCRIPT, "overnight-shim", attempt, *command]


def exit_code(attempt: str) -> int | None:
    """What the shim wrote, or None where it has written nothing (yet)."""
    text = fs.read_text(f"{attempt}/exit")
    return int(text) if text and text.isdigit() else None


def signal_of(code: int | None) -> int | None:
    """The shell reports death by signal n as 128 + n."""
    return code - 128 if code is not None and 128 < code <= 128 + 64 else None
