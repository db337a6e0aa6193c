"""How our node gets onto a server and starts: one program of a few lines, sent with the login.

The remote command line holds nothing but letters, digits and the signs of base64 in single
quotes, so that sh, bash, csh and fish read it alike. The program starts the node of the wanted
content hash where it lies there already; else it asks for the archive, checks its hash, unpacks
it under its name and starts it. Sentinel lines separate our answers from whatever a start-up
file prints.

sshd takes nothing in for a program's standard input until the program was started and the laptop
has heard of it, a round trip later. Therefore a first question may come along on the command line.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import io
import json
from pathlib import Path

from overnight import node
from overnight.core import errors

OLDEST_PYTHON = (3, 8)
NO_PYTHON = "OVERNIGHT-NO-PYTHON"
PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-~")

# Runs on any Python from 2.6 on as far as the version check; argv: this program, options, and last
# the first question, if there is one.
PROGRAM = """
import sys, os, json, base64
o = json.loads(base64.b64decode(sys.argv[2]).decode("ascii"))
def say(text):
    os.write(1, ("OVERNIGHT " + text + "\\n").encode("ascii"))
def give_up(code, message):
    say(json.dumps({"error": {"code": code, "message": message}})); sys.exit(1)
if sys.version_info < (3, 8):
    if not o.get("tried"):
        o["tried"] = 1
        again = base64.b64encode(json.dumps(o).encode("ascii")).decode("ascii")
        start = "import base64,sys;exec(base64.b64decode(sys.argv[1]))"
        for minor in range(20, 7, -1):
            for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
                python = os.path.join(folder, "python3.%d" % minor)
                if os.access(python, os.X_OK):
                    words = [python, "-X", "utf8", "-S", "-E", "-c", start, sys.argv[1], again]
                    os.execv(python, words + sys.argv[3:])
    give_up("python_too_old", "%d.%d.%d" % tuple(sys.version_info[:3]))
root = os.path.abspath(os.path.expanduser(o["root"]))
home = os.path.join(root, "node")
node = os.path.join(home, o["sha"][:16])
def take(size):
    data = bytearray()
    while len(data) < size:
        more = os.read(0, size - len(data))
        if not more:
            sys.exit(1)
        data += more
    return data
def unpacked(data):
    import hashlib, io, zipfile, zlib
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            files = [(name, packed.read(name)) for name in packed.namelist()]
    except (zipfile.BadZipFile, zlib.error):
        return None
    digest = hashlib.sha256()
    for name, content in files:
        digest.update(("%s %d\\n" % (name, len(content))).encode("ascii") + content)
    return files if digest.hexdigest() == o["sha"] else None
def write(files, fresh):
    for name, content in files:
        path = os.path.join(fresh, name)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
try:
    if not os.path.isdir(node):
        say("need")
        import shutil
        line = b""
        while not line.startswith(b"PYZ "):
            line = b""
            while not line.endswith(b"\\n"):
                line += take(1)
        files = unpacked(take(int(line.split()[1])))
        if files is None:
            give_up("node_broken", "the node arrived damaged")
        fresh = "%s.%s.tmp" % (node, os.urandom(4).hex())
        try:
            write(files, fresh)
            if not os.path.isdir(node):
                os.rename(fresh, node)
        except OSError:
            if not os.path.isdir(node):
                raise
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
except OSError as error:
    import errno
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    where = error.filename or root
    give_up("disk_full" if full else "root_unusable", "%s: %s" % (where, error.strerror))
sys.path.insert(0, node)
disk = os.statvfs(node)
sys.dont_write_bytecode = disk.f_bavail * disk.f_frsize < 16 * 1024 * 1024
asked = json.loads(base64.b64decode(sys.argv[-1])) if len(sys.argv) > 3 else None
told = []
def load():
    if asked and not told:
        from overnight.node import opening
        told.append(opening.quick(root, asked))
        if told[0]:
            say(json.dumps(told[0]))
            if opening.is_over():
                sys.exit(0)
    from overnight.node import requests, wire, main
    return requests, wire, main
try:
    requests, wire, program = load()
except (EOFError, ValueError):  # bytecode that a full disk or a quota has cut off
    import shutil
    for folder, _, _ in os.walk(node):
        if folder.endswith("__pycache__"):
            shutil.rmtree(folder, ignore_errors=True)
    sys.dont_write_bytecode = True
    requests, wire, program = load()
if asked and not told[0]:
    answer = {"id": asked["id"]}
    try:
        answer["ok"] = requests.answer(root, wire.Frame(asked, b""), None)[0]
    except requests.Refused as error:
        answer["error"] = error.to_json()
    say(json.dumps(answer))
sys.argv = ["overnight-node", "pipe", root]
program.main()
"""


def node_sources() -> list[tuple[str, bytes]]:
    """The node's files as (name in the archive, content), in the order of their names."""
    folder = Path(node.__path__[0])
    sources = [
        (f"overnight/node/{each.relative_to(folder).as_posix()}", each.read_bytes())
        for each in folder.rglob("*.py")
    ]
    return [("overnight/__init__.py", b""), *sorted(sources)]


@functools.cache
def archive() -> bytes:
    """The node as a zip; the same sources give the same bytes."""
    import zipfile  # late: few servers lack the node

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in node_sources():
            named = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
            packed.writestr(named, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


@functools.cache
def archive_hash() -> str:
    """Of what the archive holds, not of its bytes: so it need not be packed to be named."""
    digest = hashlib.sha256()
    for name, content in node_sources():
        digest.update(f"{name} {len(content)}\n".encode("ascii") + content)
    return digest.hexdigest()


def arguments(root: str) -> list[str]:
    """What follows `python3`: the starter, the program, its options.

    -S and -E keep the user's site-packages and PYTHON* variables out. -X utf8: whatever the
    locale, texts become the bytes that the laptop meant.
    """
    options = json.dumps({"root": root, "sha": archive_hash()})
    return [
        *("-X", "utf8", "-S", "-E"),
        "-c",
        "import base64,sys;exec(base64.b64decode(sys.argv[1]))",
        encoded(PROGRAM),
        encoded(options),
    ]


def with_question(argv: list[str], frame: bytes) -> list[str]:
    """The command of a link, from `arguments` or `remote_command`, with a first question.

    Everybody on the server can read it. The first word is the name by which sh calls itself.
    """
    return [*argv, "overnight", base64.b64encode(frame).decode("ascii")]


def encoded(text: str) -> str:
    return base64.b64encode(text.encode("ascii")).decode("ascii")


def remote_command(root: str, python: str | None) -> str:
    """One line for the login shell of a server, whichever shell that is.

    `python` None: `python3`, or else the newest of a name with a version.
    """
    if python is not None and not set(python) <= PLAIN:
        raise errors.ConfigError(
            f"the Python path {python!r} holds characters other than letters, digits and _./+-~",
            hint="make a link to it with a plain name and write that into overnight.toml",
        )
    *flags, starter, program, options = arguments(root)
    candidates = python or "python3 python3.13 python3.12 python3.11 python3.10 python3.9 python3.8"
    script = (
        f"for p in {candidates}; do if command -v $p >/dev/null 2>&1; then "
        f'exec $p {" ".join(flags)} "{starter}" {program} {options} "$@"; fi; done; '
        f"echo {NO_PYTHON}"
    )
    return f"exec /bin/sh -c '{script}'"
