"""Where in a command a knob's number stands: in an argv, or in the text of `sh -c TEXT`.

A place is a stretch of one argv word that is a plain number (for a list of files: a path). Where
the flag is not in the command it is added with the value that the script takes anyway, so that
there is always a place to write to.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from overnight.core import knobs, numbers
from overnight.core.unclear import UnclearError

_SHELLS = ("sh", "bash", "dash", "zsh", "ksh")
_QUOTED = re.compile(r"""'[^']*'|"(?:[^"\\]|\\.)*"|\\.""", re.DOTALL)
_SEVERAL_COMMANDS = re.compile(r"[;|\n(){}`]|&(?!>)(?<!>&)|\$\(")
_UNREADABLE = re.compile(r"<<|(?:^|\s)#")  # a here-document or a comment: text that is not run


class Place(NamedTuple):
    """Characters `start` to `end` of argv word `word` are the number `value`."""

    word: int
    start: int
    end: int
    value: numbers.Value


class Gap(NamedTuple):
    """Where words that are not in the command can be put: before argv word `word`, or before
    character `start` of that word where it is a text for the shell (then `in_text`)."""

    word: int
    start: int
    in_text: bool


def is_shell(argv: Sequence[str]) -> bool:
    """Whether `argv` is a text for a shell: `/bin/sh -c TEXT`."""
    name = argv[0].rsplit("/", 1)[-1] if argv else ""
    return len(argv) > 2 and name in _SHELLS and re.fullmatch(r"-[a-z]*c", argv[1]) is not None


def locate(
    argv: Sequence[str], knob: knobs.Knob, *, beside: Place | None = None
) -> tuple[list[str], list[Place]]:
    """The command with the knob's flag in it for certain, and the places of its number.

    `beside`: the place of another knob, which tells the training from the other commands of a
    text for the shell. Places found before stay right. Raises `UnclearError`.
    """
    words = list(argv)
    find = _places_in_shell if is_shell(words) else _places_in_argv
    places = find(words, knob)
    if not places:
        words = _added(words, knob, beside)
        places = find(words, knob)
    elif beside is not None and is_shell(words):
        _refuse_another_command(words[2], beside, places[0])
    return words, places


def typed(argv: Sequence[str], knob: knobs.Knob) -> list[Place]:
    """The places of the flag in the command as typed; none where it is not there.

    Raises `UnclearError`.
    """
    find = _places_in_shell if is_shell(argv) else _places_in_argv
    return find(argv, knob)


def gap(argv: Sequence[str], new: Sequence[str], *, beside: Place | None = None) -> Gap:
    """Where the words `new` can be added so that the training gets them. Raises `UnclearError`."""
    if is_shell(argv):
        return Gap(2, _shell_gap(argv, new, beside), True)
    return Gap(len(argv), 0, False)


def write(
    argv: Sequence[str], values: Sequence[tuple[Sequence[Place], numbers.Value]]
) -> list[str]:
    """`argv` with each number at its places replaced; nothing else changes."""
    words = list(argv)
    edits = [(place, value) for places, value in values for place in places]
    for place, value in sorted(edits, reverse=True):  # from the end, so that places stay right
        word = words[place.word]
        words[place.word] = f"{word[: place.start]}{value}{word[place.end :]}"
    return words


# --- an argv -----------------------------------------------------------------------------------


def _places_in_argv(argv: Sequence[str], knob: knobs.Knob) -> list[Place]:
    flags = knobs.spellings(knob.template)
    return list(_scan(argv, flags, knob.number))


def _scan(argv: Sequence[str], flags: Sequence[str], kind: knobs.Number) -> Iterator[Place]:
    at = 1
    while at < len(argv):
        word = argv[at]
        start = next((n for flag in flags if (n := _value_start(word, flag)) is not None), None)
        if start is not None and start == len(word) and _is_flag_alone(word):
            at += 1
            yield _place(argv, at, 0, word, kind)
        elif start is not None:
            yield _place(argv, at, start, word, kind)
        else:
            _refuse_abbreviation(word, flags)
        at += 1


def _is_flag_alone(word: str) -> bool:
    return word.startswith("-") and not word.endswith("=")


def _value_start(word: str, flag: str) -> int | None:
    """Where in `word` the value of `flag` begins; its length where the value is the next word."""
    if not flag.startswith("-"):
        key = word.lstrip("+")  # Hydra: +key=1 adds a key, ++key=1 adds or replaces
        is_key = key.startswith(flag.lstrip("+") + "=")
        return word.index("=") + 1 if is_key else None
    name, equals, _ = word.partition("=")
    if _same(name, flag):
        return len(name) + len(equals)
    if len(flag) == 2 and re.fullmatch(re.escape(flag) + "[0-9]+", word):
        return 2
    return None


def _same(name: str, flag: str) -> bool:
    """Long options are the same with `-` and `_`: several parsers take both."""
    if not flag.startswith("--"):
        return name == flag
    return name.replace("_", "-") == flag.replace("_", "-")


def _refuse_abbreviation(word: str, flags: Sequence[str]) -> None:
    """argparse takes `--batch 8` for `--batch-size 8`; whether this script does is not known."""
    name = word.partition("=")[0].replace("_", "-")
    for flag in flags:
        is_short = len(name) > 3 and flag.replace("_", "-").startswith(name)
        if is_short and name.startswith("--") and "." not in flag:
            raise UnclearError(f"{name} may be short for {flag}; write it in full")


def _place(argv: Sequence[str], word: int, start: int, flag: str, kind: knobs.Number) -> Place:
    text = argv[word][start:] if word < len(argv) else ""
    name = flag.partition("=")[0]
    return Place(word, start, start + len(text), numbers.read(kind, text, name))


def _added(argv: list[str], knob: knobs.Knob, beside: Place | None) -> list[str]:
    template = knobs.words(knob.template)
    if knob.value is None:
        raise UnclearError(f"{template[0].removesuffix('={}')} is not in the command")
    new = [part.replace(knobs.PLACE, str(knob.value)) for part in template]
    return _added_to_shell(argv, new, beside) if is_shell(argv) else [*argv, *new]


# --- a text for the shell ----------------------------------------------------------------------


def _places_in_shell(argv: Sequence[str], knob: knobs.Knob) -> list[Place]:
    """One plain `--flag NUMBER` outside quotes, or none. Everything else is unclear."""
    text = argv[2]
    flags = knobs.spellings(knob.template)
    pattern = "|".join(_pattern(flag) for flag in sorted(flags, key=len, reverse=True))
    bare = _QUOTED.sub(_blank, text)
    matches = list(re.finditer(rf"(?<!\S)(?:{pattern})(?P<value>[^\s;&|()<>]*)", bare))
    if not matches:
        _refuse_hidden(text, bare, flags)
        return []
    if len(matches) > 1 or _UNREADABLE.search(bare) or len(argv) > 3:
        raise UnclearError("the shell command is not simple enough to change a number in it")
    match = matches[0]
    value = match["value"]
    read = numbers.read(knob.number, value, flags[-1])
    return [Place(2, match.start("value"), match.end("value"), read)]


def _blank(quoted: re.Match[str]) -> str:
    """What is quoted, with nothing to find in it; a line that goes on is a space."""
    return "  " if quoted.group() == "\\\n" else "\0" * len(quoted.group())


def _refuse_another_command(text: str, one: Place, other: Place) -> None:
    first, second = sorted((one, other))
    if _SEVERAL_COMMANDS.search(_QUOTED.sub("", text[first.end : second.start])):
        raise UnclearError("batch and accumulation stand in different commands of the shell text")


def _pattern(flag: str) -> str:
    if not flag.startswith("-"):
        return r"\+{0,2}" + re.escape(flag.lstrip("+")) + "="
    name = re.escape(flag)
    if flag.startswith("--"):
        name = "--" + re.sub(r"\\?[-_]", "[-_]", re.escape(flag[2:]))
    glue = r"(?:\s+|=)" + (r"|(?=[0-9])" if len(flag) == 2 else "")
    return f"{name}(?:{glue})"


def _refuse_hidden(text: str, bare: str, flags: Sequence[str]) -> None:
    """A flag inside quotes, or cut short, would make the script's default the wrong number."""
    for flag in flags:
        if re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", text):
            raise UnclearError(f"{flag} stands in quotes or without a number in the shell command")
    for word in bare.split():
        _refuse_abbreviation(word, flags)


def _added_to_shell(argv: list[str], new: list[str], beside: Place | None) -> list[str]:
    text, at = argv[2], _shell_gap(argv, new, beside)
    return [*argv[:2], f"{text[:at]} {' '.join(new)}{text[at:]}"]


def _shell_gap(argv: Sequence[str], new: Sequence[str], beside: Place | None) -> int:
    text = argv[2]
    bare = _QUOTED.sub("", text)
    several = beside is None and _SEVERAL_COMMANDS.search(bare) is not None
    filled = [word.replace(knobs.PLACE, "0") for word in new]
    plain = all(shlex.quote(word) == word for word in filled)
    if several or _UNREADABLE.search(bare) or len(argv) > 3 or not plain:
        raise UnclearError("the shell command is not simple enough to change a number in it")
    return len(text.rstrip()) if beside is None else beside.end
