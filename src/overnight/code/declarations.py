"""Options that a library reads from a function's parameters, a dataclass's fields or globals.

`typer.run(main)` and `@app.command()`, `fire.Fire(train)`, `tyro.cli(Config)`,
`HfArgumentParser((ModelArguments, …))`, and scripts whose globals are overwritten by
`--name=value` (the "configurator" of nanoGPT).
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator
from typing import Any, Literal

from overnight.code import options, sources, syntax
from overnight.code.options import Option

Dashes = Literal["as written", "dashed"]
_FROM_FUNCTION = {"typer.run": "dashed", "fire.Fire": "as written", "Fire": "as written"}
_FROM_CLASS: dict[str, Dashes] = {
    "HfArgumentParser": "as written",
    "TrlParser": "as written",
    "tyro.cli": "dashed",
}
_KINDS: dict[str, options.Kind] = {"int": "int", "float": "float", "bool": "switch"}


def of_call(project: sources.Project, module: sources.Module, call: ast.Call) -> Iterator[Option]:
    name = syntax.dotted(call.func)
    if name in _FROM_FUNCTION and call.args:
        function = _function(module, syntax.dotted(call.args[0]))
        if function is not None:
            yield from of_function(function, module, _FROM_FUNCTION[name] == "dashed")
    elif (style := _FROM_CLASS.get(name) or _FROM_CLASS.get(name.rpartition(".")[2])) is not None:
        for each in _named_classes(call):
            yield from of_class(project, module, each, style == "dashed")
    elif name.endswith(".command") and "import typer" in module.text:
        function = _decorated_by(module, call)
        if function is not None:
            yield from of_function(function, module, True)


def _function(module: sources.Module, name: str) -> ast.FunctionDef | None:
    functions = (node for node in module.tree.body if isinstance(node, ast.FunctionDef))
    return next((each for each in functions if each.name == name), None)


def _decorated_by(module: sources.Module, call: ast.Call) -> ast.FunctionDef | None:
    functions = (node for node in module.tree.body if isinstance(node, ast.FunctionDef))
    return next((each for each in functions if call in each.decorator_list), None)


def of_function(
    function: ast.FunctionDef, module: sources.Module, dashed: bool
) -> Iterator[Option]:
    """The parameters. One without default is positional and required."""
    positional = [*function.args.posonlyargs, *function.args.args]
    padding: list[ast.expr | None] = [None] * (len(positional) - len(function.args.defaults))
    pairs = [
        *zip(positional, [*padding, *function.args.defaults], strict=True),
        *zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True),
    ]
    for parameter, default in pairs:
        yield _from_declaration(
            parameter.arg, parameter.annotation, default, parameter, module, dashed
        )


def _from_declaration(
    name: str,
    annotation: ast.expr | None,
    default: ast.expr | None,
    node: ast.AST,
    module: sources.Module,
    dashed: bool,
) -> Option:
    """One parameter or field; `typer.Option(64, "-b")` and `field(default=64)` are looked into."""
    call = _option_call(annotation, default)
    given = _default(call) if call is not None and call is default else default
    value = syntax.value(given, module)
    required = given is None or value is ...
    return Option(
        spellings=_typer_flags(call, module) or (_flag(name, call, required, dashed),),
        kind=_kind(annotation, value),
        default=syntax.UNKNOWN if required else value,
        required=required,
        help=_help(call, module),
        place=module.place(node),
        destination=name,
    )


def _default(call: ast.Call) -> ast.expr | None:
    """What `typer.Option(...)` or `field(...)` says; None where the value must be given."""
    if _is_typer(call):
        return syntax.argument(call, 0, "default")
    return syntax.keyword(call, "default") or syntax.keyword(call, "default_factory")


def _flag(name: str, call: ast.Call | None, required: bool, dashed: bool) -> str:
    """Without dashes for what typer takes by position."""
    is_argument = call is not None and syntax.last_name(call.func) == "Argument"
    if dashed and (is_argument or (required and call is None)):
        return name
    return f"--{name.replace('_', '-')}" if dashed else f"--{name}"


def _option_call(annotation: ast.expr | None, default: ast.expr | None) -> ast.Call | None:
    if isinstance(default, ast.Call):
        name = syntax.last_name(default.func)
        return default if name in ("Option", "Argument", "field", "Field") else None
    if isinstance(annotation, ast.Subscript) and syntax.last_name(annotation.value) == "Annotated":
        return next((node for node in ast.walk(annotation) if isinstance(node, ast.Call)), None)
    return None


def _is_typer(call: ast.Call) -> bool:
    return syntax.last_name(call.func) in ("Option", "Argument")


def _typer_flags(call: ast.Call | None, module: sources.Module) -> tuple[str, ...]:
    if call is None or not _is_typer(call):
        return ()
    found = (syntax.value(each, module) for each in call.args)
    return tuple(each for each in found if isinstance(each, str) and each.startswith("-"))


def _help(call: ast.Call | None, module: sources.Module) -> str:
    if call is None:
        return ""
    found = syntax.value(syntax.keyword(call, "help"), module)
    metadata = syntax.value(syntax.keyword(call, "metadata"), module)
    if isinstance(metadata, dict):
        found = metadata.get("help")
    return found if isinstance(found, str) else ""


def _kind(annotation: ast.expr | None, default: Any) -> options.Kind:
    """By the annotation's first known name (`Optional[int]`, `int | None`), else the default."""
    for node in ast.walk(annotation) if annotation is not None else ():
        text = node.value if isinstance(node, ast.Constant) else syntax.dotted(node)
        if isinstance(text, str) and text in _KINDS:
            return _KINDS[text]
    if annotation is None:
        return _KINDS.get(type(default).__name__, "text")
    return "text"


# --- dataclasses -------------------------------------------------------------------------------


def _named_classes(call: ast.Call) -> list[str]:
    first = syntax.argument(call, 0, "dataclass_types")
    listed = first.elts if isinstance(first, ast.Tuple | ast.List) else [first]
    return [name for each in listed if (name := syntax.dotted(each))]


def of_class(
    project: sources.Project, module: sources.Module, name: str, dashed: bool, depth: int = 3
) -> Iterator[Option]:
    """The fields of a class of this project, those of its bases first."""
    found = find_class(project, module, name)
    if found is None or depth == 0:
        return
    home, node = found
    for base in node.bases:
        yield from of_class(project, home, syntax.dotted(base), dashed, depth - 1)
    for field in node.body:
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            option = _from_declaration(
                field.target.id, field.annotation, field.value, field, home, dashed
            )
            yield _as_flag(option, dashed)


def _as_flag(option: Option, dashed: bool) -> Option:
    name = option.destination.replace("_", "-") if dashed else option.destination
    return dataclasses.replace(option, spellings=(f"--{name}",))


def find_class(
    project: sources.Project, module: sources.Module, name: str
) -> tuple[sources.Module, ast.ClassDef] | None:
    """A class by its (dotted) name, in `module` or in what it imports from the project."""
    wanted = name.rpartition(".")[2]
    for home in (module, *_imported_modules(project, module)):
        for node in home.tree.body:
            if isinstance(node, ast.ClassDef) and node.name == wanted:
                return home, node
    return None


def _imported_modules(project: sources.Project, module: sources.Module) -> Iterator[sources.Module]:
    for _node, _name, path in list(project.imported(module)):
        imported = project.module(path)
        if imported is not None:
            yield imported


# --- globals -----------------------------------------------------------------------------------


def of_globals(module: sources.Module) -> Iterator[Option]:
    """Top-level `name = plain value` above `exec(open("configurator.py").read())`."""
    line = configurator_line(module)
    for node in module.tree.body if line else ():
        if node.lineno < line and isinstance(node, ast.Assign):
            name, found = syntax.dotted(node.targets[0]), syntax.value(node.value, module)
            if name and isinstance(found, bool | int | float | str):
                yield Option(
                    spellings=(f"--{name}",),
                    kind={bool: "bool", **_BY_TYPE}.get(type(found), "text"),
                    default=found,
                    glue="=",
                    place=module.place(node),
                    destination=name,
                )


_BY_TYPE: dict[type, options.Kind] = {int: "int", float: "float", str: "text"}


def configurator_line(module: sources.Module) -> int:
    """Where the command line overwrites the globals; 0 where it does not."""
    for node in module.tree.body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            call = node.value
            inner = call.args[0] if call.args else None
            is_read = isinstance(inner, ast.Call) and syntax.last_name(inner.func) == "read"
            if syntax.dotted(call.func) == "exec" and is_read:
                return node.lineno
    return 0
