"""Where the values of a TOML file stand."""

from __future__ import annotations

from overnight.core import toml_places
from overnight.core.config_text import Document, Scalar
from overnight.core.unclear import UnclearError


def read(text: str) -> Document:
    """Raises `UnclearError` where `text` is not TOML."""
    import tomllib

    try:
        tomllib.loads(text)
        spans = toml_places.spans(text)
    except ValueError as error:
        raise UnclearError(f"not TOML: {error}") from None
    return Document(
        scalars={
            tuple(map(str, place)): Scalar(start, end, text[start:end])
            for place, (start, end) in spans.items()
        }
    )
