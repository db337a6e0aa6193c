"""Text of anybody's making inside HTML: it is shown, and does nothing."""

from __future__ import annotations

import html
import json
from typing import Any

from overnight.core import text

_IN_SCRIPT = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def escaped(shown: str, *, keep: str = "") -> str:
    """For element content and quoted attributes; marks that turn or hide text are written out."""
    return html.escape(text.printable(shown, keep=keep), quote=True)


def data(value: Any) -> str:
    """JSON that cannot end the script element it stands in. Raises ValueError for NaN."""
    written = json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    for character, code in _IN_SCRIPT.items():
        written = written.replace(character, code)
    return written
