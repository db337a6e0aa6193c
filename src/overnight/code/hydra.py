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
from collections.abc import Mapping, Sequence
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
    """`values` maps each key to its value; `place` is where `@hydra.main` stands.

    `composed`: the command is known, and every group that it chooses was followed. `groups`: the
    file that is chosen of each group, without its ending.
    """

    place: str
    folder: str
    options: tuple[Option, ...]
    values: Mapping[str, Any]
    composed: bool = False
    groups: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def has(self, key: str) -> bool:
        return any(each == key or each.startswith(f"{key}.") for each in self.values)


def find(
    project: sources.Project, script: sources.Module, words: Sequence[str] = ()
) -> Application | None:
    """The application in `script`, if it is one. Without readable files it has no options.

    `words` of the command may choose other groups: `data=cifar`.
    """
    for node in ast.walk(script.tree):
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                if syntax.dotted(getattr(decorator, "func", decorator)) == "hydra.main":
                    return _application(project, script, decorator, words)
    return None


def _application(
    project: sources.Project,
    script: sources.Module,
    decorator: ast.expr,
    words: Sequence[str],
) -> Application:
    call = decorator if isinstance(decorator, ast.Call) else ast.Call(decorator, [], [])
    path = syntax.value(syntax.keyword(call, "config_path"), script)
    name = syntax.value(syntax.keyword(call, "config_name"), script)
    folder = posixpath.join(posixpath.dirname(script.path), path if isinstance(path, str) else ".")
    folder = posixpath.normpath(folder)
    composition = _Composition(project, folder, _choices(project, folder, words))
    if isinstance(name, str):
        composition.collect(re.sub(r"\.ya?ml$", "", name), "")
    found = composition.found
    return Application(
        place=script.place(decorator),
        folder=folder,
        options=tuple(found.values()),
        values={key: option.default for key, option in found.items()},
        composed=bool(words) and composition.is_whole(),
        groups=composition.groups,
    )


def is_group(project: sources.Project, application: Application, name: str) -> bool:
    """Whether `name=…` chooses a file: `model` where there is a folder `conf/model`."""
    return bool(name) and bool(group_files(project, application, name))


def group_files(project: sources.Project, application: Application, group: str) -> list[str]:
    """What a group can be set to: the files of its folder, without their endings."""
    inside = f"{application.folder}/{group.partition('@')[0].strip('/')}/"
    return [
        re.sub(r"\.ya?ml$", "", path.removeprefix(inside))
        for path in project.files
        if path.startswith(inside) and re.search(r"\.ya?ml$", path)
    ]


def _choices(project: sources.Project, folder: str, words: Sequence[str]) -> dict[str, str]:
    """`{"data": "cifar"}` of `data=cifar`: the words that choose a file and set no value."""
    found = {}
    for word in words:
        group, equals, name = word.lstrip("+").partition("=")
        inside = f"{folder}/{group.partition('@')[0]}/"
        if word.startswith("~") or (equals and any(p.startswith(inside) for p in project.files)):
            found[group] = name.removesuffix(".yaml")
    return found


class _Composition:
    """The keys of a configuration and of the files that its defaults name.

    What one file sets and another sets differently holds only where `_self_` says which comes
    last; else the value is unknown.
    """

    def __init__(self, project: sources.Project, folder: str, choices: Mapping[str, str]) -> None:
        self.found: dict[str, Option] = {}
        self.groups: dict[str, str] = {}
        self._project = project
        self._folder = folder
        self._choices = choices
        self._followed: set[str] = set()
        self._overrides = False
        self._seen: set[tuple[str, str]] = set()

    def is_whole(self) -> bool:
        """Whether every choice of the command was met, and none that a file makes was left out."""
        met = all(
            group in self._followed and _file(self._project, self._folder, f"{group}/{name}")
            for group, name in self._choices.items()
        )
        return met and not (self._choices and self._overrides)

    def collect(self, name: str, package: str) -> None:
        """Adds the keys of one file and of its defaults, in Hydra's order."""
        path = _file(self._project, self._folder, name)
        if path is None or (path, package) in self._seen or len(self._seen) == _MAX_FILES:
            return
        self._seen.add((path, package))
        text = self._project.text(path) or ""
        header = re.match(r"\s*#\s*@package\s+(\S+)", text)
        if header:
            package = "" if header[1] in ("_global_", "_group_") else header[1]
        leaves = list(yaml_lines.leaves(text))
        groups = [each for each in leaves if each.in_list and each.key.startswith("defaults.")]
        own = [each for each in leaves if not each.key.startswith("defaults.") and not each.in_list]
        self_line = _self_line(text)
        for leaf in groups:
            if self_line is None or leaf.line < self_line:
                self._group(leaf, package)
        self._own(own, package, path, ordered=self_line is not None)
        for leaf in groups:
            if self_line is not None and leaf.line > self_line:
                self._group(leaf, package)

    def _own(
        self, leaves: list[yaml_lines.Leaf], package: str, path: str, *, ordered: bool
    ) -> None:
        for leaf in leaves:
            key = f"{package}.{leaf.key}" if package else leaf.key
            option = _option(key, leaf, path)
            before = self.found.get(key)
            if before is not None and before.default != option.default and not ordered:
                option = dataclasses.replace(option, default=syntax.UNKNOWN)
            self.found[key] = option

    def _group(self, leaf: yaml_lines.Leaf, package: str) -> None:
        group = leaf.key.removeprefix("defaults.").removeprefix("optional ")
        if group.startswith("override "):
            self._overrides = True
            return
        where, _, target = group.lstrip("/").partition("@")
        name = self._choices.get(where, leaf.value)
        self._followed |= {where} & set(self._choices)
        if isinstance(name, str):
            self.groups.setdefault(where, name.removesuffix(".yaml"))
            inner = target or where.replace("/", ".")
            full = inner if group.startswith("/") else ".".join(filter(None, (package, inner)))
            self.collect(f"{where}/{name.removesuffix('.yaml')}", full)


def _self_line(text: str) -> int | None:
    """Where the file itself stands among its defaults."""
    for number, line in enumerate(text.splitlines(), 1):
        if re.fullmatch(r"\s*-\s*_self_\s*(#.*)?", line):
            return number
    return None


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
