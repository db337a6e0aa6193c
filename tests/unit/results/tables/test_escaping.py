"""Names of others act in no language."""

from __future__ import annotations

import csv as reader
import io

import pytest

from overnight.results.tables import csv, escaping, markdown
from tests.unit.results.tables import compared


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "  =1", " @", " -1"]
)
def test_no_formula_in_csv(text: str) -> None:
    """A spreadsheet shows it as text."""
    assert escaping.csv_text(text).startswith("'")


def test_csv_of_hostile_names() -> None:
    """It is read back as one row an arm, and every cell of text is tame."""
    header, *rows = reader.reader(io.StringIO(csv.table(compared.hostile())))
    assert len(rows) == 4
    assert all(len(row) == len(header) for row in rows)
    assert not [cell for row in [header, *rows] for cell in row if cell[:1] in tuple("=+@\t\r")]


def test_csv_has_plain_numbers() -> None:
    """As they were computed, negative ones too."""
    rows = list(reader.DictReader(io.StringIO(csv.table(compared.three()))))
    assert [row["arm"] for row in rows] == ["cosine", "step", "constant", "none"]
    assert float(rows[0]["mean"]) == pytest.approx(94.13667, abs=1e-5)
    assert float(rows[3]["difference"]) == -0.45
    assert [(row["n"], row["planned"], row["altered"]) for row in rows[:2]] == [
        ("3", "4", "cosine-s3"),
        ("2", "3", ""),
    ]
    assert rows[3]["sd"] == rows[3]["p"] == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b*c_d`e", r"a\|b\*c\_d\`e"),
        ("[x](http://evil)", r"\[x\](http&#58;//evil)"),
        ("<img src=x>", "&lt;img src=x>"),
        ("&lt;", "&amp;lt;"),
        ("www.evil.org me@b.c", "www&#46;evil.org me&#64;b.c"),
        ("a\nb\x1b", r"a\\nb\\x1b"),
        ("$x$ ~~y~~ \\|", r"\$x\$ \~\~y\~\~ \\\|"),
    ],
)
def test_markdown(text: str, shown: str) -> None:
    """Shown as it was written."""
    assert escaping.markdown(text) == shown


@pytest.mark.parametrize("text", ["# a", "- a", "+ a", "1. a", "> a", "=== a"])
def test_the_beginning_of_a_line_in_markdown(text: str) -> None:
    """Neither heading nor list."""
    assert escaping.markdown_line(text).startswith(("\\", "1\\"))


def test_markdown_of_hostile_names() -> None:
    """Each row has as many cells as its header."""
    lines = markdown.table(compared.hostile()).splitlines()
    bars = [line.replace(r"\\", "").replace(r"\|", "").count("|") for line in lines]
    assert set(bars) == {0, 3, 4, 7}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("50% & #1 _x^2 ~$", r"50\% \& \#1 \_x\textasciicircum{}2 \textasciitilde{}\$"),
        (r"\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
        ('<a> | "q"', r"\ensuremath{<}a\ensuremath{>} \ensuremath{|} ''q''"),
        ("--lr 1", "-{}-lr 1"),
        ("batch 64 -> 32", r"batch 64 \ensuremath{\rightarrow} 32"),
        ("é ñ λ ± 中", r"\'{e} \~{n} \ensuremath{\lambda} \ensuremath{\pm} [U+4E2D]"),
        ("\x1b[2J", r"\textbackslash{}x1b[2J"),
    ],
)
def test_latex(text: str, shown: str) -> None:
    """No command of somebody else's."""
    assert escaping.latex(text) == shown
