"""`overnight query` and `import` as they are typed."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from overnight import cli
from tests.unit.results import folders


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """Types words in a project; gives exit code, standard output and standard error."""
    (tmp_path / "overnight.toml").write_text('[project]\nname = "p"\ntrain = "python train.py"\n')
    folders.jsonl(
        tmp_path / ".overnight/results/one",
        {"step": 1, "loss": -0.25, "=HYPERLINK(1)": 1.0, "\x1b[2Jevil": 2.0},
    )
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as ended:
            cli.main(words)
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return run


def test_a_table_for_people(typed) -> None:  # type: ignore[no-untyped-def]
    """Aligned, with hostile names written out."""
    code, out, _ = typed("query", "select metric, last from metrics order by last")
    assert code == 0
    assert out.splitlines()[:2] == ["metric          last", "loss           -0.25"]
    assert "\x1b" not in out
    assert "\\x1b[2jevil" in out


def test_csv_that_no_spreadsheet_calculates_with(typed) -> None:  # type: ignore[no-untyped-def]
    """Formulae become text, numbers stay numbers."""
    _, out, _ = typed("query", "select metric, last from metrics order by last", "--csv")
    rows = list(csv.reader(io.StringIO(out)))
    assert rows[1] == ["loss", "-0.25"]
    assert rows[2][0].startswith("'=")
    assert "\x1b" not in out


def test_json(typed) -> None:  # type: ignore[no-untyped-def]
    """Columns and rows; an error is JSON as well."""
    _, out, _ = typed("query", "select run, last from metrics where metric = 'loss'", "--json")
    assert json.loads(out) == {"columns": ["run", "last"], "rows": [["one", -0.25]]}
    code, out, _ = typed("query", "select", "--json")
    assert code == 2
    assert json.loads(out)["error"]["code"] == "usage"
    _, out, _ = typed("query", "--tables", "--json")
    assert "points" in json.loads(out)


def test_what_can_be_asked(typed) -> None:  # type: ignore[no-untyped-def]
    """--tables shows it; without a question that is the next thing to type."""
    assert "points(run, metric, step," in typed("query", "--tables")[1]
    code, _, err = typed("query")
    assert code == 2
    assert "overnight query --tables" in err


def test_import_tells_what_it_did(typed, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A line for each run; hostile names of folders are written out."""
    old = tmp_path / "old" / "\x1b[2Jrun"
    folders.jsonl(old, {"step": 1, "loss": 1.0})
    code, out, _ = typed("import", str(old.parent), "--dry-run")
    assert code == 0
    assert "\x1b" not in out
    assert "new        1 file, 0 settings" in out
    assert "nothing was copied" in out
    told = json.loads(typed("import", str(old.parent), "--json")[1])
    assert [each["what"] for each in told["runs"]] == ["new"]
    assert typed("results", told["runs"][0]["run"])[0] == 0
