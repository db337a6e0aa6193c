"""The training command of a script, and its short form for the smoke test."""

from __future__ import annotations

import dataclasses
import posixpath
import re
import shlex
from collections.abc import Sequence

from overnight.code import (
    declarations,
    documented,
    environment,
    frameworks,
    roles,
    sources,
    syntax,
    written,
)
from overnight.code.options import Option
from overnight.core import command, knob_places, knobs, unclear

SMOKE_STEPS = 20
_SHOWN = 3  # further down, documents show special uses
_CONFIG_FILE = re.compile(r".*\.(ya?ml|json|toml|cfg|ini|py)$")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Train:
    """`words` is the argv. `missing` are arguments the script demands and nothing tells."""

    words: tuple[str, ...]
    why: str = ""
    hint: str = ""
    missing: tuple[str, ...] = ()


def train(
    project: sources.Project,
    script: sources.Module,
    framework: frameworks.Framework,
    shown: Sequence[documented.Command],
) -> Train:
    """The first complete command of the documents, else the script with what it demands."""
    mine = [each for each in shown if each.script == script.path]
    literal = [each for each in mine[:_SHOWN] if each.is_literal]
    for each in sorted(literal, key=lambda one: one.launcher):
        return Train(words=each.words, why=f"{each.place} runs it so")
    words = _plain(project, script, mine)
    if framework.name == frameworks.LIGHTNING_CLI and "run=False" not in script.text:
        words = (*words, "fit")
    if framework.name == frameworks.HF and framework.from_arguments:
        do_train = ("--do_train",) if "do_train" in script.text else ()
        words = (*words, "--output_dir", "outputs", *do_train)
    hint = f"{mine[0].place} shows how it is run" if mine else ""
    return Train(words=words, hint=hint, missing=_missing(framework, words))


def _plain(
    project: sources.Project, script: sources.Module, mine: Sequence[documented.Command]
) -> tuple[str, ...]:
    """The script and nothing else, started as the documents start it."""
    as_module = next((each.head for each in mine if each.head[-2] == "-m"), None)
    if as_module is not None:
        return ("python", "-m", as_module[-1])
    if _needs_package(project, script):
        path = script.path.removesuffix(".py").removesuffix("/__main__")
        return ("python", "-m", path.replace("/", "."))
    # a name such as -x.py would be taken for an option of python's
    path = f"./{script.path}" if script.path.startswith("-") else script.path
    return ("python", path)


def _needs_package(project: sources.Project, script: sources.Module) -> bool:
    """Its imports are found only when it is started as a module from the top folder."""
    folder = posixpath.dirname(script.path)
    if not folder or not all(part.isidentifier() for part in folder.split("/")):
        return False
    if re.search(r"^from \.", script.text, re.MULTILINE):
        return True
    mends_itself = re.search(r"sys\.path|rootutils", script.text)
    if mends_itself or project.has("setup.py") or environment.is_package(project):
        return False
    return any(not path.startswith(f"{folder}/") for _, _, path in project.imported(script))


def _missing(framework: frameworks.Framework, words: Sequence[str]) -> tuple[str, ...]:
    required = (each for each in framework.options if each.required)
    return tuple(each.flag for each in required if each.flag not in words)


def config_files(script: sources.Module, words: Sequence[str]) -> list[str]:
    """The files that the command names and that may set what its flags leave open."""
    values = (word.rpartition("=")[2] for word in words[1:])
    named = (posixpath.normpath(value) for value in values if _CONFIG_FILE.match(value))
    return [path for path in named if path != script.path]


def with_config_files(
    project: sources.Project,
    script: sources.Module,
    framework: frameworks.Framework,
    words: Sequence[str],
) -> frameworks.Framework:
    """The defaults as they are after the configuration files of the command have been executed.

    Only for scripts whose globals are overwritten by Python files (`exec` of a configurator).
    """
    if not declarations.configurator_line(script):
        return framework
    changed = {option.destination: option for option in framework.options}
    for path in config_files(script, words):
        module = project.module(path) if path in project.files else None
        if module is None:
            continue
        for name, node in module.constants.items():
            if name in changed:
                value, place = syntax.value(node, module), module.place(node)
                changed[name] = dataclasses.replace(changed[name], default=value, place=place)
    return dataclasses.replace(framework, options=tuple(changed.values()))


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
    except unclear.UnclearError:  # such as --epochs 3.0
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
    joined = shlex.join(words)
    return joined if command.parse(joined) == list(words) else ""
