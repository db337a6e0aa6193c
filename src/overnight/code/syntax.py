"""Small questions to a syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any, Final

from overnight.code import sources

UNKNOWN: Final = object()
"""The value of an expression that only running the code would tell."""


def dotted(node: ast.AST | None) -> str:
    """`torch.save` for such an expression; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value) or '?'}.{node.attr}"
    return ""


def last_name(node: ast.AST | None) -> str:
    """`save` of `torch.save`, `fit` of `Trainer(...).fit`."""
    return dotted(node).rpartition(".")[2]


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((each.value for each in call.keywords if each.arg == name), None)


def argument(call: ast.Call, position: int, name: str) -> ast.expr | None:
    """An argument that may be given by position or by name."""
    if len(call.args) > position:
        return call.args[position]
    return keyword(call, name)


def value(node: ast.AST | None, module: sources.Module, depth: int = 4) -> Any:
    """The plain value of an expression: literals, arithmetic and constants of the module.

    UNKNOWN for everything else, also where there is no expression.
    """
    if node is None or depth == 0:
        return UNKNOWN
    if isinstance(node, ast.Name):
        return value(module.constants.get(node.id), module, depth - 1)
    if isinstance(node, ast.BinOp):
        left, right = (value(side, module, depth - 1) for side in (node.left, node.right))
        return _arithmetic(node.op, left, right)
    if isinstance(node, ast.Call) and last_name(node.func) in ("Path", "PurePath", "str", "int"):
        return value(node.args[0], module, depth - 1) if len(node.args) == 1 else UNKNOWN
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return UNKNOWN


def _arithmetic(operator: ast.operator, left: Any, right: Any) -> Any:
    if isinstance(operator, ast.Div) and isinstance(right, str):
        return f"{left}/{right}" if isinstance(left, str) else right  # ROOT / "runs": a path
    if type(left) is not int or type(right) is not int:
        return UNKNOWN
    if isinstance(operator, ast.Mult):
        return left * right
    if isinstance(operator, ast.Add):
        return left + right
    if isinstance(operator, ast.FloorDiv) and right:
        return left // right
    return UNKNOWN


def is_main_guard(node: ast.AST) -> bool:
    """`if __name__ == "__main__":`."""
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Compare)
        and any(dotted(part) == "__name__" for part in (node.test.left, *node.test.comparators))
    )


def without_main(tree: ast.Module) -> Iterator[ast.AST]:
    """Every node that importing the module could reach."""
    for node in tree.body:
        if not is_main_guard(node):
            yield from ast.walk(node)


def strings(tree: ast.AST) -> Iterator[tuple[ast.Constant, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node, node.value
