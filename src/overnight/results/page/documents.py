"""The page itself: one file with its style and its script, which may not ask any network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from overnight.results.page.blocks import Block, together
from overnight.results.page.escaping import escaped

# The parts of the script, in their order; they share one scope.
SCRIPT = ("numbers", "data", "looks", "scales", "drawing", "cursor", "fingers", "chart", "page")


@dataclass(frozen=True)
class Section:
    """A heading, which may be empty, and what stands below it."""

    title: str
    blocks: Sequence[Block]


def document(title: str, sections: Sequence[Section], *, note: str = "") -> str:
    """A whole page. `note` stands small at its end: from when it is, and how it was made."""
    style, script = _asset("page.css"), _script()
    body = "".join(
        f'<section id="s{number}">{_heading(section)}{together(section.blocks)}</section>'
        for number, section in enumerate(sections, start=1)
    )
    foot = f"<footer>{escaped(note)}</footer>" if note else ""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(style, script)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        '<meta name="referrer" content="no-referrer">\n<link rel="icon" href="data:,">\n'
        f"<title>{escaped(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        f"<header><h1>{escaped(title)}</h1>{_contents(sections)}</header>\n"
        f"<main>{body}</main>\n{foot}<script>{script}</script>\n</body>\n</html>\n"
    )


def _heading(section: Section) -> str:
    return f"<h2>{escaped(section.title)}</h2>" if section.title else ""


def _contents(sections: Sequence[Section]) -> str:
    if sum(bool(section.title) for section in sections) < 3:
        return ""
    links = "".join(
        f'<a href="#s{number}">{escaped(section.title)}</a>'
        for number, section in enumerate(sections, start=1)
        if section.title
    )
    return f'<nav aria-label="Sections">{links}</nav>'


def _policy(style: str, script: str) -> str:
    """Only our own style and script, known by their hashes; nothing is loaded from anywhere."""
    return (
        f"default-src 'none'; style-src 'sha256-{_hash(style)}'; "
        f"script-src 'sha256-{_hash(script)}'; img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _script() -> str:
    parts = "\n".join(_asset("script", f"{name}.js") for name in SCRIPT)
    return f'"use strict";\n(() => {{\n{parts}}})();\n'


@cache
def _asset(*names: str) -> str:
    return resources.files(__package__ or "").joinpath(*names).read_text("utf-8")
