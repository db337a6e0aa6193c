"""The packages that a training imports, so that a server can be asked for them beforehand."""

from __future__ import annotations

import ast
import posixpath
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from overnight.code import sources


def needed(root: Path, argv: Sequence[str]) -> tuple[str, ...]:
    """Top-level names of packages that the command's script, or a module of the project that it
    uses, imports without a condition. Empty where the command names no script of the project.
    """
    project = sources.Project(root)
    script = next(filter(None, (_script(project, word) for word in argv)), None)
    if script is None:
        return ()
    modules = [script, *sources.near(project, script)]
    found = {name for module in modules for name in _imported(module.tree)}
    ours = {part for path in project.files if path.endswith(".py") for part in _names(path)}
    return tuple(sorted(found - ours - sys.stdlib_module_names))


def _script(project: sources.Project, word: str) -> sources.Module | None:
    path = posixpath.normpath(word)
    return project.module(path) if path.endswith(".py") and path in project.files else None


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.partition(".")[0]


def _names(path: str) -> Iterator[str]:
    """By which a file of the project, or a folder above it, may be imported."""
    yield from path.removesuffix(".py").split("/")
