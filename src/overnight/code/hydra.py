"""The configuration of a Hydra application as options: `data.batch_size=64`.

Followed are the primary configuration and the files that its defaults list selects. Source: the
documentation of Hydra 1.3 (defaults list, packages, override grammar).
"""

from __future__ import annotations

import ast
import dataclasses
import os
import posixpath
import re
from collections.abc import Mapping
from typing import Any

from overnight.code import sources, syntax, yaml_lines
from overnight.code.options import Kind, Option
from overnight.core import command

_INTERPOLATION = re.compile(r"\$\{([\w.]+)\}")
_UNRESOLVED = "\0"
_MAX_DEPTH = 5
_MAX_FILES = 200


@dataclasses.dataclass(frozen=True, kw_only=True)
class Application:
    """`values` maps each key to its value; `place` is where `@hydra.main` stands."""

    place: str
    folder: str
    options: tuple[Option, ...]
    values: Mapping[str, Any]

    def has(self, key: str) -> bool:
        return any(each == key or each.startswith(f"{key}.") for each in self.values)


def find(project: sources.Project, script: sources.Module) -> Application | None:
    """The application in `script`, if it is one. Without readable files it has no options."""
    for node in ast.walk(script.tree):
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                if syntax.dotted(getattr(decorator, "func", decorator)) == "hydra.main":
                    return _application(project, script, decorator)
    return None


def _application(
    project: sources.Project, script: sources.Module, decorator: ast.expr
) -> Application:
    call = decorator if isinstance(decorator, ast.Call) else ast.Call(decorator, [], [])
    path = syntax.value(syntax.keyword(call, "config_path"), script)
    name = syntax.value(syntax.keyword(call, "config_name"), script)
    folder = posixpath.join(posixpath.dirname(script.path), path if isinstance(path, str) else ".")
    folder = posixpath.normpath(folder)
    found: dict[str, Option] = {}
    if isinstance(name, str):
        _collect(project, folder, re.sub(r"\.ya?ml$", "", name), "", found, set())
    return Application(
        place=script.place(decorator),
        folder=folder,
        options=tuple(found.values()),
        values={key: option.default for key, option in found.items()},
    )


def _collect(
    project: sources.Project,
    folder: str,
    name: str,
    package: str,
    found: dict[str, Option],
    seen: set[tuple[str, str]],
) -> None:
    """Adds the keys of one file, those of its defaults first, so that its own win."""
    path = _file(project, folder, name)
    if path is None or (path, package) in seen or len(seen) == _MAX_FILES:
        return
    seen.add((path, package))
    text = project.text(path) or ""
    header = re.match(r"\s*#\s*@package\s+(\S+)", text)
    if header:
        package = "" if header[1] in ("_global_", "_group_") else header[1]
    own = list(yaml_lines.leaves(text))
    for leaf in own:
        if leaf.in_list and leaf.key.startswith("defaults.") and isinstance(leaf.value, str):
            group = leaf.key.removeprefix("defaults.").removeprefix("optional ")
            if not group.startswith("override "):
                where, _, target = group.lstrip("/").partition("@")
                inner = target or where.replace("/", ".")
                full = inner if group.startswith("/") else ".".join(filter(None, (package, inner)))
                value = leaf.value.removesuffix(".yaml")
                _collect(project, folder, f"{where}/{value}", full, found, seen)
    for leaf in own:
        if not leaf.key.startswith("defaults.") and not leaf.in_list:
            key = f"{package}.{leaf.key}" if package else leaf.key
            found[key] = _option(key, leaf, path)


def _file(project: sources.Project, folder: str, name: str) -> str | None:
    for end in (".yaml", ".yml"):
        path = os.path.normpath(f"{folder}/{name}{end}")
        if path in project.files:
            return path
    return None


def _option(key: str, leaf: yaml_lines.Leaf, path: str) -> Option:
    kinds: dict[type, Kind] = {int: "int", float: "float", bool: "bool"}
    return Option(
        spellings=(key,),
        kind=kinds.get(type(leaf.value), "text"),
        default=leaf.value,
        glue="=",
        place=f"{command.visible(path)}:{leaf.line}",
        destination=key,
    )


def run_folder(application: Application) -> str:
    """The top folder that the runs are written to; Hydra's own default is `outputs`."""
    written = application.values.get("hydra.run.dir")
    if not isinstance(written, str):
        return "outputs"
    parts = [part for part in resolved(application, written).split("/") if part not in ("", ".")]
    if parts and _UNRESOLVED in parts[0]:  # ${oc.env:PROJECT_ROOT}, ${hydra:runtime.cwd}
        parts = parts[1:]
    return parts[0] if parts and _UNRESOLVED not in parts[0] else ""


def resolved(application: Application, text: str, depth: int = _MAX_DEPTH) -> str:
    """`text` with `${a.b}` replaced by that key's value, as far as the files tell."""

    def replace(match: re.Match[str]) -> str:
        value = application.values.get(match[1], _UNRESOLVED)
        return resolved(application, str(value), depth - 1) if depth else _UNRESOLVED

    known = _INTERPOLATION.sub(replace, text)
    return re.sub(r"\$\{[^}]*\}", _UNRESOLVED, known)
