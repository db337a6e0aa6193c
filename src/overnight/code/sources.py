"""The files of a project folder, read and never run.

Paths are relative to the project and "/"-separated. What cannot be read or parsed is kept as a
problem to report; it never stops the looking.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import itertools
import os
import stat
import warnings
from collections.abc import Iterator
from pathlib import Path

from overnight.core import command

_MAX_FILES = 20_000  # a data folder that lies inside the project must not make us wait
_MAX_BYTES = 1_000_000
_MAX_DEPTH = 200
_MAX_NEAR = 60
_SKIPPED_FOLDERS = {
    "__pycache__", "node_modules", "site-packages", "build", "dist", "wandb", "mlruns",
    "lightning_logs", "third_party", "thirdparty", "vendor",
}  # fmt: skip


@dataclasses.dataclass(frozen=True, kw_only=True)
class Module:
    """One Python file. `constants` are the names set once, at the top level, to a plain value."""

    path: str
    tree: ast.Module
    text: str

    def place(self, node: ast.AST) -> str:
        """`train.py:12`."""
        return f"{command.visible(self.path)}:{getattr(node, 'lineno', 1)}"

    @functools.cached_property
    def constants(self) -> dict[str, ast.expr]:
        found: dict[str, ast.expr] = {}
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                found[node.targets[0].id] = node.value
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found[node.target.id] = node.value or ast.Name(id="")
        return found


class Project:
    """What lies in the folder `root`. Files are read when asked for, each once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = tuple(sorted(_listed(root)))
        self.problems: list[str] = []
        self._modules: dict[str, Module | None] = {}

    @property
    def python_files(self) -> tuple[str, ...]:
        return tuple(path for path in self.files if path.endswith(".py"))

    def has(self, path: str) -> bool:
        return os.path.lexists(self.root / path)

    def text(self, path: str) -> str | None:
        """The text of a file; None where it cannot be read or is too large to be meant."""
        try:
            with open(self.root / path, "rb") as file:
                content = file.read(_MAX_BYTES + 1)
        except OSError as error:
            self.problems.append(f"{command.visible(path)} cannot be read: {error.strerror}")
            return None
        return None if len(content) > _MAX_BYTES else content.decode("utf-8-sig", "replace")

    def module(self, path: str) -> Module | None:
        """The parsed file; None, with a problem noted, where it is not Python as we know it."""
        if path not in self._modules:
            self._modules[path] = self._parsed(path)
        return self._modules[path]

    def _parsed(self, path: str) -> Module | None:
        text = self.text(path)
        if text is None:
            return None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # "\d" in the user's text is not our business
                tree = ast.parse(text)
            _refuse_depth(tree)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = getattr(error, "lineno", None) or 1
            what = getattr(error, "msg", None) or str(error)
            self.problems.append(f"{command.visible(path)}:{line}: not read: {what}")
            return None
        return Module(path=path, tree=tree, text=text)

    def imported(self, module: Module) -> Iterator[tuple[ast.stmt, str, str]]:
        """(statement, name, path) for each import in `module` of a file of this project."""
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield from self._resolved(node, module, alias.name, 0)
            elif isinstance(node, ast.ImportFrom):
                yield from self._resolved(node, module, node.module or "", node.level)
                for alias in node.names:
                    name = f"{node.module}.{alias.name}" if node.module else alias.name
                    yield from self._resolved(node, module, name, node.level)

    def _resolved(
        self, node: ast.stmt, module: Module, name: str, level: int
    ) -> Iterator[tuple[ast.stmt, str, str]]:
        tail = name.replace(".", "/")
        folder = os.path.dirname(module.path)
        if level:
            bases = [os.path.normpath(os.path.join(folder, *[".."] * (level - 1)))]
        else:
            bases = list(dict.fromkeys((folder, "", "src")))
        for base in bases:
            for candidate in (f"{tail}.py", f"{tail}/__init__.py"):
                path = os.path.normpath(os.path.join(base, candidate))
                if path in self._python and path != module.path:
                    yield node, name, path
                    return

    @functools.cached_property
    def _python(self) -> frozenset[str]:
        return frozenset(self.python_files)


def near(project: Project, script: Module) -> list[Module]:
    """The modules of the project that the script imports, and those that they import."""
    found: dict[str, Module] = {}
    waiting = [script]
    while waiting and len(found) < _MAX_NEAR:
        for _node, _name, path in list(project.imported(waiting.pop(0))):
            module = project.module(path)
            if module is not None and path not in found and path != script.path:
                found[path] = module
                waiting.append(module)
    return list(found.values())


def _refuse_depth(tree: ast.Module) -> None:
    """Raises ValueError for expressions nested so deeply that asking them would not end well."""
    waiting: list[tuple[ast.AST, int]] = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > _MAX_DEPTH:
            raise ValueError("nested too deeply")
        waiting.extend((child, depth + 1) for child in ast.iter_child_nodes(node))


def _listed(root: Path) -> Iterator[str]:
    """Regular files, without hidden folders, environments and other people's code.

    A bounded number: folders near the top come first, so that the bound cuts off the deep end.
    """
    folders, count = [""], 0
    while folders and count < _MAX_FILES:
        folder = folders.pop(0)
        for name, mode in _entries(root / folder, _MAX_FILES - count):
            path = f"{folder}/{name}" if folder else name
            count += 1
            if stat.S_ISREG(mode):
                yield path
            elif stat.S_ISDIR(mode) and not _skipped(root, path, name):
                folders.append(path)


def _entries(folder: Path, limit: int) -> list[tuple[str, int]]:
    """Names with their modes, links to files followed; names that are not UTF-8 are left out."""
    try:
        with os.scandir(folder) as entries:
            found = [(entry.name, _mode(entry)) for entry in itertools.islice(entries, limit)]
    except OSError:
        return []
    return sorted((name, mode) for name, mode in found if mode and _is_text(name))


def _mode(entry: os.DirEntry[str]) -> int:
    try:
        mode = entry.stat().st_mode
    except OSError:
        return 0
    return 0 if entry.is_symlink() and stat.S_ISDIR(mode) else mode


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _skipped(root: Path, path: str, name: str) -> bool:
    is_environment = (root / path / "pyvenv.cfg").exists() or (root / path / "conda-meta").exists()
    return name.startswith(".") or name in _SKIPPED_FOLDERS or is_environment
