"""How a training goes on from a checkpoint: by a flag, by itself, or not at all.

A flag counts by its name (`--resume PATH`), by what its help says, or because the code hands its
value to `ckpt_path=`. "By itself" needs clear evidence in the code.
"""

from __future__ import annotations

import ast
import dataclasses
import re
import shlex
from collections.abc import Iterator, Sequence

from overnight.code import frameworks, sources, syntax
from overnight.code.options import Option
from overnight.core import knobs

_NAMES = (
    "resume_from_checkpoint", "resume_from", "resume_checkpoint", "resume_ckpt", "resume_path",
    "resume_file", "resume_training", "resume", "restore_checkpoint", "restore_from", "restore",
    "continue_from", "continue_training", "continue_train",
)  # fmt: skip
_AUTO_NAMES = ("auto_resume", "autoresume")
_WEAK_NAMES = (  # may be weights to start from, or where to write: their help must say
    "ckpt_path", "checkpoint_path", "checkpoint", "ckpt", "load_checkpoint", "load_ckpt",
    "load_from", "load_path", "load", "restart_from", "start_from", "init_from",
)  # fmt: skip
_SAYS_RESUME = re.compile(r"resum|continu|restart|restor", re.IGNORECASE)
_HANDED_TO = ("ckpt_path", "resume_from_checkpoint")
_LOADERS = {"torch.load", "np.load", "numpy.load", "joblib.load"}
_SAVERS = {"torch.save", "np.savez", "numpy.savez", "np.savez_compressed", "joblib.dump"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resume:
    """`template` is for `knobs.resume_argv`; None where it is not known, and `why` says so."""

    template: str | None
    why: str


def find(
    framework: frameworks.Framework, script: sources.Module, near: Sequence[sources.Module]
) -> Resume:
    if framework.name == frameworks.HF and framework.from_arguments:
        return _hf(framework, [script, *near])
    return (
        _handed_over(framework, [script, *near])
        or _by_name(framework.options)
        or _word(framework.options, script)
        or _by_itself([script, *near])
        or Resume(template=None, why="no flag to resume from a checkpoint was found")
    )


# --- by a flag ---------------------------------------------------------------------------------


def _by_name(options: Sequence[Option]) -> Resume | None:
    for name in _AUTO_NAMES:
        for option in options:
            if name in option.names and option.kind in ("switch", "bool"):
                return _switch(option, is_auto=True)
    for name in _NAMES:
        for option in options:
            if name in option.names:
                return _flag(option)
    for option in options:
        if option.names & set(_WEAK_NAMES) and _SAYS_RESUME.search(option.help):
            return _flag(option)
    return None


def _flag(option: Option) -> Resume:
    if option.kind in ("switch", "bool"):
        return _switch(option, is_auto=False)
    if option.kind in ("int", "float"):
        return Resume(
            template=None, why=f"{option.flag} takes a number, not a checkpoint ({option.place})"
        )
    return Resume(template=_path_template(option), why=f"{option.flag} ({option.place})")


def _path_template(option: Option) -> str:
    place = knobs.CHECKPOINT_PLACE
    if not option.flag.startswith("-"):
        # Hydra reads `=` in a value as grammar; its own quotes keep epoch=3.ckpt whole
        return f"{option.flag}=\"'{place}'\""
    return f"{option.flag}{option.glue}{place}"


def _switch(option: Option, *, is_auto: bool) -> Resume:
    if is_auto and option.default is True:
        return Resume(template="auto", why=f"{option.flag} is on by default ({option.place})")
    words = [option.flag] if option.kind == "switch" else option.words("True")
    return Resume(template=shlex.join(words), why=f"the switch {option.flag} ({option.place})")


def _handed_over(
    framework: frameworks.Framework, modules: Sequence[sources.Module]
) -> Resume | None:
    """`trainer.fit(model, ckpt_path=args.checkpoint)`: that option resumes."""
    for module in modules:
        for call in syntax.calls(module.tree):
            if syntax.last_name(call.func) not in ("fit", "train", "Trainer"):
                continue
            for name in _HANDED_TO:
                wanted = _setting(syntax.keyword(call, name))
                for option in framework.options:
                    if wanted and option.destination in (wanted, wanted.rpartition(".")[2]):
                        return _flag(option)
    if framework.name == frameworks.LIGHTNING_CLI:
        return next((_flag(each) for each in framework.options if each.flag == "--ckpt_path"), None)
    return None


def _setting(node: ast.AST | None) -> str:
    """`a.b` of `args.a.b`, `cfg.get("a")` and `cfg["a"]`; `a` of the plain name `a`."""
    if isinstance(node, ast.Call) and syntax.last_name(node.func) == "get" and node.args:
        node = node.args[0]
    if isinstance(node, ast.Subscript):
        node = node.slice
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.IfExp | ast.BoolOp):
        return _setting(node.body if isinstance(node, ast.IfExp) else node.values[0])
    name = syntax.dotted(node)
    return name.partition(".")[2] or name


def _word(options: Sequence[Option], script: sources.Module) -> Resume | None:
    """`if init_from == "resume"`: the option that takes that word."""
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Compare) and len(node.comparators) == 1:
            word = syntax.value(node.comparators[0], script)
            if word == "resume" and isinstance(node.ops[0], ast.Eq):
                wanted = syntax.last_name(node.left)
                for option in options:
                    if option.destination == wanted and wanted:
                        why = f"{option.flag} takes the word resume ({script.place(node)})"
                        return Resume(template=shlex.join(option.words("resume")), why=why)
    return None


# --- by itself ---------------------------------------------------------------------------------


def _by_itself(modules: Sequence[sources.Module]) -> Resume | None:
    """`if exists(P): load(P)` where the same P is saved to: it finds its own checkpoint."""
    for module in modules:
        saved = {ast.dump(node) for node in _saved_to(module)}
        for test in ast.walk(module.tree):
            if not isinstance(test, ast.If):
                continue
            for path in _existing(test.test):
                loads = any(ast.dump(node) == path for node in _loaded_from(test.body))
                if loads and path in saved:
                    why = f"it loads its own checkpoint where there is one ({module.place(test)})"
                    return Resume(template="auto", why=why)
    return None


def _existing(test: ast.expr) -> Iterator[str]:
    """P of `os.path.exists(P)` and `P.exists()`, where nothing else decides."""
    if isinstance(test, ast.Call):
        name = syntax.last_name(test.func)
        if name in ("exists", "isfile", "is_file") and test.args:
            yield ast.dump(test.args[0])
        elif name in ("exists", "is_file") and isinstance(test.func, ast.Attribute):
            yield ast.dump(test.func.value)


def _loaded_from(body: Sequence[ast.stmt]) -> Iterator[ast.expr]:
    for statement in body:
        for call in syntax.calls(statement):
            if syntax.dotted(call.func) in _LOADERS and call.args:
                yield call.args[0]


def _saved_to(module: sources.Module) -> Iterator[ast.expr]:
    for call in syntax.calls(module.tree):
        name = syntax.dotted(call.func)
        if name in _SAVERS and call.args:
            is_numpy = name.startswith(("np.", "numpy."))
            yield call.args[0 if is_numpy or len(call.args) == 1 else 1]


# --- the Hugging Face Trainer ------------------------------------------------------------------


def _hf(framework: frameworks.Framework, modules: Sequence[sources.Module]) -> Resume:
    """`--resume_from_checkpoint` is only read by scripts that hand it to `trainer.train`."""
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute) and node.attr == "resume_from_checkpoint":
                return Resume(
                    template=f"--resume_from_checkpoint {knobs.CHECKPOINT_PLACE}",
                    why=f"--resume_from_checkpoint ({module.place(node)})",
                )
    for module in modules:
        for call in syntax.calls(module.tree):
            if syntax.last_name(call.func) == "get_last_checkpoint":
                return Resume(
                    template="auto", why=f"it calls get_last_checkpoint ({module.place(call)})"
                )
    return Resume(
        template=None,
        why=f"trainer.train() is not given resume_from_checkpoint ({framework.place})",
    )
