"""The small `sh` program between the supervisor and the training command.

It is the command's direct parent and writes the exit code even if the supervisor is killed. The
folder `claim` lets exactly one shim start the command of an attempt (law 3). It survives the
signals that end the command, and passes the command's arguments on byte for byte.

In the attempt's folder it leaves: `shim`, who it is; `command`, who the command is; `exit`, how
the command ended. Room for the exit code is taken before the command starts, so that it can be
written when the command has filled the disk.
"""

from __future__ import annotations

import os

from overnight.node import fs, identity

NOT_STARTED = 125

# The command runs in a sub-shell that `exec`s it, so that a name such as `exit` or `test` is the
# program of that name and never a word of the shell's. `<>` writes into the file as it is. From
# then on the shell's own words go nowhere: "Killed" in a log would look like the training's.
SCRIPT = rf"""
attempt=$1; shift
mkdir "$attempt/claim" 2>/dev/null || exit {NOT_STARTED}
trap : HUP INT QUIT TERM USR1 USR2 XCPU
read -r boot < /proc/sys/kernel/random/boot_id
read -r stat < /proc/$$/stat
printf '   \n' > "$attempt/exit.tmp" || exit {NOT_STARTED}
printf '%s\n%s\n' "$boot" "$stat" > "$attempt/shim.tmp" && mv "$attempt/shim.tmp" "$attempt/shim" ||
    exit {NOT_STARTED}
exec 3>&2 2> /dev/null
(
    exec 2>&3 3>&-
    read -r stat < /proc/self/stat && printf '%s\n%s\n' "$boot" "$stat" > "$attempt/command"
    exec "$@"
)
code=$?
printf '%-3s\n' "$code" 1<> "$attempt/exit.tmp" && mv "$attempt/exit.tmp" "$attempt/exit"
exit "$code"
"""


def argv(attempt: str, command: list[str]) -> list[str]:
    return ["/bin/sh", "-c", SCRIPT, "overnight-shim", attempt, *command]


def claim(attempt: str) -> bool:
    """Takes the right to start the command, so that no shim ever will. False where one has it."""
    try:
        os.mkdir(f"{attempt}/claim", 0o700)
    except FileExistsError:
        return False
    return True


def leader(attempt: str) -> identity.Identity | None:
    """The shim itself; None until it has begun."""
    return identity.from_shim(fs.read_text(f"{attempt}/shim"))


def command(attempt: str) -> identity.Identity | None:
    """The process that the command line was started as; None until it was."""
    return identity.from_shim(fs.read_text(f"{attempt}/command"))


def exit_code(attempt: str) -> int | None:
    """What the shim wrote, or None where it has written nothing (yet)."""
    text = fs.read_text(f"{attempt}/exit")
    return int(text) if text and text.isdigit() else None


def signal_of(code: int | None) -> int | None:
    """The shell reports death by signal n as 128 + n."""
    return code - 128 if code is not None and 128 < code <= 128 + 64 else None
