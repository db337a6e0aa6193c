"""The options of a script, read from the calls that declare them.

argparse, absl and click declare an option in one call; typer, Fire, tyro and the HF parser read
them from a function's parameters or a dataclass's fields (`declarations`). Sources: the
documentation of each library.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import Any

from overnight.code import declarations, options, sources, syntax
from overnight.code.options import Option

_SWITCHES = ("store_true", "store_false", "store_const", "count", "BooleanOptionalAction")
_ABSL: dict[str, options.Kind] = {
    "DEFINE_integer": "int",
    "DEFINE_float": "float",
    "DEFINE_string": "text",
    "DEFINE_bool": "bool",
    "DEFINE_boolean": "bool",
}
_ABOUT_ARGUMENTS = re.compile(r"arg|opt|pars|param|conf|cli|flag|setting", re.IGNORECASE)
_MAX_DEPTH = 3


def read(project: sources.Project, script: sources.Module) -> tuple[Option, ...]:
    """All options of `script`, positional arguments included (without dashes).

    Where the script declares none itself, the modules that it imports and that are about
    arguments are read (`from options import parse`), and what these import in turn.
    """
    found = list(_of_module(project, script, list(syntax.without_main(script.tree))))
    found += _of_module(project, script, _main_nodes(script))
    if not found:
        found = list(_of_imports(project, script, 0, {script.path}))
    unique = {option.spellings: option for option in found}
    return tuple(unique.values())


def _main_nodes(script: sources.Module) -> list[ast.AST]:
    guards = [node for node in script.tree.body if syntax.is_main_guard(node)]
    return [node for guard in guards for node in ast.walk(guard)]


def _of_imports(
    project: sources.Project, module: sources.Module, depth: int, seen: set[str]
) -> Iterator[Option]:
    if depth == _MAX_DEPTH:
        return
    for _node, name, path in list(project.imported(module)):
        if path in seen or not _ABOUT_ARGUMENTS.search(name):
            continue
        seen.add(path)
        imported = project.module(path)
        if imported is not None:
            # an imported module's own `main` reads another command line
            yield from _of_module(project, imported, syntax.without_main(imported.tree))
            yield from _of_imports(project, imported, depth + 1, seen)


def _of_module(
    project: sources.Project, module: sources.Module, nodes: Iterable[ast.AST]
) -> Iterator[Option]:
    for node in nodes:
        if isinstance(node, ast.Call):
            name = syntax.last_name(node.func)
            if name in ("add_argument", "add_arg"):
                yield from _argparse(node, module)
            elif name in _ABSL:
                yield from _absl(node, module, _ABSL[name])
            else:
                yield from declarations.of_call(project, module, node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _decorated(node, module)
    yield from declarations.of_globals(module)


def _argparse(call: ast.Call, module: sources.Module) -> Iterator[Option]:
    names = [syntax.value(each, module) for each in call.args]
    spellings = tuple(name for name in names if isinstance(name, str) and name)
    if not spellings:
        return
    dest = _text(syntax.keyword(call, "dest"), module)
    nargs = syntax.value(syntax.keyword(call, "nargs"), module)
    default = syntax.keyword(call, "default")
    yield Option(
        spellings=spellings,
        kind=_argparse_kind(call, module, nargs),
        default=None if default is None else syntax.value(default, module),
        required=_is_required(call, spellings, nargs, default, module),
        help=_text(syntax.keyword(call, "help"), module),
        place=module.place(call),
        destination=dest or options.normal(_long(spellings)),
    )


def _long(spellings: tuple[str, ...]) -> str:
    return next((each for each in spellings if each.startswith("--")), spellings[0])


def _argparse_kind(call: ast.Call, module: sources.Module, nargs: Any) -> options.Kind:
    action = syntax.keyword(call, "action")
    if _text(action, module) in _SWITCHES or syntax.last_name(action) in _SWITCHES:
        return "switch"
    if nargs in ("+", "*", "...") or type(nargs) is int:
        return "text"
    return kind_of_type(syntax.last_name(syntax.keyword(call, "type")))


def kind_of_type(name: str) -> options.Kind:
    """`int` for `int`, `positive_int` and `IntRange`; `text` for what is not known."""
    lower = name.lower()
    if "bool" in lower:
        return "bool"
    if re.search(r"(^|_)int|int$|intrange", lower):
        return "int"
    return "float" if "float" in lower else "text"


def _is_required(
    call: ast.Call,
    spellings: tuple[str, ...],
    nargs: Any,
    default: ast.expr | None,
    module: sources.Module,
) -> bool:
    if spellings[0].startswith("-"):
        return syntax.value(syntax.keyword(call, "required"), module) is True
    return default is None and nargs not in ("?", "*", "...") and not _is_remainder(call)


def _is_remainder(call: ast.Call) -> bool:
    return syntax.last_name(syntax.keyword(call, "nargs")) == "REMAINDER"


def _text(node: ast.AST | None, module: sources.Module) -> str:
    found = syntax.value(node, module)
    return found if isinstance(found, str) else ""


def _absl(call: ast.Call, module: sources.Module, kind: options.Kind) -> Iterator[Option]:
    name = _text(syntax.argument(call, 0, "name"), module)
    if name:
        yield Option(
            spellings=(f"--{name}",),
            kind=kind,
            default=syntax.value(syntax.argument(call, 1, "default"), module),
            glue="=",  # the one form that absl takes for every kind
            help=_text(syntax.argument(call, 2, "help"), module),
            place=module.place(call),
            destination=name,
        )


def _decorated(
    function: ast.FunctionDef | ast.AsyncFunctionDef, module: sources.Module
) -> Iterator[Option]:
    """`@click.option("--batch-size", "-b", default=64)` and `@click.argument("data")`."""
    for call in function.decorator_list:
        if not isinstance(call, ast.Call):
            continue
        names = [_text(each, module) for each in call.args]
        if syntax.last_name(call.func) == "option":
            yield from _click_option(call, module, names)
        elif syntax.last_name(call.func) == "argument" and names and names[0]:
            required = syntax.value(syntax.keyword(call, "required"), module) is not False
            optional = syntax.keyword(call, "default") is not None
            yield Option(
                spellings=(names[0],),
                required=required and not optional,
                place=module.place(call),
                destination=names[0],
            )


def _click_option(call: ast.Call, module: sources.Module, names: list[str]) -> Iterator[Option]:
    flags = tuple(name.partition("/")[0] for name in names if name.startswith("-"))
    if not flags:
        return
    default = syntax.keyword(call, "default")
    found = None if default is None else syntax.value(default, module)
    type_node = syntax.keyword(call, "type")
    if isinstance(type_node, ast.Call):
        type_node = type_node.func
    kind = kind_of_type(syntax.last_name(type_node))
    if type_node is None and type(found) in (int, float):  # click takes the default's type
        kind = "int" if type(found) is int else "float"
    if syntax.value(syntax.keyword(call, "is_flag"), module) is True or "/" in "".join(names):
        kind = "switch"
    yield Option(
        spellings=flags,
        kind=kind,
        default=found,
        required=syntax.value(syntax.keyword(call, "required"), module) is True,
        help=_text(syntax.keyword(call, "help"), module),
        place=module.place(call),
        destination=options.normal(_long(flags)),
    )
