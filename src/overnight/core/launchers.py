"""The programs that start several processes: torchrun, DeepSpeed's and Accelerate's launchers.

Where their rendezvous port stands, how many processes they start, and how each process gets a
log of its own. A text for the shell is left alone.

Sources: the documentation of torchrun, DeepSpeed's launcher and Accelerate.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from overnight.core import invocation, knob_places, knobs, numbers
from overnight.core.invocation import Read
from overnight.core.unclear import UnclearError

RANK_LOGS = "rank_logs"
GPUS = "gpu_numbers"
WirePlace = Mapping[str, Any]
_PORT = knobs.Knob(template="--master_port|--main_process_port {}", number="port")
_ENDPOINT = re.compile(r"--rdzv[_-]endpoint(?:=(?P<value>.*))?")
_TORCH = "torchrun"
_PROGRAMS = {"torchrun": _TORCH, "deepspeed": "deepspeed", "accelerate-launch": "accelerate"}
_MODULES = {
    "torch.distributed.run": _TORCH,
    "torch.distributed.launch": _TORCH,
    "deepspeed": "deepspeed",
    "deepspeed.launcher.runner": "deepspeed",
    "accelerate.commands.launch": "accelerate",
}
# what may stand before a launcher, with options of its own
_WRAPPERS = re.compile(
    r"env|nice|ionice|time|timeout|stdbuf|numactl|taskset|nohup|setsid|uv|poetry|pipenv|pdm|hatch"
    r"|pixi|conda|mamba|micromamba|python[0-9.]*"
)
_SCRIPT_FOLLOWS = ("-m", "--module")
_COUNTS = {
    _TORCH: ("nproc-per-node",),
    "deepspeed": ("num-gpus",),
    "accelerate": ("num-processes",),
}
_LOG_OPTIONS = {
    _TORCH: (("--log-dir={}", "--tee=3"), r"-[rt].*|--(log-dir|redirects|tee|logs-specs)"),
    "accelerate": (("--log_dir={}", "--tee=3"), r"-t.*|--(log-dir|tee)"),
    "deepspeed": (("--enable_each_rank_log={}",), r"--enable-each-rank-log"),
}
# the port is somebody else's matter: several machines, or a rendezvous that finds its own
_ELSEWHERE = (
    r"--(standalone|rdzv-(endpoint|conf|id)|node-rank|master-addr|machine-rank|main-process-ip"
    r"|no-ssh)"
)
_OTHER_GPUS = r"-[ieH].*|--(include|exclude|hostfile|num-nodes)"
_MACHINES = ("nnodes", "num-machines", "num-nodes")
_ONE = ("1", "1:1")
_FILE_DECIDES = re.compile(
    r"^(?:main_process_port\s*:\s*['\"]?[1-9]|num_machines\s*:\s*['\"]?(?!1\b)\d)", re.MULTILINE
)
_FILE_COUNT = re.compile(r"^num_processes\s*:\s*['\"]?(?P<count>[1-9]\d{0,3})\b", re.MULTILINE)


class Launcher(NamedTuple):
    """`kind` is torchrun, deepspeed or accelerate. `at`: the word after its name; `end`: the word
    after its own options, as far as they can be told from the script's."""

    kind: str
    at: int
    end: int


class Port(NamedTuple):
    """`place` as in `turnables`. `value` None: nobody chose one, a free one suits each start."""

    value: numbers.Value | None
    place: WirePlace
    shown: str


def recognised(argv: Sequence[str]) -> Launcher | None:
    """The launcher that the command starts, also behind `uv run`, `env A=1` and the like."""
    first = "".join(argv[:1]).rpartition("/")[2]
    may_wrap = _WRAPPERS.fullmatch(first) is not None
    for at, word in enumerate(argv):
        kind, length = _named(argv, at)
        if kind:
            return Launcher(kind, at + length, _options_end(argv, at + length))
        if not may_wrap or word.endswith(".py"):
            return None
    return None


def _named(argv: Sequence[str], at: int) -> tuple[str, int]:
    """Which launcher the words from `at` on name, and with how many of them."""
    name = argv[at].rpartition("/")[2]
    after = argv[at + 1] if at + 1 < len(argv) else ""
    if argv[at] == "-m":
        return _MODULES.get(after, ""), 2
    if name == "accelerate" and after == "launch":
        return name, 2
    return _PROGRAMS.get(name, ""), 1


def _options_end(argv: Sequence[str], at: int) -> int:
    for number in range(at, len(argv)):
        if argv[number] in _SCRIPT_FOLLOWS or re.fullmatch(r"[^-].*\.py", argv[number]):
            return number
    return len(argv)


def _options(argv: Sequence[str], launcher: Launcher) -> dict[str, str]:
    """Its options by name, with `-` for `_`; the value is the next word where none is in it."""
    found = {}
    for number in range(launcher.at, launcher.end):
        name, equals, value = argv[number].partition("=")
        if name.startswith("-"):
            after = argv[number + 1] if number + 1 < len(argv) else ""
            found[name.replace("_", "-")] = value if equals else after
    return found


# --- the port ----------------------------------------------------------------------------------


def port(argv: Sequence[str], read: Read = invocation.no_files) -> Port | None:
    """Where the command says its port, or could. Raises `UnclearError`."""
    places = knob_places.typed(argv, _PORT)
    if places:
        last = places[-1]
        place = {"word": last.word, "start": last.start, "end": last.end}
        return Port(last.value, place, "the port in the command")
    if knob_places.is_shell(argv):
        return None
    return _endpoint(argv) or _own(argv, read)


def _endpoint(argv: Sequence[str]) -> Port | None:
    """`--rdzv_endpoint=localhost:29500`; port 0 means that a free one is taken."""
    for at, word in enumerate(argv):
        match = _ENDPOINT.fullmatch(word)
        if match is None:
            continue
        number = at if match["value"] is not None else at + 1
        text = argv[number] if number < len(argv) else ""
        found = re.search(r":(?P<port>[1-9][0-9]{0,4})\Z", text, re.ASCII)
        if found is None:
            return None
        place = {"word": number, "start": found.start("port"), "end": found.end("port")}
        return Port(int(found["port"]), place, "the port of --rdzv_endpoint")
    return None


def _own(argv: Sequence[str], read: Read) -> Port | None:
    """Started on one machine without a word about the port: it can be put after the launcher."""
    launcher = recognised(argv)
    if launcher is None:
        return None
    options = _options(argv, launcher)
    if _is_decided_elsewhere(options, read):
        return None
    flag = "--main_process_port" if launcher.kind == "accelerate" else "--master_port"
    word = f"{flag}={{}}"
    if launcher.kind == _TORCH and options.get("--rdzv-backend", "static") != "static":
        # without an endpoint two runs would meet at the same default one
        flag, word = "--rdzv_endpoint", "--rdzv_endpoint=localhost:{}"
    return Port(None, _put_after(launcher, [word]), flag)


def _put_after(launcher: Launcher, words: Sequence[str]) -> WirePlace:
    return {"word": launcher.at, "start": 0, "end": 0, "add": list(words)}


def _is_decided_elsewhere(options: Mapping[str, str], read: Read) -> bool:
    several = any(options.get(f"--{name}", "1") not in _ONE for name in _MACHINES)
    if several or any(re.fullmatch(_ELSEWHERE, name) for name in options):
        return True
    text = _config_file(options, read)
    return text is None or _FILE_DECIDES.search(text) is not None


def _config_file(options: Mapping[str, str], read: Read) -> str | None:
    """Accelerate's own file; "" where the command names none, None where it cannot be read."""
    path = options.get("--config-file")
    if path is None:
        return ""
    try:
        return read(path)
    except UnclearError:
        return None


# --- processes and their logs ------------------------------------------------------------------


def processes(argv: Sequence[str], read: Read = invocation.no_files) -> int | None:
    """How many processes the command starts on this machine; None where it does not say so."""
    launcher = recognised(argv)
    if launcher is None:
        return None
    options = _options(argv, launcher)
    if options.get("--num-machines", "1") != "1":
        return None  # the count is of all machines
    for name in _COUNTS[launcher.kind]:
        written = options.get(f"--{name}")
        if written is not None:
            return int(written) if re.fullmatch("[1-9][0-9]{0,3}", written, re.ASCII) else None
    found = _FILE_COUNT.search(_config_file(options, read) or "")
    return int(found["count"]) if found and not _FILE_DECIDES.search(found.string) else None


def rank_logs(argv: Sequence[str]) -> WirePlace | None:
    """Where words are put in that give each process a log in a folder; None where there is no
    launcher, or the command has a word about logs already."""
    launcher = recognised(argv)
    if launcher is None:
        return None
    words, typed = _LOG_OPTIONS[launcher.kind]
    if any(re.fullmatch(typed, name) for name in _options(argv, launcher)):
        return None
    return _put_after(launcher, words)


def gpu_numbers(argv: Sequence[str]) -> WirePlace | None:
    """Where DeepSpeed's launcher is told to take the GPUs of the environment.

    It reads numbers there, no UUIDs, and where it is told a count it takes the first ones of the
    machine, whoever holds them. A later `--num_gpus=-1` takes the count back. None for everything
    else, and where the command itself names GPUs or machines.
    """
    launcher = recognised(argv)
    if launcher is None or launcher.kind != "deepspeed" or launcher.end == len(argv):
        return None
    if any(re.fullmatch(_OTHER_GPUS, name) for name in _options(argv, launcher)):
        return None
    return {"word": launcher.end, "start": 0, "end": 0, "add": ["--num_gpus=-1"]}
