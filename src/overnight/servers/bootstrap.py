"""How our node gets onto a server and starts: one program of a few lines, sent with the login.

The remote command line holds nothing but letters, digits and the signs of base64 in single
quotes, so that sh, bash, csh and fish read it alike. The program starts the node of the wanted
content hash where it lies there already; else it asks for the archive, checks its hash, unpacks
it under its name and starts it. Sentinel lines separate our answers from whatever a start-up
file prints.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import io
import json
import zipfile
from importlib import resources

from overnight.core import errors

OLDEST_PYTHON = (3, 8)
NO_PYTHON = "OVERNIGHT-NO-PYTHON"
PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-~")

# Runs on any Python from 2.6 on as far as the version check; argv: this program, options.
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
                    os.execv(python, words)
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
def unpack(data, fresh):
    import io, zipfile
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        for name in packed.namelist():
            path = os.path.join(fresh, name)
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            with open(path, "wb") as file:
                file.write(packed.read(name))
                file.flush()
                os.fsync(file.fileno())
try:
    if not os.path.isdir(node):
        say("need")
        import hashlib, shutil
        line = b""
        while not line.startswith(b"PYZ "):
            line = b""
            while not line.endswith(b"\\n"):
                line += take(1)
        data = take(int(line.split()[1]))
        if hashlib.sha256(data).hexdigest() != o["sha"]:
            give_up("node_broken", "the node arrived damaged")
        fresh = "%s.%s.tmp" % (node, os.urandom(4).hex())
        try:
            unpack(data, fresh)
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
sys.argv = ["overnight-node", "pipe", root]
from overnight.node.main import main
main()
"""


def node_sources() -> list[tuple[str, bytes]]:
    """The node's files as (name in the archive, content), in the order of their names."""
    folder = resources.files("overnight.node")
    sources = [
        (f"overnight/node/{each.name}", each.read_bytes())
        for each in folder.iterdir()
        if each.name.endswith(".py")
    ]
    return [("overnight/__init__.py", b""), *sorted(sources)]


@functools.cache
def archive() -> bytes:
    """The node as a zip; the same sources give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in node_sources():
            named = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
            packed.writestr(named, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


@functools.cache
def archive_hash() -> str:
    return hashlib.sha256(archive()).hexdigest()


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
        f'exec $p {" ".join(flags)} "{starter}" {program} {options}; fi; done; echo {NO_PYTHON}'
    )
    return f"exec /bin/sh -c '{script}'"
