"""A plot as a file. Nothing in it tells when it was made, so that figures can be compared."""

from __future__ import annotations

import io
import os
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


def write(plot: Plot, path: Path, *, columns: int = 1) -> None:
    """`columns`: 1 for a column of a paper, 2 for its whole width. Raises UsageError."""
    kind = path.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise errors.UsageError(
            f"no figure can be written to {path}: {path.suffix or 'no ending'} is not known",
            hint="-o NAME.pdf, .svg, .png or .html",
        )
    publish(path, rendered(plot, kind, columns))


def publish(path: Path, content: bytes) -> None:
    """The file is there whole or not at all. Raises UsageError."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    except OSError as error:
        raise errors.UsageError(
            f"{path} cannot be written: {error.strerror}", hint="another -o PATH"
        ) from error


def rendered(plot: Plot, kind: str, columns: int = 1) -> bytes:
    """The bytes of the file."""
    import matplotlib

    from overnight.results.figures import drawing

    buffer = io.BytesIO()
    settings: Any = style.SETTINGS
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        # a name in letters that the font does not have is drawn with boxes
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = drawing.figure(plot, columns)
        figure.savefig(buffer, format=kind, dpi=style.DPI, metadata=_METADATA[kind])
    return buffer.getvalue()
