"""The configuration file that a sweep starts from, in the command that it varies."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from overnight.code import recognise, roles, setting
from overnight.core import command, config_text, errors, invocation, knob_places
from overnight.core.unclear import UnclearError

_SHOWN = 8


def some(names: Iterable[str]) -> str:
    """The first of them, for a message."""
    listed = list(names)
    shown = ", ".join(map(command.visible, listed[:_SHOWN])) or "nothing"
    return f"{shown}, …" if len(listed) > _SHOWN else shown


def files(look: recognise.Look) -> list[str]:
    """The configuration files that the command reads: those that it names, else the default of the
    option that names one.
    """
    named = recognise.config_files(look.words)
    option = roles.config(look.framework.options)
    if named or option is None or knob_places.is_shell(look.words):
        return named
    try:
        typed = setting.as_typed(look.words, option)
    except UnclearError:
        return []
    default = option.default if isinstance(option.default, str) else ""
    path = posixpath.normpath(default) if default else ""
    is_ours = config_text.is_config(path) and path in look.project.files
    return [path] if typed is None and is_ours else []


def with_base(look: recognise.Look, argv: list[str], base: str, read: invocation.Read) -> list[str]:
    """The command with `base` in the place of the configuration file that it names."""
    path = posixpath.normpath(base)
    shown = command.visible(path)
    try:
        read(path)
    except UnclearError as reason:
        known = [each for each in look.project.files if config_text.is_config(each)]
        near = errors.nearest(path, known)
        raise errors.UsageError(
            str(reason), hint=f"did you mean {near}?" if near else "overnight sweep KEY=V1,V2"
        ) from None
    named = recognise.config_files(argv)
    if path in named:
        return argv
    if look.framework.application is not None:
        raise errors.UsageError(
            f"this is a Hydra application: {shown} cannot be named on its command line",
            hint="choose files by their group, as in: overnight sweep model=small,large",
        )
    option = roles.config(look.framework.options)
    if knob_places.is_shell(argv) or len(named) > 1 or (not named and option is None):
        what = f"names {', '.join(map(command.visible, named))}" if named else "names no such file"
        raise errors.UsageError(
            f"{shown} cannot take the place of a file in the command, which {what}",
            hint=f"write the command behind it: overnight sweep … -- python train.py {shown}",
        )
    if not named and option is not None:
        return [*argv, *option.words(path)]
    return [_replaced(word, named[0], path) for word in argv]


def _replaced(word: str, old: str, new: str) -> str:
    head, equals, value = word.rpartition("=")
    return f"{head}{equals}{new}" if posixpath.normpath(value) == old else word
