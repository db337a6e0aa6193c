"""The testbed by hand. Needs root.

    python -m tests.testbed run --hosts 1 --rtt-ms 75 -- COMMAND…   a lab for one command
    python -m tests.testbed up --hosts 2                             a lab until `down`
    python -m tests.testbed enter -- ssh -F "$LAB_SSH_CONFIG" h1     on the laptop's side of it
    python -m tests.testbed host h1 cut | heal | delay 75 | reboot | poweroff | boot | …
    python -m tests.testbed down

COMMAND sees LAB_SSH_CONFIG, and reaches h1, h2, … by `ssh -F`. `host` calls any method of
`host.Host` that takes words or numbers.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests import waiting
from tests.testbed import lab, needs

FOLDER = Path(tempfile.gettempdir()) / f"overnight-testbed-{os.getuid()}"


def main() -> int:
    arguments = parse()
    if reason := needs.missing():
        sys.exit(reason)
    verbs = {"run": run, "up": up, "hold": hold, "enter": enter, "host": host, "down": down}
    return verbs[arguments.verb](arguments)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.testbed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name in ("run", "up", "hold", "enter", "host", "down"):
        verb = verbs.add_parser(name)
        if name != "run":
            verb.add_argument("--folder", type=Path, default=FOLDER)
        if name in ("run", "up", "hold"):
            verb.add_argument("--hosts", type=int, default=1)
            verb.add_argument("--rtt-ms", type=float, default=0)
        if name in ("run", "enter"):
            verb.add_argument("command", nargs="+")
    verbs.choices["host"].add_argument("call", nargs="+", metavar="h1 METHOD [WORD…]")
    return parser.parse_args()


def furnish(made: lab.Lab, hosts: int, rtt_ms: float) -> None:
    for number in range(1, hosts + 1):
        made.host(number).delay(rtt_ms)


def run(arguments: argparse.Namespace) -> int:
    """Runs a command in a lab of its own; its exit code."""
    with (
        tempfile.TemporaryDirectory(prefix="lab-") as folder,
        lab.Lab(Path(folder) / "lab") as made,
    ):
        furnish(made, arguments.hosts, arguments.rtt_ms)
        environ = {**os.environ, "LAB_SSH_CONFIG": str(made.ssh_config)}
        return subprocess.run(made.inside(arguments.command), env=environ).returncode


def up(arguments: argparse.Namespace) -> int:
    """Starts a process that holds a lab, and returns when its hosts answer."""
    folder = arguments.folder
    if is_up(folder):
        sys.exit("a lab is up already: type python -m tests.testbed down")
    shutil.rmtree(folder, ignore_errors=True)  # of a lab that was killed
    options = ["--folder", folder, "--hosts", arguments.hosts, "--rtt-ms", arguments.rtt_ms]
    argv = [sys.executable, "-m", "tests.testbed", "hold", *map(str, options)]
    holder = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert holder.stdout is not None
    if holder.stdout.readline() != "ready\n":
        return 1
    print(f"ssh -F {folder}/lab/ssh_config h1, inside of: python -m tests.testbed enter -- COMMAND")
    return 0


def hold(arguments: argparse.Namespace) -> int:
    """Holds a lab and does what is asked on its socket, one request a connection."""
    arguments.folder.mkdir(mode=0o700)
    try:
        with lab.Lab(arguments.folder / "lab") as made, socket.socket(socket.AF_UNIX) as listener:
            furnish(made, arguments.hosts, arguments.rtt_ms)
            listener.bind(str(arguments.folder / "socket"))
            listener.listen()
            print("ready", flush=True)
            while serve(made, listener):
                pass
    finally:
        shutil.rmtree(arguments.folder)
    return 0


def serve(made: lab.Lab, listener: socket.socket) -> bool:
    """Answers one request with a line of JSON; false where it was the last."""
    connection, _ = listener.accept()
    with connection, connection.makefile("rw") as stream:
        request = json.loads(stream.readline() or "null")
        if request is None:  # somebody only looked whether we are here
            return True
        try:
            reply = {"value": answer(made, request)}
        except Exception as error:  # whatever a method raises is shown to who called it
            reply = {"error": f"{type(error).__name__}: {error}"}
        stream.write(json.dumps(reply, default=str) + "\n")
    return bool(request != ["down"])


def answer(made: lab.Lab, request: list[Any]) -> Any:
    """What `down`, `enter` or `host NAME METHOD WORD…` is answered."""
    if request == ["down"]:
        return None
    if request == ["enter"]:
        return made.inside([])
    _, name, method, *words = request
    value = getattr(made.host(int(name.removeprefix("h"))), method)(*words)
    return value.stdout if isinstance(value, subprocess.CompletedProcess) else value


def is_up(folder: Path) -> bool:
    """Whether a lab's holder listens."""
    with socket.socket(socket.AF_UNIX) as connection:
        return connection.connect_ex(str(folder / "socket")) == 0


def ask(folder: Path, request: list[Any]) -> Any:
    """The holder's answer. Exits with its error, and where no lab is up."""
    if not is_up(folder):
        sys.exit("no lab is up: type python -m tests.testbed up")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(folder / "socket"))
        with connection.makefile("rw") as stream:
            stream.write(json.dumps(request) + "\n")
            stream.flush()
            reply = json.loads(stream.readline())
    if "error" in reply:
        sys.exit(reply["error"])
    return reply["value"]


def enter(arguments: argparse.Namespace) -> int:
    """Runs a command on the laptop's side of the lab that is up; its exit code."""
    inside = ask(arguments.folder, ["enter"])
    environ = {**os.environ, "LAB_SSH_CONFIG": f"{arguments.folder}/lab/ssh_config"}
    return subprocess.run([*inside, *arguments.command], env=environ).returncode


def host(arguments: argparse.Namespace) -> int:
    """Calls a method of a host; a word that is JSON (75, null) is that value."""
    name, method, *words = arguments.call
    value = ask(arguments.folder, ["host", name, method, *map(read_word, words)])
    if value is not None:
        print(value)
    return 0


def read_word(word: str) -> Any:
    try:
        return json.loads(word)
    except ValueError:
        return word


def down(arguments: argparse.Namespace) -> int:
    ask(arguments.folder, ["down"])
    waiting.wait_until(lambda: not arguments.folder.exists(), what="the end of the lab")
    return 0


if __name__ == "__main__":
    sys.exit(main())
