"""What a value of overnight.toml may be, and what to write instead: text, numbers and lists.

A `Kind` knows its TOML types, looks for problems in a value, and builds the frozen value of the
configuration once the whole file has none. A problem is (place below the value, one sentence).
"""

from __future__ import annotations

import math
import posixpath
import re
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from overnight.core import command, errors, knobs
from overnight.core import config_words as words

Place = tuple[str | int, ...]
Problem = tuple[Place, str]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
NAME_RULE = 'letters, digits, ".", "_" and "-", starting with a letter or digit, at most 64'
VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Kind(NamedTuple):
    """`problems(name, value)` sees only values of one of `types`; `build` only right ones."""

    label: str
    types: tuple[type, ...]
    problems: Callable[[str, Any], Iterable[Problem]] = lambda _name, _value: ()
    build: Callable[[Any], Any] = lambda value: value


class Key(NamedTuple):
    """One key of the file.

    `default` is for people, where it is not a plain value. What stands under a `confidential` key
    could be a secret in the wrong place, so it is never shown.
    """

    kind: Kind
    example: str
    meaning: str
    default: str | None = None
    confidential: bool = False

    def problems(self, name: str, value: Any) -> Iterator[Problem]:
        # not isinstance: TOML's true is not a number
        if type(value) in self.kind.types:
            yield from self.kind.problems(name, value)
        elif self.confidential:
            yield (), f"{name}: expected {self.kind.label} such as {self.example}"
        else:
            yield (), words.expected(name, value, self.kind.label, self.example)


# --- text --------------------------------------------------------------------------------------


def text_problem(name: str, value: str) -> str | None:
    if not value.strip():
        return f"{name} = {words.toml(value)}: is empty; write something or leave {name} out"
    if any(ord(character) < 32 or ord(character) == 127 for character in value):
        return f"{name} = {words.toml(value)}: has a control character; leave it out"
    return None


def _checked_text(advice: Callable[[str], str | None]) -> Callable[[str, Any], Iterator[Problem]]:
    """Problems of a text: none where `advice(value)` is None."""

    def problems(name: str, value: str) -> Iterator[Problem]:
        problem = text_problem(name, value)
        if problem is None and (what := advice(value)) is not None:
            problem = f"{name} = {words.toml(value)}: {what}"
        if problem is not None:
            yield (), problem

    return problems


def _text(advice: Callable[[str], str | None], build: Callable[[str], Any] = str) -> Kind:
    return Kind("text", (str,), _checked_text(advice), build)


def choice(*allowed: str) -> Kind:
    quoted = words.either([words.toml(word) for word in allowed])
    advice = f"write {quoted}"
    return Kind(quoted, (str,), _checked_text(lambda value: None if value in allowed else advice))


def safe_name(text: str) -> str:
    """The nearest allowed name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("._-")[:64] or "project"


def _name_advice(value: str) -> str | None:
    if NAME.fullmatch(value):
        return None
    return f"a name has {NAME_RULE}; write {words.toml(safe_name(value))}"


def _host_advice(value: str) -> str | None:
    if value.startswith("-") or re.search(r"\s", value):
        return "write a host alias of ~/.ssh/config, such as gpu1, or user@host"
    return None


def _program_advice(value: str) -> str | None:
    return 'write a program, such as "python3"' if value.startswith("-") else None


def _root_advice(value: str) -> str | None:
    folder = posixpath.normpath(value)
    if folder in ("/", "//", "~"):
        return 'overnight needs a folder of its own; write one such as "~/overnight"'
    if not folder.startswith(("/", "~/")):
        return 'write a full path, such as "/data/me/overnight" or "~/overnight"'
    return None


def _resume_advice(value: str) -> str | None:
    try:
        knobs.resume_argv(value)
    except ValueError:
        return 'a quote does not close; write it such as "--resume {checkpoint}"'
    return None


def _command_problems(name: str, value: str) -> Iterator[Problem]:
    if "\0" in value:
        yield (), f"{name} = {words.toml(value)}: has a NUL character; leave it out"
        return
    try:
        command.parse(value)
    except errors.ConfigError as error:
        yield (), f"{name}: {error.message}; {error.hint}"


def _url_problems(name: str, value: str) -> Iterator[Problem]:
    """Whoever knows the address can write there, so it is not shown."""
    found = urllib.parse.urlsplit(value) if text_problem(name, value) is None else None
    if found is None or found.scheme not in ("http", "https") or not found.hostname:
        yield (), f'{name}: write a full address, such as "https://ntfy.sh/my-topic"'
    elif found.username or found.password:
        yield (), f'{name}: holds a password; write token = "NAME_OF_A_VARIABLE" instead'


def _variable_problems(name: str, value: str) -> Iterator[Problem]:
    if not VARIABLE_NAME.fullmatch(value):
        yield (), f"{name}: {_secret_advice(value)}"


TEXT = _text(lambda _value: None)
NAME_TEXT = _text(_name_advice)
HOST = _text(_host_advice)
PROGRAM = _text(_program_advice)
ROOT = _text(_root_advice, posixpath.normpath)
SERVER_KIND = choice("ssh", "local", "slurm")
RESUME = _text(_resume_advice)
COMMAND = Kind("text", (str,), _command_problems)
GOAL = choice("min", "max")
URL = Kind("an address", (str,), _url_problems)
VARIABLE = Kind("the name of a variable", (str,), _variable_problems)


# --- numbers -----------------------------------------------------------------------------------


def _seconds_problems(name: str, value: float) -> Iterator[Problem]:
    if not (math.isfinite(value) and value > 0):
        yield (), f"{name} = {words.toml(value)}: write a number of seconds above 0"


def _positive_problems(name: str, value: int) -> Iterator[Problem]:
    if value < 1:
        yield (), f"{name} = {value}: write 1 or more"


def _gpu_count_problems(name: str, value: float) -> Iterator[Problem]:
    if not gpu_count(value):
        yield (), f"{name} = {words.toml(value)}: write 0, 1, 2, … or a share of one such as 0.5"


def gpu_count(value: float) -> bool:
    """Whole GPUs, or a share of one."""
    return math.isfinite(value) and value >= 0 and (value < 1 or value == int(value))


def _number_problems(name: str, value: float) -> Iterator[Problem]:
    if not math.isfinite(value):
        yield (), f"{name} = {words.toml(value)}: write a number such as 95.5"


def _margin_problems(name: str, value: float) -> Iterator[Problem]:
    if not (math.isfinite(value) and value >= 0):
        yield (), f"{name} = {words.toml(value)}: write 0 or more, such as 0.3"


INTEGER = Kind("a whole number", (int,))
NUMBER = Kind("a number", (int, float), _number_problems, float)
MARGIN = Kind("a number", (int, float), _margin_problems, float)
GPU_COUNT = Kind("a number", (int, float), _gpu_count_problems)
POSITIVE = Kind("a whole number", (int,), _positive_problems)
SECONDS = Kind("a number of seconds", (int, float), _seconds_problems, float)


# --- lists and tables --------------------------------------------------------------------------


def list_of_text(advice: Callable[[str], str | None], *, shown: bool = True) -> Any:
    """Problems of each element. `shown=False` where an element could be a secret."""

    def problems(name: str, values: list[Any]) -> Iterator[Problem]:
        for index, value in enumerate(values):
            label = f"{words.toml(value)} in {name}" if shown else f"entry {index + 1} of {name}"
            if not isinstance(value, str) or text_problem(name, value):
                yield (index,), f'{label}: expected text in quotes, such as ["{name}"]'
            elif (what := advice(value)) is not None:
                yield (index,), f"{label}: {what}"

    return problems


def inside_advice(value: str) -> str | None:
    """A path (or pattern) that must stay inside the project."""
    if value.startswith(("/", "~")) or ".." in value.split("/"):
        return 'points outside the project; write a path inside it, such as "outputs"'
    if posixpath.normpath(value) == ".":
        return 'is the whole project; name what is inside it, such as "outputs"'
    return None


def _secret_advice(value: str) -> str | None:
    if VARIABLE_NAME.fullmatch(value):
        return None
    return 'write the name of an environment variable, such as "MY_TOKEN", never the secret itself'


def _normal_paths(values: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(posixpath.normpath, values)))


PATHS = Kind("a list of paths", (list,), list_of_text(inside_advice), _normal_paths)
PATTERNS = Kind("a list of patterns", (list,), list_of_text(inside_advice), tuple)
SECRETS = Kind("a list of names", (list,), list_of_text(_secret_advice, shown=False), tuple)


def gpu_problems(name: str, values: list[Any]) -> Iterator[Problem]:
    advice = 'write an index such as 0 or a UUID such as "GPU-8f2d…"'
    for index, value in enumerate(values):
        if not (_is_gpu_index(value) or _is_gpu_uuid(value)):
            yield (index,), f"{words.toml(value)} in {name}: {advice}"


def _some_gpus_problems(name: str, values: list[Any]) -> Iterator[Problem]:
    yield from gpu_problems(name, values)
    if not values:
        yield (), f"{name} = []: no GPU at all; name some or leave {name} out"


def _is_gpu_index(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_gpu_uuid(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"(GPU|MIG)-[A-Za-z0-9/-]+", value) is not None


GPUS = Kind("a list of GPU indices or UUIDs", (list,), _some_gpus_problems, tuple)
