"""Writing one value into a command: a flag, a switch, or an override of Hydra."""

from __future__ import annotations

import re
from collections.abc import Sequence

from overnight.code import frameworks
from overnight.code.options import Option
from overnight.core import command, knob_places, knobs, sweep_values
from overnight.core.sweep_values import Value
from overnight.core.unclear import UnclearError

_PLAIN_IN_HYDRA = re.compile(r"[A-Za-z_/][A-Za-z0-9_./@%+-]*", re.ASCII)
_NEGATABLE = ("typer", "tyro", "click")


def flag(argv: Sequence[str], option: Option, value: Value, framework: str) -> list[str]:
    """`argv` with the option set: in place where it is typed, else at the end.

    Raises `UnclearError` where that cannot be done for certain.
    """
    if option.kind == "switch" and framework != frameworks.HF:
        return switch(argv, option, value, framework)
    text = _for_flag(option, value)
    places = knob_places.typed(argv, _knob(option))
    if not places:
        return [*argv, *option.words(text)]
    _refuse_list(argv, places[-1])
    return knob_places.write(argv, [(places, text)])


def _knob(option: Option) -> knobs.Knob:
    """`path`: whatever stands there may be replaced."""
    return knobs.Knob(template=option.number_template(), number="path")


def _for_flag(option: Option, value: Value) -> str:
    flag = option.flag
    if value.value is None:
        raise UnclearError(f"{flag} cannot be given null on a command line")
    if option.kind == "int" and type(value.value) is not int:
        raise UnclearError(f"{flag} takes a whole number, not {command.visible(value.text)}")
    if option.kind == "float" and not value.is_number:
        raise UnclearError(f"{flag} takes a number, not {command.visible(value.text)}")
    if option.kind in ("bool", "switch"):
        if not isinstance(value.value, bool):
            raise UnclearError(f"{flag} takes true or false, not {command.visible(value.text)}")
        return str(value.value)
    return value.text


def _refuse_list(argv: Sequence[str], place: knob_places.Place) -> None:
    """`--layers 1 2 3`: only the first would be replaced."""
    following = argv[place.word + 1 : place.word + 2]
    if place.start == 0 and following and not following[0].startswith("-"):
        shown = command.visible(" ".join(argv[place.word - 1 : place.word + 2]))
        raise UnclearError(f"{shown} may be a list of values; write {argv[place.word - 1]} last")


def switch(argv: Sequence[str], option: Option, value: Value, framework: str) -> list[str]:
    """A flag without a value: it is there or it is not."""
    if not isinstance(value.value, bool):
        raise UnclearError(f"{option.flag} takes true or false, not {command.visible(value.text)}")
    without = [word for word in argv if word not in option.spellings]
    if not value.value and option.default is True:
        if not any(each in framework for each in _NEGATABLE):
            raise UnclearError(
                f"{option.flag} is on unless told otherwise ({option.place}); vary the flag that "
                "turns it off"
            )
        return [*without, f"--no-{option.flag.lstrip('-')}"]
    if value.value and len(without) == len(argv):
        return [*argv, option.flag]
    return list(argv) if value.value else without


def override(argv: Sequence[str], key: str, value: Value) -> list[str]:
    """`key=value` for Hydra, in place where the key is typed."""
    written = f"={_for_hydra(value)}"
    name = key.lstrip("+")
    at = [n for n, word in enumerate(argv) if overridden(word) == name]
    if not at:
        return [*argv, key + written]
    words = list(argv)
    for n in at:
        words[n] = words[n].partition("=")[0] + written
    return words


def overridden(word: str) -> str:
    """The key that a word of a command sets; empty for other words."""
    key, equals, _ = word.lstrip("+").partition("=")
    return key if equals and not key.startswith("-") else ""


def _for_hydra(value: Value) -> str:
    if not isinstance(value.value, str):
        return value.text if value.value is not None else "null"
    is_text = _PLAIN_IN_HYDRA.fullmatch(value.text) and not _reads_otherwise(value.text)
    if is_text:
        return value.text
    escaped = re.sub(r"(\\*)'", lambda match: match[1] * 2 + "\\'", value.text)
    escaped = re.sub(r"(\\+)\Z", lambda match: match[1] * 2, escaped)
    return f"'{escaped}'"


def _reads_otherwise(text: str) -> bool:
    return not isinstance(sweep_values.typed(text), str) or text.lower() in ("nan", "inf", "none")


def untold(key: str) -> Option:
    """A flag of which nothing is known but that it stands in the command."""
    flag = f"--{key}"
    return Option(spellings=(flag,), place="the command", destination=key)


def as_typed(argv: Sequence[str], option: Option) -> str | None:
    """What the command says for a flag with a value; None where it does not.

    Raises `UnclearError` where it may be there in another form.
    """
    places = knob_places.typed(argv, _knob(option))
    return str(places[-1].value) if places else None
