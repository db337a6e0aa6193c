"""The LaTeX table goes through pdflatex, whatever the runs are called."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import unicodedata
from pathlib import Path

from overnight.results.comparison import arms, pooling
from overnight.results.tables import escaping, latex
from tests.unit.results import armed
from tests.unit.results.tables import compared


def compiled(folder: Path, text: str) -> str:
    """What pdflatex and the page say."""
    assert shutil.which("pdflatex"), "apt-get install texlive-latex-recommended"
    (folder / "table.tex").write_text(text)
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "table.tex"],
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    seen = subprocess.run(
        ["pdftotext", "-layout", "table.pdf", "-"], cwd=folder, capture_output=True, text=True
    )
    return seen.stdout


def test_a_comparison_compiles(tmp_path: Path) -> None:
    """With its caption, numbers and footnotes on the page."""
    page = compiled(tmp_path, latex.table(compared.three(), standalone=True))
    words = " ".join(page.split())
    assert "94.14 ± 0.17" in words
    assert "Holm-corrected over 2 comparisons" in words
    assert "one seed, unproven" in words
    assert "[+0.88, +1.50]" in words


def test_hostile_names_compile(tmp_path: Path) -> None:
    """And are shown instead of obeyed."""
    page = compiled(tmp_path, latex.table(compared.hostile(), standalone=True))
    assert "root:" not in page
    assert "passwd" in page


def test_every_character_compiles(tmp_path: Path) -> None:
    """All of the first planes' letters, signs and controls, in one document."""
    characters = [chr(n) for n in [*range(0x20, 0x600), *range(0x2000, 0x2100), 0x4E2D, 0x1F600]]
    lines = [
        " ".join(map(escaping.latex, characters[n : n + 16])) for n in range(0, len(characters), 16)
    ]
    text = latex.HEAD + "\\raggedright\n" + "\n\n".join(lines) + "\n\\end{document}\n"
    assert unicodedata.normalize("NFC", "é") in compiled(tmp_path, text)


def test_it_is_a_table_of_its_own() -> None:
    """booktabs rules, a caption that tells all, a label, bold for the best and its equal."""
    text = latex.table(compared.three())
    for part in (r"\begin{table}", r"\toprule", r"\label{tab:val-acc}", r"\caption{val\_acc"):
        assert part in text
    assert text.count(r"\textbf{") == 6
    assert r"\usepackage" not in text.partition("\n")[2]


def test_five_arms_fit_on_the_page(tmp_path: Path) -> None:
    """What differed has a column for each; no line is wider than the text."""
    runs = [
        run
        for n in range(5)
        for run in armed.seeds(f"study-dropout{n}", [90, 91.1 + n, 92.3], 0, dropout=n, wide=n % 2)
    ]
    runs = [
        dataclasses.replace(run, config={**run.config, **{f"--o{k}": n // 3 for k in range(6)}})
        for n, run in enumerate(runs)
    ]
    found = pooling.compare([*runs, armed.run("overfit", 65.6, {"--hidden": "1024"})])
    compiled(tmp_path, latex.table(found, standalone=True))
    assert "Overfull" not in (tmp_path / "table.log").read_text(errors="replace")


def test_powers_of_ten() -> None:
    """As mathematics sets them."""
    listed = [compared.arm("a", [1.0e-7, 1.2e-7]), compared.arm("b", [3.0e-7, 3.1e-7])]
    text = latex.table(compared.comparison(listed))
    assert r"$\times10^{-7}$" in text
    assert isinstance(listed[0], arms.Arm)
