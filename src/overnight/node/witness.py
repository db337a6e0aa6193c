"""What is kept of a hung attempt before it is ended: who waits where, and the last words of all.

attempts/N/evidence/ holds `stacks.txt` (py-spy, where there is one), `processes.txt` (/proc),
`gpus.txt` (nvidia-smi) and `last-lines.txt` (each rank's last output). Nothing here may take long
or much room: a program that does not answer is left behind, and files are cut.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from typing import Callable, Iterator, Sequence

from overnight.node import attempt, fs, identity, lines, programs, reading

Scrub = Callable[[bytes], bytes]

FOLDER = "evidence"
LONGEST_S = 45.0
ONE_PROGRAM_S = 8.0
MOST_PROCESSES = 64
MOST_STACKS = 16
MOST_THREADS = 32
MOST_FILES = 48
MOST_LOGS = 16
MOST_BYTES = 256 * 1024
TAIL_BYTES = 128 * 1024
LAST_LINES = 15
RANK = re.compile(
    r"^\s*\[?(?:rank|default|gpu|worker)?[\s:=_-]?(\d{1,4})\]?\s?[:\]|>]", re.IGNORECASE
)
THREAD_FILES = ("comm", "wchan", "syscall", "stack")
PREFIXES = ("VIRTUAL_ENV", "CONDA_PREFIX")
LOG_NAME = re.compile(r"\.(?:log|txt|out|err)\Z|(?:stdout|stderr)", re.IGNORECASE)


def keep(
    follower: attempt.Follower, targets: Sequence[identity.Identity], scrub: Scrub
) -> list[str]:
    """Writes the evidence; the names of the files, as seen from the attempt's folder."""
    folder = os.path.join(follower.folder, FOLDER)
    os.makedirs(folder, exist_ok=True)
    deadline = time.monotonic() + LONGEST_S
    pids = [each.pid for each in targets][:MOST_PROCESSES]
    makers: dict[str, Callable[[], str]] = {
        "processes.txt": lambda: processes(pids),
        "last-lines.txt": lambda: last_lines(follower, pids),
        "stacks.txt": lambda: stacks(pids, deadline),
        "gpus.txt": lambda: gpu_table(deadline) if follower.gpus else "",
    }
    written = []
    for name, make in makers.items():
        with contextlib.suppress(OSError):
            text = scrub(make().encode("utf-8", "replace"))[:MOST_BYTES]
            if text.strip():
                fs.publish(os.path.join(folder, name), text, mode=0o600)
                written.append(f"{FOLDER}/{name}")
    return written


# -- stacks -----------------------------------------------------------------------------------


def stacks(pids: Sequence[int], deadline: float) -> str:
    """The Python stacks of the processes, by py-spy; empty where there is none."""
    told: list[str] = []
    for pid in [pid for pid in pids if is_python(pid)][:MOST_STACKS]:
        program = py_spy(pid)
        left_s = deadline - time.monotonic()
        if program is None or left_s <= 0:
            break
        answer = ask([program, "dump", "--nonblocking", "--pid", str(pid)], left_s)
        told.append(answer)
    return "\n".join(told)


def ask(argv: list[str], left_s: float) -> str:
    """What a program says, or in one line why it says nothing."""
    try:
        answer = programs.ask(argv, timeout_s=max(0.1, min(ONE_PROGRAM_S, left_s)))
    except OSError as error:
        return f"{argv[0]}: {error}\n"
    if answer.code is None:
        return f"{' '.join(argv)}: no answer\n"
    return answer.out or f"{' '.join(argv)}: {answer.err.strip()[:500]}\n"


def is_python(pid: int) -> bool:
    return "python" in os.path.basename(link(f"/proc/{pid}/exe"))


def py_spy(pid: int) -> str | None:
    """The one of the environment that the process runs in, else the first in our own PATH."""
    variables = variables_of(pid)
    places = [os.path.join(variables[name], "bin") for name in PREFIXES if variables.get(name)]
    places += [os.path.dirname(link(f"/proc/{pid}/exe"))]
    path = os.pathsep.join([*places, variables.get("PATH", ""), os.environ.get("PATH", "")])
    return shutil.which("py-spy", path=path)


def variables_of(pid: int) -> dict[str, str]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            pairs = file.read().split(b"\0")
    except OSError:
        return {}
    return {
        os.fsdecode(key): os.fsdecode(value) for key, _, value in (p.partition(b"=") for p in pairs)
    }


# -- /proc ------------------------------------------------------------------------------------


def processes(pids: Sequence[int]) -> str:
    return "\n".join(process(pid) for pid in pids)


def process(pid: int) -> str:
    """State, parent, what each thread waits for, and which files are open."""
    said = [f"process {pid}: {command_line(pid)}"]
    status = fs.read_text(f"/proc/{pid}/status") or ""
    wanted = ("State", "PPid", "Threads", "VmRSS", "TracerPid", "SigBlk", "SigIgn", "SigCgt")
    said += [f"  {line}" for line in status.splitlines() if line.split(":")[0] in wanted]
    said += [f"  thread {thread(pid, each)}" for each in threads(pid)]
    said += [f"  open {each}" for each in open_files(pid)]
    return "\n".join(said) + "\n"


def command_line(pid: int) -> str:
    words = (fs.read_text(f"/proc/{pid}/cmdline") or "").replace("\0", " ")
    return words[:500]


def threads(pid: int) -> list[str]:
    return sorted(names(f"/proc/{pid}/task"), key=int)[:MOST_THREADS]


def thread(pid: int, number: str) -> str:
    """Its name, state, the kernel function it waits in, and its system call; the kernel's stack
    where root may see it.
    """
    base = f"/proc/{pid}/task/{number}"
    stat = fs.read_text(f"{base}/stat") or ""
    state = stat[stat.rfind(")") + 2 :][:1]
    said = [fs.read_text(f"{base}/{each}") or "-" for each in THREAD_FILES]
    name, wchan, syscall, stack = said
    frames = "".join(f"\n      {line}" for line in stack.splitlines() if line != "-")
    return f"{number} ({name}) {state} wchan={wchan} syscall={syscall[:120]}{frames}"


def open_files(pid: int) -> list[str]:
    numbers = sorted(names(f"/proc/{pid}/fd"), key=int)[:MOST_FILES]
    return [f"{number} {link(f'/proc/{pid}/fd/{number}')}" for number in numbers]


def names(folder: str) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if name.isdigit()]
    except OSError:
        return []


def link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


# -- the GPUs ---------------------------------------------------------------------------------


def gpu_table(deadline: float) -> str:
    return ask(["nvidia-smi"], deadline - time.monotonic())


# -- last words -------------------------------------------------------------------------------


def last_lines(follower: attempt.Follower, pids: Sequence[int]) -> str:
    """The end of the output, rank by rank where the lines say so, and of every open log file."""
    output = os.path.join(follower.folder, "output.log")
    parts = [by_rank(tail_lines(output))]
    for path in logs(follower, pids):
        last = tail_lines(path)[-LAST_LINES:]
        parts.append(f"== {path}\n" + "".join(f"{line}\n" for line in last))
    return "\n".join(parts)


def tail_lines(path: str) -> list[str]:
    data, _ = reading.tail(path, TAIL_BYTES)
    pieces = re.split(r"[\r\n]+", data.decode("utf-8", "replace"))
    return [lines.clean(piece)[:500] for piece in pieces if piece.strip()]


def by_rank(found: Sequence[str]) -> str:
    """The last lines of all, then those of each rank that prefixes its lines."""
    ranks: dict[int, list[str]] = {}
    for line in found:
        match = RANK.match(line)
        if match:
            ranks.setdefault(int(match[1]), []).append(line)
    parts = ["== output.log", *found[-LAST_LINES:]]
    for rank in sorted(ranks)[:MOST_PROCESSES] if len(ranks) > 1 else []:
        parts += [f"== output.log, rank {rank}", *ranks[rank][-LAST_LINES:]]
    return "\n".join(parts) + "\n"


def logs(follower: attempt.Follower, pids: Sequence[int]) -> list[str]:
    """Log files that the processes hold open, inside of the run's own folder."""
    found: list[str] = []
    for path in open_paths(pids):
        ours = path.startswith(follower.run.folder + os.sep)
        if ours and LOG_NAME.search(os.path.basename(path)) and path not in found:
            found.append(path)
    own = os.path.realpath(os.path.join(follower.folder, "output.log"))
    return [path for path in found if os.path.realpath(path) != own][:MOST_LOGS]


def open_paths(pids: Sequence[int]) -> Iterator[str]:
    for pid in pids:
        for number in names(f"/proc/{pid}/fd"):
            yield link(f"/proc/{pid}/fd/{number}")
