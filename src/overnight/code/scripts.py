"""Which file is the training: every Python file that could be is given points, with reasons."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Mapping, Sequence

from overnight.code import documented, sources, syntax
from overnight.core import command

_NAMES = (  # pattern of the file's name without .py, points
    (re.compile(r"train(ing)?"), 50),
    (
        re.compile(
            r"(.*[^a-z])?(pre)?train(er|ing)?([^a-z].*)?|(.*[^a-z])?(fine[_-]?tun|pretrain).*"
        ),
        40,
    ),
    (re.compile(r"main|run|__main__"), 30),
    (re.compile(r"(run|main|fit|learn|experiment|exp|sft|dpo)([^a-z].*)?"), 25),
)
_OTHER_WORK = re.compile(
    r"(^|_)(test|tests|eval|evaluate|evaluation|infer|inference|predict|val|validate|sample|demo|"
    r"export|setup|conftest|hubconf|prepare|preprocess|download|convert|plot|visuali[sz]e|serve|"
    r"benchmark|bench|generate|utils?|helpers?|tokenizer)(_|\.py$)"
)
_OTHER_PLACES = {
    "tests",
    "test",
    "docs",
    "doc",
    "notebooks",
    "benchmarks",
    "tools",
    "utils",
    "legacy",
}
_LIBRARIES = {
    "torch", "lightning", "pytorch_lightning", "transformers", "accelerate", "keras", "tensorflow",
    "sklearn", "jax", "flax", "xgboost", "lightgbm", "trl", "timm", "numpy",
}  # fmt: skip
_TRAINS = {
    "backward", "fit", "fit_one_cycle", "train", "train_step", "train_one_epoch", "Trainer",
    "LightningCLI",
}  # fmt: skip
_THRESHOLD = 45
_MAX_PARSED = 400


@dataclasses.dataclass(frozen=True, kw_only=True)
class Candidate:
    path: str
    points: int
    reasons: tuple[str, ...]


def ranked(
    project: sources.Project,
    shown: Sequence[documented.Command],
    installed: Mapping[str, str],
) -> list[Candidate]:
    """The files that look like a training, best first. `installed`: module -> script's name."""
    plausible = [path for path in project.python_files if _is_plausible(project, path, shown)]
    found = [_judged(project, path, shown, installed) for path in plausible[:_MAX_PARSED]]
    return sorted(
        (each for each in found if each is not None and each.points >= _THRESHOLD),
        key=lambda each: (-each.points, each.path.count("/"), each.path),
    )


def _is_plausible(project: sources.Project, path: str, shown: Sequence[documented.Command]) -> bool:
    """Cheap, before anything is parsed."""
    name = path.rpartition("/")[2]
    if name == "__init__.py":
        return False
    if _name_points(name) or any(each.script == path for each in shown):
        return True
    return path.count("/") <= 1 and "__main__" in (project.text(path) or "")


def _name_points(name: str) -> int:
    stem = name.lower().removesuffix(".py")
    return next((points for pattern, points in _NAMES if pattern.fullmatch(stem)), 0)


def _judged(
    project: sources.Project,
    path: str,
    shown: Sequence[documented.Command],
    installed: Mapping[str, str],
) -> Candidate | None:
    module = project.module(path)
    if module is None:
        return None
    name = path.rpartition("/")[2]
    judgements = [
        (_name_points(name), f"the name {command.visible(name)}"),
        (20 * _runs(module), "it runs when started"),
        (15 * bool(_imports(module) & _LIBRARIES), "it imports a training library"),
        (20 * _trains(module), "it trains a model"),
        *_shown_points(path, shown),
        (15 * (_module_name(path) in installed), "pyproject.toml installs it"),
        (-40 * bool(_OTHER_WORK.search(name.lower())), ""),
        (-40 * bool(_OTHER_PLACES & set(path.split("/")[:-1])), ""),
        (-4 * path.count("/"), ""),
    ]
    return Candidate(
        path=path,
        points=sum(points for points, _ in judgements),
        reasons=tuple(why for points, why in judgements if points > 0),
    )


def _shown_points(path: str, shown: Sequence[documented.Command]) -> list[tuple[int, str]]:
    """A command in the README counts; the first script that it shows counts a little more."""
    mine = next((each for each in shown if each.script == path), None)
    if mine is None:
        return []
    first = 5 if mine is shown[0] else 0
    return [((20 if "/" in mine.place else 25) + first, f"{mine.place} runs it")]


def _module_name(path: str) -> str:
    return path.removesuffix(".py").removeprefix("src/").replace("/", ".")


def _imports(module: sources.Module) -> set[str]:
    names = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def _runs(module: sources.Module) -> int:
    """1 with a main guard or work at the top level; -1 for a file that only defines things."""
    if any(_is_work(node) for node in module.tree.body):
        return 1
    plain = (ast.For, ast.While, ast.With)
    return 0 if any(isinstance(node, plain) for node in module.tree.body) else -1


def _is_work(node: ast.stmt) -> bool:
    if syntax.is_main_guard(node) or isinstance(node, ast.While | ast.For):
        return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return syntax.last_name(node.value.func) in ("main", "train", "run", "fit", "app", "cli")
    return False


def _trains(module: sources.Module) -> bool:
    return any(syntax.last_name(call.func) in _TRAINS for call in syntax.calls(module.tree))
