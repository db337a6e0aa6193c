"""What a table of overnight.toml may be: environment, links, variables, baseline, knobs."""

from __future__ import annotations

import dataclasses
import math
import posixpath
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from overnight.core import config_kinds as kinds
from overnight.core import knobs
from overnight.core.config_words import did_you_mean, either, expected, toml, toml_key

ENVIRONMENT_KINDS = ("conda", "mamba", "micromamba", "venv", "uv", "module", "none")
_WITH_EXE = ("conda", "mamba", "micromamba", "uv")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Environment:
    """What has to be activated before the command: `kind` is one of ENVIRONMENT_KINDS.

    `name` is the environment's name or folder; `exe` the path of conda, mamba, micromamba or uv.
    """

    kind: str = "none"
    name: str = ""
    modules: tuple[str, ...] = ()
    exe: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Baseline:
    """Numbers to compare with, by metric, and where they come from."""

    values: Mapping[str, float]
    source: str = ""


def _link_problems(name: str, links: dict[str, Any]) -> Iterator[Problem]:
    for path, target in links.items():
        label = f"{name}.{toml_key(path)} = {toml(target)}"
        if (what := _inside_advice(path)) is not None:
            yield (path,), f"{label}: {toml(path)} {what}"
        if not (isinstance(target, str) and target.startswith("/")) or _text_problem("", target):
            yield (path,), f'{label}: write a full path on the server, such as "/data/imagenet"'
    normal = sorted((posixpath.normpath(path) + "/", path) for path in links)
    for (outer, first), (inner, second) in zip(normal, normal[1:], strict=False):
        if inner.startswith(outer):
            yield (second,), f"{name}: {toml(second)} lies inside {toml(first)}; keep one of them"


def _build_links(links: dict[str, str]) -> Mapping[str, str]:
    return MappingProxyType({posixpath.normpath(path): to for path, to in links.items()})


LINKS = Kind("a table", (dict,), _link_problems, _build_links)


def _variable_problems(name: str, variables: dict[str, Any]) -> Iterator[Problem]:
    for variable, value in variables.items():
        label = f"{name}.{toml_key(variable)}"  # without the value, which may be a secret
        if not VARIABLE_NAME.fullmatch(variable):
            yield (variable,), f"{label}: a name has letters, digits and _, and no digit first"
        if not isinstance(value, str):
            yield (variable,), f'{label}: expected text in quotes, such as {label} = "1"'
        elif "\0" in value:
            yield (variable,), f"{label}: has a NUL character; leave it out"


VARIABLES = Kind("a table", (dict,), _variable_problems, lambda value: MappingProxyType(value))


def _baseline_problems(name: str, baseline: dict[str, Any]) -> Iterator[Problem]:
    for metric, value in baseline.items():
        label = f"{name}.{toml_key(metric)}"
        if metric == "source":
            if not isinstance(value, str):
                yield (metric,), expected(label, value, "text", '"paper, table 2"')
        elif type(value) not in (int, float) or not math.isfinite(value):
            yield (metric,), expected(label, value, "a number", "95.5")
    if not baseline.keys() - {"source"}:
        yield (), f"{name} has no number; write it such as {{ val_acc = 95.5 }}"


def _build_baseline(baseline: dict[str, Any]) -> Baseline:
    values = {metric: float(value) for metric, value in baseline.items() if metric != "source"}
    return Baseline(values=MappingProxyType(values), source=baseline.get("source", ""))


BASELINE = Kind("a table", (dict,), _baseline_problems, _build_baseline)


# --- knobs -------------------------------------------------------------------------------------


def _template_problems(name: str, template: str) -> Iterator[Problem]:
    try:
        knobs.words(template)
    except ValueError as error:
        what = str(error).removesuffix(f": {template}")
        yield (), f"{name} = {toml(template)}: {what}"


def _knob_problems(name: str, knob: str | dict[str, Any]) -> Iterator[Problem]:
    if isinstance(knob, str):
        yield from _template_problems(name, knob)
        return
    for key in knob.keys() - {"flag", "value"}:
        yield (key,), f'unknown key "{key}" in {name}{did_you_mean(key, ("flag", "value"))}'
    flag, value = knob.get("flag"), knob.get("value", 1)
    if isinstance(flag, str):
        yield from ((("flag",), text) for _, text in _template_problems(f"{name}.flag", flag))
    else:
        yield (), f'{name} has no flag; write it such as {{ flag = "--batch-size {{}}" }}'
    if type(value) is not int or value < 1:
        yield ("value",), expected(f"{name}.value", value, "a whole number above 0", "64")


def _build_knob(knob: str | dict[str, Any]) -> knobs.Knob:
    if isinstance(knob, str):
        return knobs.Knob(template=knob)
    return knobs.Knob(template=knob["flag"], value=knob.get("value"))


KNOB = Kind("text", (str, dict), _knob_problems, _build_knob)


# --- environment -------------------------------------------------------------------------------


def _environment_problems(name: str, table: dict[str, Any]) -> Iterator[Problem]:
    kinds = [key for key in table if key in ENVIRONMENT_KINDS]
    unknown = [key for key in table if key not in (*ENVIRONMENT_KINDS, "exe")]
    for key in unknown:
        yield (key,), _unknown_environment(name, key)
    if len(kinds) > 1:
        yield (), f"{name} has {len(kinds)} kinds, {' and '.join(kinds)}; keep one"
    elif not kinds and not unknown:
        yield (), f"{name} has no kind; write one of {either(ENVIRONMENT_KINDS)}"
    for kind in kinds:
        yield from _environment_value_problems(name, kind, table[kind])
    if "exe" in table:
        yield from _exe_problems(name, kinds, table["exe"])


def _unknown_environment(name: str, kind: str) -> str:
    if kind == "apptainer":
        return (
            f"{name}.apptainer: apptainer is not supported yet; write {either(ENVIRONMENT_KINDS)}"
        )
    known = did_you_mean(kind, (*ENVIRONMENT_KINDS, "exe"))
    return f'unknown environment kind "{kind}" in {name}{known}'


def _environment_value_problems(name: str, kind: str, value: Any) -> Iterator[Problem]:
    label = f"{name}.{kind}"
    if kind in ("uv", "none"):
        if value is not True:
            yield (kind,), f"{label} = {toml(value)}: write {kind} = true, or leave {name} out"
    elif kind == "module":
        if not isinstance(value, list) or not value:
            yield (kind,), expected(label, value, "a list of text", '["cuda/12", "python"]')
        else:
            for at, text in _list_of_text(lambda _value: None)(label, value):
                yield (kind, *at), text
    elif not isinstance(value, str):
        example = '".venv"' if kind == "venv" else '"clip"'
        yield (kind,), expected(label, value, "text", example)
    elif (problem := _text_problem(label, value)) is not None:
        yield (kind,), problem


def _exe_problems(name: str, kinds: list[str], value: Any) -> Iterator[Problem]:
    if kinds and not set(kinds) & set(_WITH_EXE):
        yield ("exe",), f"{name}.exe goes with {either(_WITH_EXE)}; leave it out"
    if not isinstance(value, str) or _text_problem("", value):
        yield ("exe",), expected(f"{name}.exe", value, "text", '"/opt/conda/bin/conda"')


def _build_environment(table: dict[str, Any]) -> Environment:
    kind = next(key for key in table if key in ENVIRONMENT_KINDS)
    value = table[kind]
    return Environment(
        kind=kind,
        name=value if isinstance(value, str) else "",
        modules=tuple(value) if isinstance(value, list) else (),
        exe=table.get("exe"),
    )


ENVIRONMENT = Kind("a table", (dict,), _environment_problems, _build_environment)
