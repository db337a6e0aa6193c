"""What a table of overnight.toml may be: environment, links, variables, baseline."""

from __future__ import annotations

import math
import posixpath
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from overnight.core import config
from overnight.core import config_kinds as kinds
from overnight.core import config_words as words

ENVIRONMENT_KINDS = ("conda", "mamba", "micromamba", "venv", "uv", "module", "none")
_WITH_EXE = ("conda", "mamba", "micromamba", "uv")


def _link_problems(name: str, links: dict[str, Any]) -> Iterator[kinds.Problem]:
    for path, target in links.items():
        label = f"{name}.{words.toml_key(path)} = {words.toml(target)}"
        if (what := kinds.inside_advice(path)) is not None:
            yield (path,), f"{label}: {words.toml(path)} {what}"
        if not _is_full_path(target):
            yield (path,), f'{label}: write a full path on the server, such as "/data/imagenet"'
    yield from _nested_links(name, links)


def _is_full_path(value: Any) -> bool:
    if not isinstance(value, str) or kinds.text_problem("", value) is not None:
        return False
    return value.startswith(("/", "~/"))


def _nested_links(name: str, links: dict[str, Any]) -> Iterator[kinds.Problem]:
    """A link inside a link would be made in the data's own folder."""
    outer = outer_path = ""
    for folder, path in sorted((posixpath.normpath(path) + "/", path) for path in links):
        if outer and folder.startswith(outer):
            inside = f"{words.toml(path)} lies inside {words.toml(outer_path)}"
            yield (path,), f"{name}: {inside}; keep one of them"
        else:
            outer, outer_path = folder, path


def _build_links(links: dict[str, str]) -> Mapping[str, str]:
    return MappingProxyType({posixpath.normpath(path): to for path, to in links.items()})


LINKS = kinds.Kind("a table", (dict,), _link_problems, _build_links)


def _variable_problems(name: str, variables: dict[str, Any]) -> Iterator[kinds.Problem]:
    for variable, value in variables.items():
        label = f"{name}.{words.toml_key(variable)}"  # without the value, which may be a secret
        if not kinds.VARIABLE_NAME.fullmatch(variable):
            yield (variable,), f"{label}: a name has letters, digits and _, and no digit first"
        if not isinstance(value, str):
            yield (variable,), f'{label}: expected text in quotes, such as {label} = "1"'
        elif "\0" in value:
            yield (variable,), f"{label}: has a NUL character; leave it out"


VARIABLES = kinds.Kind(
    "a table", (dict,), _variable_problems, lambda value: MappingProxyType(value)
)


def _baseline_problems(name: str, baseline: dict[str, Any]) -> Iterator[kinds.Problem]:
    for metric, value in baseline.items():
        label = f"{name}.{words.toml_key(metric)}"
        if metric == "source":
            if not isinstance(value, str):
                yield (metric,), words.expected(label, value, "text", '"paper, table 2"')
        elif type(value) not in (int, float) or not math.isfinite(value):
            yield (metric,), words.expected(label, value, "a number", "95.5")
    if not baseline.keys() - {"source"}:
        yield (), f"{name} has no number; write it such as {{ val_acc = 95.5 }}"


def _build_baseline(baseline: dict[str, Any]) -> config.Baseline:
    values = {metric: float(value) for metric, value in baseline.items() if metric != "source"}
    return config.Baseline(values=MappingProxyType(values), source=baseline.get("source", ""))


BASELINE = kinds.Kind("a table", (dict,), _baseline_problems, _build_baseline)


# --- environment -------------------------------------------------------------------------------


def _environment_problems(name: str, table: dict[str, Any]) -> Iterator[kinds.Problem]:
    given = [key for key in table if key in ENVIRONMENT_KINDS]
    unknown = [key for key in table if key not in (*ENVIRONMENT_KINDS, "exe")]
    for key in unknown:
        yield (key,), _unknown_environment(name, key)
    if len(given) > 1:
        yield (), f"{name} has {len(given)} kinds, {' and '.join(given)}; keep one"
    elif not given and not unknown:
        yield (), f"{name} has no kind; write one of {words.either(ENVIRONMENT_KINDS)}"
    for kind in given:
        yield from _environment_value_problems(name, kind, table[kind])
    if "exe" in table:
        yield from _exe_problems(name, given, table["exe"])


def _unknown_environment(name: str, kind: str) -> str:
    if kind == "apptainer":
        others = words.either(ENVIRONMENT_KINDS)
        return f"{name}.apptainer: apptainer is not supported yet; write {others}"
    known = words.did_you_mean(kind, (*ENVIRONMENT_KINDS, "exe"))
    return f"unknown environment kind {words.toml(kind)} in {name}{known}"


def _environment_value_problems(name: str, kind: str, value: Any) -> Iterator[kinds.Problem]:
    label = f"{name}.{kind}"
    if kind in ("uv", "none"):
        if value is not True:
            advice = f"write {kind} = true, or leave {name} out"
            yield (kind,), f"{label} = {words.toml(value)}: {advice}"
    elif kind == "module":
        if not isinstance(value, list) or not value:
            yield (kind,), words.expected(label, value, "a list of text", '["cuda/12", "python"]')
        else:
            for at, text in kinds.list_of_text(lambda _value: None)(label, value):
                yield (kind, *at), text
    elif not isinstance(value, str):
        example = '".venv"' if kind == "venv" else '"clip"'
        yield (kind,), words.expected(label, value, "text", example)
    elif (problem := kinds.text_problem(label, value)) is not None:
        yield (kind,), problem


def _exe_problems(name: str, given: list[str], value: Any) -> Iterator[kinds.Problem]:
    if given and not set(given) & set(_WITH_EXE):
        yield ("exe",), f"{name}.exe goes with {words.either(_WITH_EXE)}; leave it out"
    if not isinstance(value, str) or kinds.text_problem("", value):
        yield ("exe",), words.expected(f"{name}.exe", value, "text", '"/opt/conda/bin/conda"')


def _build_environment(table: dict[str, Any]) -> config.Environment:
    kind = next(key for key in table if key in ENVIRONMENT_KINDS)
    value = table[kind]
    return config.Environment(
        kind=kind,
        name=value if isinstance(value, str) else "",
        modules=tuple(value) if isinstance(value, list) else (),
        exe=table.get("exe"),
    )


ENVIRONMENT = kinds.Kind("a table", (dict,), _environment_problems, _build_environment)
