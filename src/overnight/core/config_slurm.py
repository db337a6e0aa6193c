"""[servers.NAME.slurm]: what a run asks of Slurm, and the options that are not to be set."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from overnight.core import config_kinds as kinds
from overnight.core import config_words as words

TIME = re.compile(r"\d+(:\d{1,2}){0,2}|\d+-\d{1,2}(:\d{1,2}){0,2}")
NAMES = re.compile(r"[A-Za-z0-9_.:-]+(,[A-Za-z0-9_.:-]+)*")
SIGNALS = ("USR1", "USR2", "TERM", "INT")
OURS = "overnight sets it itself"
# Long option of sbatch, and what to do instead.
PROTECTED: Mapping[str, str] = {
    **dict.fromkeys(
        ("job-name", "output", "error", "input", "open-mode", "parsable", "chdir", "export"), OURS
    ),
    **dict.fromkeys(("export-file", "get-user-env", "wrap", "quiet", "clusters"), OURS),
    "array": "a sweep becomes an array by itself",
    "requeue": "every job may be requeued, and goes on from its checkpoint",
    "no-requeue": "every job may be requeued, and goes on from its checkpoint",
    "signal": "write signal_s = 120, the seconds before the time limit",
    "dependency": "a job that is resumed would wait for it again",
    "wait": "overnight wait RUN",
    "wait-all-nodes": OURS,
    "test-only": "overnight run --dry-run",
    "partition": 'write partition = "gpu"',
    "time": 'write time = "8:00:00"',
    "nodes": "write nodes = 2",
    "ntasks": "write nodes = 2 and tasks_per_node = 1",
    "ntasks-per-node": "write tasks_per_node = 1",
    "help": "sbatch --help",
    "usage": "sbatch --help",
    "version": "overnight doctor",
    "verbose": OURS,
}
SHORT: Mapping[str, str] = {
    "J": "job-name",
    "o": "output",
    "e": "error",
    "i": "input",
    "D": "chdir",
    "a": "array",
    "W": "wait",
    "d": "dependency",
    "p": "partition",
    "t": "time",
    "N": "nodes",
    "n": "ntasks",
    "M": "clusters",
    "Q": "quiet",
    "h": "help",
    "V": "version",
    "v": "verbose",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Slurm:
    """`gpu` is the kind of GPU as Slurm calls it; `gpus` of the run are for each node.

    `signal` None: SIGUSR1 to processes that catch it, SIGTERM where none does.
    """

    partition: str | None = None
    time: str | None = None
    nodes: int = 1
    tasks_per_node: int = 1
    gpu: str | None = None
    options: tuple[str, ...] = ()
    signal_s: int = 120
    signal: str | None = None
    max_jobs: int | None = None

    def to_wire(self) -> dict[str, Any]:
        return {**dataclasses.asdict(self), "options": list(self.options)}


class Rule(NamedTuple):
    """One key of the table: its type, an example, and what is wrong with a value, or None."""

    type: type
    label: str
    example: str
    advice: Callable[[Any], str | None]


def _time_advice(value: str) -> str | None:
    if TIME.fullmatch(value):
        return None
    return 'write minutes or H:MM:SS or D-HH:MM:SS, such as "8:00:00"'


def _name_advice(value: str) -> str | None:
    return None if NAMES.fullmatch(value) else "write its name as Slurm shows it"


def _signal_advice(value: str) -> str | None:
    return None if value in SIGNALS else f"write {words.either(map(words.toml, SIGNALS))}"


def _at_least(least: int) -> Callable[[int], str | None]:
    return lambda value: None if value >= least else f"write {least} or more"


RULES: Mapping[str, Rule] = {
    "partition": Rule(str, "text", '"gpu"', _name_advice),
    "time": Rule(str, "text", '"8:00:00"', _time_advice),
    "nodes": Rule(int, "a whole number", "2", _at_least(1)),
    "tasks_per_node": Rule(int, "a whole number", "1", _at_least(1)),
    "gpu": Rule(str, "text", '"a100"', _name_advice),
    "options": Rule(list, "a list of text", '["--account=lab", "--mem=32G"]', lambda _value: None),
    "signal_s": Rule(int, "a whole number", "120", _at_least(30)),
    "signal": Rule(str, "text", '"USR1"', _signal_advice),
    "max_jobs": Rule(int, "a whole number", "8", _at_least(1)),
}


def _problems(name: str, table: dict[str, Any]) -> Iterator[kinds.Problem]:
    for key, value in table.items():
        rule = RULES.get(key)
        label = f"{name}.{words.toml_key(key)}"
        if rule is None:
            yield (key,), f"unknown key {words.toml(key)} in {name}{words.did_you_mean(key, RULES)}"
        elif type(value) is not rule.type:
            yield (key,), words.expected(label, value, rule.label, rule.example)
        elif isinstance(value, str) and (problem := kinds.text_problem(label, value)):
            yield (key,), problem
        elif (what := rule.advice(value)) is not None:
            yield (key,), f"{label} = {words.toml(value)}: {what}"
    yield from _hasty_signal(name, table)
    options = table.get("options")
    if isinstance(options, list):
        for at, what in kinds.list_of_text(option_advice)(f"{name}.options", options):
            yield ("options", *at), what


def _hasty_signal(name: str, table: dict[str, Any]) -> Iterator[kinds.Problem]:
    """A warning that comes before the job has begun."""
    time, signal_s = table.get("time"), table.get("signal_s", Slurm.signal_s)
    if not isinstance(time, str) or not TIME.fullmatch(time) or type(signal_s) is not int:
        return
    if signal_s >= seconds(time):
        key = "signal_s" if "signal_s" in table else "time"
        what = f"the signal would come before the job begins: time is {seconds(time)} s"
        yield (key,), f"{name}.{key}: {what}, signal_s {signal_s} s"


def seconds(time: str) -> int:
    """Of a limit as Slurm takes it: M, M:SS, H:MM:SS, D-H, D-H:MM, D-H:MM:SS (sbatch(1))."""
    days, dash, rest = time.rpartition("-")
    parts = [int(part) for part in rest.split(":")]
    if dash:
        hours, minutes, secs = (*parts, 0, 0)[:3]
    elif len(parts) == 3:
        hours, minutes, secs = parts
    else:
        hours, (minutes, secs) = 0, (*parts, 0)[:2]
    return int(days or 0) * 86400 + hours * 3600 + minutes * 60 + secs


def option_advice(value: str) -> str | None:
    """What is wrong with one option of sbatch; None where it may travel."""
    if not re.match(r"--?[A-Za-z]", value):
        return 'write one option of sbatch with its value, such as "--mem=32G"'
    name = value[2:].partition("=")[0] if value.startswith("--") else SHORT.get(value[1])
    if name is None:
        return None
    # sbatch takes any beginning of a long option that is no other's
    full = name if name in PROTECTED else _shortened(name)
    if full is None:
        return None
    return f"--{full} cannot be given here: {PROTECTED[full]}"


def _shortened(name: str) -> str | None:
    if len(name) < 3:
        return None
    return next((each for each in PROTECTED if each.startswith(name)), None)


def _build(table: dict[str, Any]) -> Slurm:
    return Slurm(**{**table, "options": tuple(table.get("options", ()))})


TABLE = kinds.Kind("a table", (dict,), _problems, _build)
