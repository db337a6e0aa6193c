"""The user's crontab: two lines of ours, with consent, that start a watch which has ended.

Each line ends with a comment that names our root; only such lines are ever added, changed or
removed, and every other byte of the crontab stays as it is.

cron knows nothing of a login: it has a bare PATH, and the node's folder changes with each
version. So the lines name a small script, `node/watch.sh`, which keeps its name: it brings the
PATH of the login that installed it, and starts the newest node that lies beside it.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from typing import Any, NamedTuple

from overnight.node import fs, identity, lock, programs

TIMEOUT_S = 20.0
MARK = b"# overnight watch "
TIMES = (b"@reboot", b"*/5 * * * *")
NONE_YET = re.compile(r"no crontab for|can't open .*No such file", re.IGNORECASE)
FORBIDDEN = re.compile(r"not allowed|not authorized|permission denied", re.IGNORECASE)
DAEMONS = ("cron", "crond", "fcron", "dcron")

INSTALLED, ABSENT = "installed", "absent"
NO_PROGRAM, REFUSED, FAILED = "no_program", "forbidden", "failed"

# Detached by Python, not by `&`: sh would let SIGINT be ignored, also in the trainings.
BOOT = (
    "import os, sys; os.fork() and os._exit(0); os.setsid(); sys.path.insert(0, sys.argv.pop(1)); "
    "from overnight.node.main import main; main()"
)
STARTER = """\
#!/bin/sh
# Called by cron. Starts the watch of the runs below {root}, which ends by itself
# where no run is active; a second watch ends at once. Written by `overnight servers cron`.
PATH={path}
export PATH
cd {home} || exit 1
newest=
for each in */; do
    case $each in *.tmp/) continue ;; esac
    [ -f "$each"overnight/node/main.py ] || continue
    if [ -z "$newest" ] || [ "$each" -nt "$newest" ]; then newest=$each; fi
done
[ -n "$newest" ] || exit 1
for python in {python} python3 python3.14 python3.13 python3.12 python3.11 python3.10 python3.9 \\
    python3.8; do
    command -v "$python" > /dev/null || continue
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 8))' || continue
    exec "$python" -X utf8 -S -E -c '{boot}' {home}/"${{newest%/}}" watch {root} \\
        < /dev/null >> {root}/watch.log 2>&1
done
"""


class Crontab(NamedTuple):
    """What `crontab -l` said. `text` is None where it must not be written; `problem` says why."""

    text: bytes | None
    state: str = ABSENT
    problem: str = ""


# -- the text: pure ---------------------------------------------------------------------------


def mark(root: str) -> bytes:
    return MARK + percent_escaped(root)


def percent_escaped(text: str) -> bytes:
    """cron takes an unescaped % for the end of the line (crontab(5))."""
    return os.fsencode(text).replace(b"%", b"\\%")


def lines(root: str) -> list[bytes]:
    """Ours, without line ends."""
    command = percent_escaped(f"/bin/sh {shlex.quote(starter(root))}")
    return [b"%s %s %s" % (when, command, mark(root)) for when in TIMES]


def is_ours(line: bytes, root: str) -> bool:
    """Also one that somebody has put out of use with a `#`: the comment says whose it is."""
    return line.rstrip().endswith(b" " + mark(root))


def holds(text: bytes, root: str) -> bool:
    """Whether our lines are in it, as they should be and once."""
    return [line.rstrip() for line in text.splitlines() if is_ours(line, root)] == lines(root)


def with_lines(text: bytes, root: str) -> bytes:
    """The crontab with our lines at its end; as it is where they are in it already."""
    if holds(text, root):
        return text
    kept = without_lines(text, root)
    if kept and not kept.endswith(b"\n"):
        kept += b"\n"
    return kept + b"".join(line + b"\n" for line in lines(root))


def without_lines(text: bytes, root: str) -> bytes:
    return b"".join(line for line in text.splitlines(keepends=True) if not is_ours(line, root))


def starter(root: str) -> str:
    return os.path.join(root, "node", "watch.sh")


def starter_text(root: str, python: str, path: str) -> bytes:
    """The script that cron calls. `python` and `path` are those of the login that installs it."""
    text = STARTER.format(
        root=shlex.quote(root),
        home=shlex.quote(os.path.join(root, "node")),
        python=shlex.quote(python),
        path=shlex.quote(path),
        boot=BOOT,
    )
    return os.fsencode(text)


def read_answer(code: int | None, out: bytes, err: str) -> Crontab:
    """What `crontab -l` meant."""
    if code == 0:
        return Crontab(out)
    if code is None:
        return Crontab(None, FAILED, f"crontab did not answer within {TIMEOUT_S:.0f} s")
    if FORBIDDEN.search(err):
        return Crontab(None, REFUSED, last_line(err))
    if NONE_YET.search(err):
        return Crontab(b"")
    return Crontab(None, FAILED, last_line(err) or f"crontab -l ended with exit code {code}")


def last_line(said: str) -> str:
    found = [line.strip() for line in said.splitlines() if line.strip()]
    return found[-1] if found else ""


# -- the shell around it ----------------------------------------------------------------------


def look(root: str) -> dict[str, Any]:
    """{"state", "problem", "daemon", "lines"}; `daemon` is None where nobody can tell."""
    found = read()
    state = found.state
    if found.text is not None:
        whole = holds(found.text, root) and os.path.exists(starter(root))
        state = INSTALLED if whole else ABSENT
    shown = [line.decode("utf-8", "replace") for line in lines(root)]
    return {"state": state, "problem": found.problem, "daemon": has_daemon(), "lines": shown}


def install(root: str) -> dict[str, Any]:
    """Puts our lines in, once however often it is called. As `look`, with `changed`."""
    os.makedirs(os.path.dirname(starter(root)), mode=0o700, exist_ok=True)
    script = starter_text(root, sys.executable, os.environ.get("PATH", os.defpath))
    fs.publish(starter(root), script, mode=0o700)
    return edit(root, with_lines)


def remove(root: str) -> dict[str, Any]:
    """Takes our lines out. As `look`, with `changed`."""
    return edit(root, without_lines)


def edit(root: str, change: Any) -> dict[str, Any]:
    """Two of ours take turns; whoever else edits at this moment is noticed afterwards."""
    with lock.held(os.path.join(root, "cron.lock")):
        before = read()
        if before.text is None:
            return {**look(root), "changed": False}
        wanted = change(before.text, root)
        if wanted == before.text:
            return {**look(root), "changed": False}
        problem = write(root, wanted)
        after = read().text
    if not problem and after != wanted:
        problem = "the crontab was changed by somebody else at the same moment; look at it"
    return {**look(root), **({"problem": problem} if problem else {}), "changed": not problem}


def read() -> Crontab:
    try:
        answer = programs.ask_bytes(["crontab", "-l"], timeout_s=TIMEOUT_S, env=plain())
    except FileNotFoundError:
        return Crontab(None, NO_PROGRAM, "this server has no crontab program")
    except PermissionError:
        return Crontab(None, REFUSED, "the crontab program may not be started by this user")
    except OSError as error:
        return Crontab(None, FAILED, str(error))
    return read_answer(answer.code, answer.out, answer.err.decode("utf-8", "replace"))


def plain() -> dict[str, str]:
    """So that what it says is English; an editor is never asked for."""
    return {**os.environ, "LC_ALL": "C"}


def write(root: str, text: bytes) -> str:
    """Replaces the crontab; what went wrong, or "". The crontab is then as it was."""
    path = os.path.join(root, f"crontab.{os.getpid()}.tmp")
    fs.publish(path, text, mode=0o600, durable=False)
    try:
        answer = programs.ask(["crontab", path], timeout_s=TIMEOUT_S, env=plain())
    finally:
        os.unlink(path)
    if answer.code == 0:
        return ""
    return last_line(answer.err) or f"crontab ended with exit code {answer.code}"


def has_daemon() -> bool | None:
    """Whether a cron daemon lives; None where the processes of others cannot be seen."""
    if identity.stat(1) is None:
        return None
    names = (fs.read_text(f"/proc/{each.pid}/comm") for each in identity.every())
    return any(name in DAEMONS for name in names)
