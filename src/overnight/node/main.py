"""The verbs of the node: pipe, supervise, watch (and small ones, which these start)."""

from __future__ import annotations

import importlib
import sys

VERBS = ("pipe", "supervise", "watch", "describe", "linger", "deliver", "job")


def main() -> None:
    verb, *arguments = sys.argv[1:]
    if verb not in VERBS:
        sys.exit(f"overnight node: unknown verb {verb!r}; known: {', '.join(VERBS)}")
    importlib.import_module(f"overnight.node.{verb}").main(*arguments)
