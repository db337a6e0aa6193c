r"""A comparison as a LaTeX table with booktabs, ready for a paper."""

from __future__ import annotations

import re
from collections.abc import Sequence

from overnight.results.comparison.arms import Comparison
from overnight.results.tables import content
from overnight.results.tables.escaping import latex

LONG = 30  # more characters than that get a box in which lines break
SHARE = 0.25  # of the line, for such a box, where few columns have one
REMARK, REMARK_SHARE = 20, 0.16
ROOM = 0.9  # of the line for all columns of a plain table, without what lies between them
CHARACTERS = 85  # of a line, on average
MEET = "r@{}l"  # two columns that meet at the decimal point
HEAD = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage{booktabs}
\usepackage[margin=2cm]{geometry}
\begin{document}
"""


def table(found: Comparison, *, standalone: bool = False) -> str:
    """A whole `table` with caption and label; `standalone`: a whole document around it.

    Needs the package booktabs and nothing else.
    """
    text = (
        "% needs \\usepackage{booktabs}; over two columns write table* for table\n"
        + "\n".join(environment(found))
        + "\n"
    )
    return f"{HEAD}{text}\\end{{document}}\n" if standalone else text


def environment(found: Comparison) -> list[str]:
    sheet = content.sheet(found)
    body = results(sheet) if found.metric is not None else []
    lines = [r"\begin{table}[t]", r"\centering", rf"\caption{{{caption(found)}}}"]
    lines += [rf"\label{{{label(found)}}}", r"\smallskip\small\setlength{\tabcolsep}{4pt}"]
    if sheet.differences:
        lines += [*grid(sheet.differences, "What differed"), r"\par\medskip"]
    lines += body
    if sheet.others:
        lines += [r"\par\medskip", *grid(sheet.others, "Other metrics")]
    said = [*sheet.footnotes, *([sheet.others.more] if sheet.others else []), *sheet.notes]
    lines += notes([each for each in said if each])
    return [*lines, r"\end{table}"]


def caption(found: Comparison) -> str:
    parts = [content.title(found) + "."]
    if found.metric is not None:
        parts.append(content.caption(found))
    return " ".join(latex(each) for each in parts if each)


def label(found: Comparison) -> str:
    """Letters, digits and hyphens of the metric and the sweep."""
    of = f"{found.sweep.name}-" if found.sweep else ""
    name = re.sub(r"[^A-Za-z0-9]+", "-", f"{of}{found.metric or 'comparison'}").strip("-")
    return f"tab:{name or 'comparison'}"


def notes(said: Sequence[str]) -> list[str]:
    if not said:
        return []
    lines = [latex(each) for each in said]
    inner = "\\\\\n".join(lines)
    return [rf"\par\smallskip\parbox{{\linewidth}}{{\footnotesize\raggedright {inner}}}"]


# -- the table of results ---------------------------------------------------------------------


def results(sheet: content.Sheet) -> list[str]:
    """Numbers are set in two columns that meet at the point."""
    rows = sheet.rows
    has_interval = any(each.interval for each in rows)
    has_difference = any(each.difference for each in rows)
    has_p = any(each.p for each in rows)
    has_remark = any(each.remark for each in rows)
    spec = "lr" + MEET
    spec += "l" * has_interval + MEET * has_difference + "l" * has_p
    spec += "l" * has_remark
    heads = ["", "$n$", rf"\multicolumn{{2}}{{c}}{{{head(sheet.metric)}}}"]
    heads += [r"95\,\%"] * has_interval
    heads += [rf"\multicolumn{{2}}{{c}}{{{head(sheet.to)}}}"] * has_difference
    heads += ["$p$"] * has_p + [""] * has_remark
    body = []
    for each in rows:
        cells = [strong(cell(each.label), each.is_top), latex(each.n)]
        cells += meeting(each.mean, each.spread, is_top=each.is_top)
        cells += [math(each.interval)] * has_interval
        if has_difference:
            cells += difference(each)
        cells += [math(each.p)] * has_p
        cells += [cell(each.remark, REMARK_SHARE, REMARK)] * has_remark
        body.append(" & ".join(cells) + r" \\")
    return tabular(spec, heads, body)


def tabular(spec: str, heads: Sequence[str], body: Sequence[str]) -> list[str]:
    return [
        rf"\begin{{tabular}}{{@{{}}{spec}@{{}}}}",
        r"\toprule",
        " & ".join(heads) + r" \\",
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
    ]


def cell(shown: str, share: float = SHARE, longest: int = LONG) -> str:
    """In several lines where it is long; a dash for what is not there."""
    if shown == "-":
        return "--"
    if len(shown) <= longest:
        return latex(shown)
    return rf"\parbox[t]{{{share:.2g}\linewidth}}{{\raggedright {latex(shown)}\strut}}"


def head(shown: str) -> str:
    """The whole name stands in the caption, or beside a number in CSV."""
    return latex(shown if len(shown) <= LONG else shown[: LONG - 1] + "\u2026")


def strong(shown: str, is_top: bool) -> str:
    return rf"\textbf{{{shown}}}" if is_top else shown


def meeting(mean: str, spread: str, *, is_top: bool = False) -> list[str]:
    """Two cells: what stands before the point, and the rest with its spread."""
    before, after = split("--" if mean == "-" else mean)
    more = rf"\,$\pm$\,{spread}" if spread else ""
    return [strong(math(before), is_top), strong(math(after) + more, is_top)]


def difference(row: content.Row) -> list[str]:
    if row.difference in ("", "best", "baseline"):
        return [rf"\multicolumn{{2}}{{c}}{{{row.difference or ''}}}"]
    before, after = split(row.difference)
    rest = f"{math(after)} {math(row.difference_interval)}".rstrip()
    return [math(before), rest]


def split(number: str) -> tuple[str, str]:
    found = re.fullmatch(r"([+-]?\d+)((?:\.\d+)?(?:e[+-]?\d+)?)", number)
    return (found.group(1), found.group(2)) if found else (number, "")


def math(shown: str) -> str:
    """Signs and powers of ten as mathematics sets them; bold digits stay text."""
    shown = re.sub(r"e([+-])0*(\d+)", lambda m: rf"$\times10^{{{minus(m[1])}{m[2]}}}$", shown)
    shown = re.sub(r"(?<![\w{])-(?=[\d.])", "$-$", shown)
    shown = re.sub(r"(?<![\w{])\+(?=[\d.])", "$+$", shown)
    return shown.replace("<", "$<$").replace("‡", r"$^\ddagger$")


def minus(sign: str) -> str:
    return "-" if sign == "-" else ""


# -- plain tables -----------------------------------------------------------------------------


def grid(found: content.Grid, title: str) -> list[str]:
    """Its long cells are so narrow that all columns fit."""
    share = min(SHARE, ROOM / len(found.header))
    longest = min(LONG, int(CHARACTERS * share))
    heads = [rf"\emph{{{title}}}", *(cell(each, share, longest) for each in found.header[1:])]
    body = [" & ".join(cell(each, share, longest) for each in row) + r" \\" for row in found.rows]
    return tabular("l" * len(heads), heads, body)
