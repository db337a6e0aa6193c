"""Where a training writes: the folders and files that its code names literally.

Only what is inside the project can be an output; a folder that holds the project's own files is
none.
"""

from __future__ import annotations

import ast
import dataclasses
import posixpath
from collections.abc import Iterator, Sequence

from overnight.code import sources, syntax
from overnight.core import config_kinds as kinds

_PATH_FIRST = {
    "np.savez", "numpy.savez", "np.savez_compressed", "np.save", "numpy.save", "os.makedirs",
    "os.mkdir", "SummaryWriter", "plt.savefig", "save_pretrained", "to_csv", "savefig",
    "save_model", "save_weights", "ensure_dir", "makedirs",
}  # fmt: skip
_PATH_SECOND = {"torch.save", "joblib.dump", "save_image", "imwrite"}
_BY_NAME = (
    "output_dir", "default_root_dir", "log_dir", "logdir", "save_dir", "dirpath", "filepath",
    "checkpoint_dir",
)  # fmt: skip
_TAKES_FOLDER = {
    "Trainer", "TrainingArguments", "Seq2SeqTrainingArguments", "SummaryWriter", "CSVLogger",
    "TensorBoardLogger", "ModelCheckpoint", "TensorBoard",
}  # fmt: skip
_NOT_RESULTS = {"data", "dataset", "datasets", "cache", ".cache", "tmp", "temp", "wandb", "src"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Output:
    path: str
    place: str


def find(project: sources.Project, modules: Sequence[sources.Module]) -> list[Output]:
    """The top folder (or the file) of each literal path that is written, without repetitions."""
    found: dict[str, Output] = {}
    for module in modules:
        on_request = _on_request(module)
        for call in syntax.calls(module.tree):
            if id(call) in on_request:
                continue
            for node in _paths(call, module):
                top = top_of(project, _start(node, module))
                if top:
                    found.setdefault(top, Output(path=top, place=module.place(call)))
    return list(found.values())


def _on_request(module: sources.Module) -> set[int]:
    """The calls under `if args.save_model:`: not every training makes them."""
    return {
        id(call)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Attribute)
        for statement in node.body
        for call in syntax.calls(statement)
    }


def top_of(project: sources.Project, path: str) -> str:
    """`runs` of `./runs/exp1/`; empty where it is no place for results inside the project."""
    if "\\" in path or "${" in path or kinds.text_problem("", path) is not None:
        return ""
    normal = posixpath.normpath(path)
    if kinds.inside_advice(normal) is not None:
        return ""
    parts = normal.split("/")
    if parts[0].lower() in _NOT_RESULTS:
        return ""
    prefixes = ("/".join(parts[: depth + 1]) for depth in range(len(parts)))
    return next((each for each in prefixes if not _holds_code(project, each)), "")


def _holds_code(project: sources.Project, folder: str) -> bool:
    return any(path.startswith(f"{folder}/") or path == folder for path in project.python_files)


def _paths(call: ast.Call, module: sources.Module) -> Iterator[ast.expr]:
    name, last = syntax.dotted(call.func), syntax.last_name(call.func)
    if name in _PATH_FIRST or last in _PATH_FIRST:
        yield from call.args[:1]
    elif name in _PATH_SECOND or last in _PATH_SECOND:
        yield from call.args[1:2]
    elif name == "open" and _is_writing(call, module):
        yield from call.args[:1]
    elif last == "mkdir" and isinstance(call.func, ast.Attribute):
        yield call.func.value
    if last in _TAKES_FOLDER:
        yield from (each.value for each in call.keywords if each.arg in _BY_NAME)


def _is_writing(call: ast.Call, module: sources.Module) -> bool:
    mode = syntax.value(syntax.argument(call, 1, "mode"), module)
    return isinstance(mode, str) and mode[:1] in ("w", "a", "x")


def _start(node: ast.expr, module: sources.Module) -> str:
    """The part of a path that is known: whole, or up to the last "/" before what is computed."""
    known = syntax.value(node, module)
    if isinstance(known, str):
        return known
    if isinstance(node, ast.Name) and node.id in module.constants:
        return _start(module.constants[node.id], module)
    if isinstance(node, ast.JoinedStr) and node.values:
        head = node.values[0]
        text = head.value if isinstance(head, ast.Constant) else ""
        return text.rpartition("/")[0] if isinstance(text, str) else ""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.Add):
        head_text = _start(node.left, module)
        return head_text if isinstance(node.op, ast.Div) else head_text.rpartition("/")[0]
    if isinstance(node, ast.Call):
        return _start_of_call(node, module)
    return ""


def _start_of_call(node: ast.Call, module: sources.Module) -> str:
    """`os.path.join("runs", x)`, `Path("runs")`, `"runs/{}".format(x)` and the like."""
    last = syntax.last_name(node.func)
    if last in ("join", "Path", "PurePath", "abspath", "realpath", "str") and node.args:
        return _start(node.args[0], module)
    if last in ("joinpath", "resolve", "absolute") and isinstance(node.func, ast.Attribute):
        return _start(node.func.value, module)
    if last == "format" and isinstance(node.func, ast.Attribute):
        text = syntax.value(node.func.value, module)
        return text.partition("{")[0].rpartition("/")[0] if isinstance(text, str) else ""
    return ""
