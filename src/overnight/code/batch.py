"""The knobs for the batch, and what has to be said about them.

A knob's value is what the script takes when the command says nothing. Where a configuration file
can change that from command to command, a remembered value would one day be wrong and the repair
would change the experiment: there the numbers are written into the training command instead.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from overnight.code import commands, declarations, frameworks, roles, sources
from overnight.code.options import Option
from overnight.core import knobs


@dataclasses.dataclass(frozen=True, kw_only=True)
class Batch:
    """`words` are added to the training command."""

    micro_batch: knobs.AnyKnob | None = None
    accumulation: knobs.AnyKnob | None = None
    words: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()


def find(
    project: sources.Project,
    script: sources.Module,
    framework: frameworks.Framework,
    words: Sequence[str],
) -> Batch:
    """`framework` has the options as they are after the command's own configuration files."""
    micro = roles.micro_batch(framework.options)
    if micro is None or micro.others:
        return Batch(questions=(_ask_micro_batch(micro),))
    by_file = can_be_set_by_file(script, framework, words)
    steps = roles.accumulation(framework.options)
    if steps is None or steps.others:
        total = roles.total_batch(framework.options, micro.option)
        found = Batch(
            micro_batch=_knob(micro.option, by_file),
            assumptions=(_said(micro.option, "the micro-batch"),),
            questions=(_ask_accumulation(micro.option, total),),
        )
        knobs_found = [micro.option]
    else:
        found = Batch(
            micro_batch=_knob(micro.option, by_file),
            accumulation=_knob(steps.option, by_file),
            assumptions=(
                _said(micro.option, "the micro-batch"),
                _said(steps.option, "the accumulation"),
            ),
        )
        knobs_found = [micro.option, steps.option]
    absent = [option for option in knobs_found if not commands.value_of(words, option)]
    return _explicit(project, script, framework, words, found, absent) if by_file else found


def _explicit(
    project: sources.Project,
    script: sources.Module,
    framework: frameworks.Framework,
    words: Sequence[str],
    found: Batch,
    absent: Sequence[Option],
) -> Batch:
    """With the numbers in the command, where they are certain; else with a question."""
    if not absent:
        return found
    known = defaults_hold(project, script, framework, words)
    if known and all(option.number for option in absent):
        added = [word for option in absent for word in option.words(str(option.number))]
        note = f"train says {' '.join(added)}, as a configuration file could change it"
        return dataclasses.replace(
            found, words=tuple(added), assumptions=(*found.assumptions, note)
        )
    wanted = " ".join(word for option in absent for word in option.words("N"))
    question = (
        f"a configuration file may set the batch: add {wanted} with its numbers to train, so that "
        "an out of memory error can be repaired"
    )
    return dataclasses.replace(found, questions=(*found.questions, question))


def _knob(option: Option, by_file: bool) -> knobs.Knob:
    return knobs.Knob(template=option.number_template(), value=None if by_file else option.number)


def _said(option: Option, role: str) -> str:
    value = "" if option.number is None else f", {option.number} when not given"
    return f"{option.flag} is {role}{value} ({option.place})"


def can_be_set_by_file(
    script: sources.Module, framework: frameworks.Framework, words: Sequence[str]
) -> bool:
    return (
        framework.name in (frameworks.HYDRA, frameworks.LIGHTNING_CLI)
        or declarations.configurator_line(script) > 0
        or roles.config(framework.options) is not None
        or bool(commands.config_files(script, words))
    )


def defaults_hold(
    project: sources.Project,
    script: sources.Module,
    framework: frameworks.Framework,
    words: Sequence[str],
) -> bool:
    """Whether the defaults that were read are what this command uses."""
    if framework.application is not None:
        if framework.application.composed and not any(map(_is_other_config, words)):
            return True
        return not any(_is_group(project, word, framework.application.folder) for word in words)
    files = commands.config_files(script, words)
    if declarations.configurator_line(script):
        return all(path in project.files and project.module(path) is not None for path in files)
    return not files


def _is_group(project: sources.Project, word: str, folder: str) -> bool:
    """`experiment=example` of Hydra selects a file that may set anything."""
    key = word.partition("=")[0].lstrip("+")
    return _is_other_config(word) or (
        "=" in word and any(path.startswith(f"{folder}/{key}/") for path in project.files)
    )


def _is_other_config(word: str) -> bool:
    return word in ("-cn", "-cp", "-cd") or word.startswith(("--config-", "-cn=", "-cp="))


def _ask_micro_batch(micro: roles.Choice | None) -> str:
    what = "no flag sets the micro-batch"
    if micro is not None:
        flags = ", ".join(each.flag for each in (micro.option, *micro.others))
        what = f"several keys could be the micro-batch: {flags}"
    return f'{what}: write micro_batch = "--batch-size {{}}" under [knobs]'


def _ask_accumulation(micro: Option, total: Option | None) -> str:
    if total is not None:
        what = f"{total.flag} looks like the effective batch ({total.place})"
    else:
        what = f"no flag for gradient accumulation was found beside {micro.flag}"
    return (
        f"{what}: a smaller micro-batch needs your consent; if there is such a flag, write "
        'accumulation = { flag = "--accum {}", value = 1 } under [knobs]'
    )
