"""The training command of a script, and its short form for the smoke test."""

from __future__ import annotations

import dataclasses
import posixpath
import re
from collections.abc import Sequence

from overnight.code import documented, frameworks, roles, sources, written
from overnight.code.options import Option
from overnight.core import command, knob_places, knobs

SMOKE_STEPS = 20
_CONFIG_FILE = re.compile(r".*\.(ya?ml|json|toml|cfg|ini|py)$")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Train:
    """`words` is the argv. `missing` are arguments the script demands and nothing tells."""

    words: tuple[str, ...]
    why: str = ""
    hint: str = ""
    missing: tuple[str, ...] = ()


def train(
    script: sources.Module, framework: frameworks.Framework, shown: Sequence[documented.Command]
) -> Train:
    """The first complete command of the documents, else the script with what it demands."""
    mine = [each for each in shown if each.script == script.path]
    literal = [each for each in mine if each.is_literal]
    for each in sorted(literal, key=lambda one: one.launcher):
        return Train(words=each.words, why=f"{each.place} runs it so")
    words = _plain(script)
    if framework.name == frameworks.LIGHTNING_CLI and "run=False" not in script.text:
        words = (*words, "fit")
    if framework.name == frameworks.HF and framework.from_arguments:
        words = (*words, "--output_dir", "outputs", "--do_train")
    hint = f"{mine[0].place} shows how it is run" if mine else ""
    return Train(words=words, hint=hint, missing=_missing(framework, words))


def _plain(script: sources.Module) -> tuple[str, ...]:
    if _is_package_module(script):
        path = script.path.removesuffix(".py").removesuffix("/__main__")
        return ("python", "-m", path.replace("/", "."))
    # a name such as -x.py would be taken for an option of python's
    path = f"./{script.path}" if script.path.startswith("-") else script.path
    return ("python", path)


def _is_package_module(script: sources.Module) -> bool:
    """`from .model import Net` works only when started as a module of its package."""
    return posixpath.dirname(script.path) != "" and (
        re.search(r"^from \.", script.text, re.MULTILINE) is not None
    )


def _missing(framework: frameworks.Framework, words: Sequence[str]) -> tuple[str, ...]:
    required = (each for each in framework.options if each.required)
    return tuple(each.flag for each in required if each.flag not in words)


def uses_config_file(script: sources.Module, words: Sequence[str]) -> bool:
    """Whether the command names a file that may set what the flags leave open."""
    values = [word.rpartition("=")[2] for word in words[1:]]
    return any(
        _CONFIG_FILE.match(value) and posixpath.normpath(value) != script.path for value in values
    )


def value_of(words: Sequence[str], option: Option) -> str | None:
    """What the command says for the option: the last occurrence wins."""
    found = None
    for at, word in enumerate(words):
        for spelling in option.spellings:
            if word == spelling and at + 1 < len(words):
                found = words[at + 1]
            elif word.lstrip("+").startswith(f"{spelling.lstrip('+')}="):
                found = word.partition("=")[2]
    return found


def smoke(words: Sequence[str], framework: frameworks.Framework) -> tuple[list[str], Option] | None:
    """The command with one epoch, or a few steps where epochs cannot be set."""
    if framework.name == frameworks.HF and framework.from_arguments:
        option, count = roles.steps(framework.options), SMOKE_STEPS
    else:
        option, count = roles.epochs(framework.options), 1
    if option is None:
        option, count = roles.steps(framework.options), SMOKE_STEPS
    return None if option is None else (_set(words, option, count), option)


def _set(words: Sequence[str], option: Option, count: int) -> list[str]:
    """In place where the number stands in the command, else at the end, where it wins."""
    knob = knobs.Knob(template=option.number_template(), value=count)
    try:
        located, places = knob_places.locate(words, knob)
    except knob_places.UnclearError:  # such as --epochs 3.0
        return [*words, *option.words(str(count))]
    return knob_places.write(located, [(places, count)])


def output_options(
    project: sources.Project, framework: frameworks.Framework, words: Sequence[str]
) -> tuple[list[written.Output], Option | None]:
    """Where the options of the command lead, and one that leads nowhere inside the project."""
    found, astray = [], None
    for option in roles.outputs(framework.options):
        given = value_of(words, option)
        path = given if given is not None else option.default
        if not isinstance(path, str) or not path:
            astray = astray or (option if path in (None, "") else None)
        elif top := written.top_of(project, path):
            found.append(written.Output(path=top, place=option.place))
        elif posixpath.isabs(path) or path.startswith("~"):
            astray = option
    return found, astray


def text(words: Sequence[str]) -> str:
    """One line of overnight.toml that `core.command.parse` gives back as `words`."""
    import shlex

    joined = shlex.join(words)
    return joined if command.parse(joined) == list(words) else ""
