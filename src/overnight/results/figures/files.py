"""A plot as the bytes of a file, which do not tell when they were made, so as to be compared."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

from overnight.core import errors
from overnight.results.figures import style
from overnight.results.traces import Plot

FORMATS = ("png", "pdf", "svg")
# What would change with the day or the version of matplotlib.
_METADATA: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "pdf": {"Creator": None, "Producer": None, "CreationDate": None},
    "svg": {"Creator": None, "Date": None},
}


def figure(plot: Plot, path: Path, *, columns: int = 1) -> bytes:
    """What belongs into `path`, by its ending; UsageError for one that is none of `FORMATS`.

    `columns`: 1 for a column of a paper, 2 for its whole width.
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise errors.UsageError(
            f"no figure can be written to {path}: {path.suffix or 'no ending'} is not known",
            hint="-o NAME.pdf, .svg, .png or .html",
        )
    return rendered(plot, kind, columns)


def rendered(plot: Plot, kind: str, columns: int = 1) -> bytes:
    """The bytes of the file."""
    import matplotlib

    from overnight.results.figures import drawing

    buffer = io.BytesIO()
    settings: Any = style.SETTINGS
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        # a name in letters that the font does not have is drawn with boxes
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        drawn = drawing.figure(plot, columns)
        drawn.savefig(buffer, format=kind, dpi=style.DPI, metadata=_METADATA[kind])
    return buffer.getvalue()
