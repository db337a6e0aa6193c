"""Text of others (names of runs, metrics and settings) made harmless, one function a language."""

from __future__ import annotations

import re
import unicodedata

from overnight.core import text

# -- Markdown ---------------------------------------------------------------------------------

_MARKED = re.compile(r"([\\|*_`~\[\]$])")
_LINE_START = re.compile(r"^(\s*)([#+\-=>]|\d+[.)])")


def markdown(shown: str) -> str:
    """For a cell or the middle of a line: no emphasis, code, link, image, tag or address acts."""
    escaped = _MARKED.sub(r"\\\1", text.printable(shown).replace("&", "&amp;"))
    escaped = escaped.replace("<", "&lt;").replace("://", "&#58;//").replace("@", "&#64;")
    return re.sub(r"\b(www)\.", r"\1&#46;", escaped, flags=re.IGNORECASE)


def markdown_line(shown: str) -> str:
    """For the beginning of a line, where a heading, list or quotation could start."""
    return _LINE_START.sub(r"\1\\\2", markdown(shown))


# -- CSV --------------------------------------------------------------------------------------


def csv_text(shown: str) -> str:
    """A cell of text that no spreadsheet takes for a formula. Numbers do not come this way."""
    acts = shown[:1] in ("\t", "\r") or shown.lstrip()[:1] in ("=", "+", "-", "@")
    return text.printable(f"'{shown}" if acts else shown)


# -- LaTeX ------------------------------------------------------------------------------------

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\ensuremath{<}",
    ">": r"\ensuremath{>}",
    "|": r"\ensuremath{|}",
    '"': "''",
    "`": r"\`{}",
    "\u00b1": r"\ensuremath{\pm}",
    "\u00d7": r"\ensuremath{\times}",
    "\u00b7": r"\ensuremath{\cdot}",
    "\u2192": r"\ensuremath{\rightarrow}",
    "\u2264": r"\ensuremath{\leq}",
    "\u2265": r"\ensuremath{\geq}",
    "\u2248": r"\ensuremath{\approx}",
    "\u2212": r"\ensuremath{-}",
    "\u221e": r"\ensuremath{\infty}",
    "\u00b0": r"\ensuremath{^\circ}",
    "\u2020": r"\ensuremath{^\dagger}",
    "\u2021": r"\ensuremath{^\ddagger}",
    "\u2013": "--",
    "\u2014": "---",
    "\u2026": r"\ldots{}",
    "\u2018": r"\`{}",
    "\u2019": "'",
    "\u201c": "``",
    "\u201d": "''",
    "\u00a0": "~",
    "\u00b5": r"\ensuremath{\mu}",
    "\u00df": r"\ss{}",
    "\u00f8": r"\o{}",
    "\u00d8": r"\O{}",
    "\u00e6": r"\ae{}",
    "\u00c6": r"\AE{}",
    "\u0142": r"\l{}",
    "\u0141": r"\L{}",
}
_GREEK = re.compile(r"GREEK (SMALL|CAPITAL) LETTER ([A-Z]+)")
_CAPITAL = frozenset(
    ("gamma", "delta", "theta", "lambda", "xi", "pi", "sigma", "upsilon", "phi", "psi", "omega")
)
_SMALL = _CAPITAL | {
    *("alpha", "beta", "epsilon", "zeta", "eta", "iota", "kappa", "mu", "nu", "rho", "tau", "chi"),
}
_ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0308": '"', "\u0304": "=",
    "\u0306": "u", "\u0307": ".", "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0327": "c",
}  # fmt: skip
_BREAKS = "_/=,-."
LONG_WORD = 24


def latex(shown: str) -> str:
    """Text that compiles under pdflatex with no package, and shows what it is.

    What the standard fonts do not have is named by its code. Within a long word a line may end
    after `_`, `/` and the like.
    """
    return " ".join(_latex_word(word) for word in text.printable(shown).split(" "))


def _latex_word(word: str) -> str:
    if word == "->":
        return _LATEX["\u2192"]
    parts: list[str] = []
    for character in word:
        written = _latex_of(character)
        if character in "-'," and parts and parts[-1].endswith(character):
            written = "{}" + written  # two of them would become another character
        if character in _BREAKS and len(word) > LONG_WORD:
            written += r"\allowbreak{}"
        parts.append(written)
    return "".join(parts)


def _latex_of(character: str) -> str:
    known = _LATEX.get(character)
    if known is not None:
        return known
    if " " <= character <= "~":
        return character
    return _greek(character) or _accented(character) or f"[U+{ord(character):04X}]"


def _greek(character: str) -> str:
    found = _GREEK.fullmatch(unicodedata.name(character, ""))
    if found is None:
        return ""
    name = found[2].lower().replace("lamda", "lambda")
    is_small = found[1] == "SMALL"
    if name not in (_SMALL if is_small else _CAPITAL):
        return ""
    return rf"\ensuremath{{\{name if is_small else name.capitalize()}}}"


def _accented(character: str) -> str:
    """A Latin letter with one accent; "" for what needs another encoding of the font."""
    parts = list(unicodedata.normalize("NFD", character))
    if len(parts) != 2 or not (parts[0].isascii() and parts[0].isalpha()):
        return ""
    accent = _ACCENTS.get(parts[1])
    stem = rf"\{parts[0]}" if parts[0] in "ij" else parts[0]
    return rf"\{accent}{{{stem}}}" if accent else ""
