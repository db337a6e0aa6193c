"""Whether whoever reads can show more than ASCII."""

from __future__ import annotations

from collections.abc import Mapping


def is_plain(encoding: str | None, environ: Mapping[str, str], *, is_terminal: bool) -> bool:
    """True where only ASCII is sure to be shown: another encoding than UTF-8, a dumb terminal."""
    name = (encoding or "").lower().replace("-", "").replace("_", "")
    is_dumb = is_terminal and environ.get("TERM", "") in ("", "dumb")
    return name not in ("utf8", "utf8sig") or is_dumb
