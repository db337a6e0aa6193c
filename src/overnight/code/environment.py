"""Which environment a project asks for, by the files that describe one."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Iterator
from typing import Any

from overnight.code import sources
from overnight.core import command
from overnight.core import config_kinds as kinds

_CONDA_FILES = (
    "environment.yml", "environment.yaml", "env.yml", "env.yaml", "conda.yml", "conda.yaml",
)  # fmt: skip
_NAME = re.compile(r"^name\s*:\s*(['\"]?)(?P<name>[^'\"#\n]+?)\1\s*(?:#.*)?$", re.MULTILINE)
_VENVS = (".venv", "venv", "env")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Environment:
    """`kind` is conda, venv or uv; `name` the environment's name or folder; `why` the evidence."""

    kind: str
    name: str
    why: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Found:
    """`chosen` is None where nothing can be activated; then `question` says what to write."""

    chosen: Environment | None
    others: tuple[Environment, ...] = ()
    question: str = ""


def find(project: sources.Project) -> Found:
    """A lock file of uv says most, then a conda file, then a folder that happens to lie here."""
    candidates = [*_uv(project), *_conda(project), *_venv(project)]
    if candidates:
        return Found(chosen=candidates[0], others=tuple(candidates[1:]))
    return Found(chosen=None, question=_question(project))


def _uv(project: sources.Project) -> Iterator[Environment]:
    if project.has("uv.lock"):
        yield Environment(kind="uv", name="", why="uv.lock")
    elif "uv" in _table(pyproject(project), "tool"):
        yield Environment(kind="uv", name="", why="[tool.uv] in pyproject.toml")


def _conda(project: sources.Project) -> Iterator[Environment]:
    for path in _CONDA_FILES:
        if path in project.files:
            match = _NAME.search(project.text(path) or "")
            name = match["name"].strip() if match else ""
            if name and kinds.text_problem("", name) is None:
                yield Environment(kind="conda", name=name, why=f"the name in {path}")


def _venv(project: sources.Project) -> Iterator[Environment]:
    for folder in _VENVS:
        if project.has(f"{folder}/pyvenv.cfg"):
            why = f"the folder {folder}, which has to exist on the server too"
            yield Environment(kind="venv", name=folder, why=why)


def _question(project: sources.Project) -> str:
    seen = [path for path in project.files if re.fullmatch(r"requirements[\w.-]*\.txt", path)]
    if project.has("poetry.lock") or "poetry" in _table(pyproject(project), "tool"):
        seen.append("poetry.lock" if project.has("poetry.lock") else "[tool.poetry]")
    if project.has("setup.py") or pyproject(project).get("project"):
        seen.append("setup.py" if project.has("setup.py") else "pyproject.toml")
    named = f" ({', '.join(map(command.visible, seen[:3]))} seen)" if seen else ""
    return (
        f"no environment to activate was found{named}: make one on the server and write "
        'env = { conda = "NAME" } or env = { venv = "/full/path" }'
    )


def pyproject(project: sources.Project) -> dict[str, Any]:
    """pyproject.toml; empty where there is none or it is not TOML."""
    if "pyproject.toml" not in project.files:
        return {}
    try:
        return tomllib.loads(project.text("pyproject.toml") or "")
    except (ValueError, RecursionError):
        project.problems.append("pyproject.toml: not read: it is not TOML")
        return {}


def is_package(project: sources.Project) -> bool:
    """Whether pyproject.toml makes the project installable."""
    return "project" in pyproject(project) or "poetry" in _table(pyproject(project), "tool")


def installed_scripts(project: sources.Project) -> dict[str, str]:
    """Module -> name of the command, from [project.scripts]."""
    scripts = _table(_table(pyproject(project), "project"), "scripts")
    return {str(target).partition(":")[0]: name for name, target in scripts.items()}


def _table(data: dict[str, Any], key: str) -> dict[str, Any]:
    found = data.get(key)
    return found if isinstance(found, dict) else {}
