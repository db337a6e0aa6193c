from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overnight.results.formats import csv_table
from overnight.results.parsing import line_blocks, sheets
from overnight.results.parsing.conventions import Convention
from tests.unit.results.formats import pieces

CELLS = st.one_of(
    st.floats(allow_nan=False).map(repr),
    st.integers(-9, 10**6).map(str),
)
ODD = st.sampled_from(
    ["", " ", "nan", "NaN", "inf", "-Infinity", "NA", "-", "93.7%", "1,5", "text", '"a b"', "=1+1",
     "1e", "0x1", "1_0", "+.5", " 7 ", '"1\n2"', "tensor(0.5)", "[1. 2.]"]
)  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """Tables with and without a header, regular and not."""
    names = draw(
        st.lists(
            st.sampled_from(
                ["step", "epoch", "loss", "val_loss", " acc ", "split", "time", "seed"]
            ),
            min_size=1,
            max_size=5,
        )
    )
    delimiter = draw(st.sampled_from([",", "\t", ";"]))
    lines = [delimiter.join(names)] if draw(st.integers(0, 4)) else []
    for _ in range(draw(st.integers(0, 12))):
        row = [draw(ODD if draw(st.integers(0, 40)) == 0 else CELLS) for _ in names]
        if draw(st.integers(0, 40)) == 0:
            row = [*row, "1"]
        lines.append(delimiter.join(row))
        if draw(st.integers(0, 40)) == 0:
            lines.append(lines[0])
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return (end.join(lines) + draw(st.sampled_from([end, ""]))).encode()


@settings(max_examples=150, deadline=None)
@given(tables())
def test_reading_at_once_gives_what_reading_cell_by_cell_gives(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    """A quoted row, which is passed over for its width, keeps the block from the fast path."""
    path = tmp_path_factory.getbasetemp() / "fast.csv"
    end = b"\r\n" if b"\r\n" in data else b"\n"
    whole = data if data.endswith(end) else data + end
    path.write_bytes(whole)
    fast = pieces.plain(csv_table.read(path).curves)
    path.write_bytes(whole + b'"a","b","c","d","e","f","g"' + end)
    if len(whole.split()) > 1 and whole.count(b'"') % 2 == 0:
        assert fast == pieces.plain(csv_table.read(path).curves)


@settings(max_examples=150, deadline=None)
@given(tables(), st.lists(st.integers(0, 300), max_size=4))
def test_a_growing_file_gives_what_the_whole_one_gives(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, cuts: list[int]
) -> None:
    """Wherever the file ended when it was read before."""
    path = tmp_path_factory.getbasetemp() / "line_blocks.csv"
    grown = pieces.in_pieces(csv_table, path, data, cuts)
    assert grown == pieces.plain(csv_table.read(path).curves)


def read(tmp_path: Path, text: str | bytes, name: str = "a.csv") -> pieces.Plain:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return pieces.plain(csv_table.read(path).curves)


def test_sparse_rows_are_never_filled(tmp_path: Path) -> None:
    """A blank is absent; NaN is a value."""
    assert read(tmp_path, "epoch,step,train_loss,val_loss\n0,1,2.5,\n0,1,,2.0\n1,2,nan,\n") == {
        ("train_loss", None): [(2.5, 1, 0, None, 2), (None, 2, 1, None, 4)],
        ("val_loss", None): [(2.0, 1, 0, None, 3)],
    }


def test_a_header_that_comes_again_is_told(tmp_path: Path) -> None:
    """Another run may begin there, with other columns."""
    path = tmp_path / "a.csv"
    path.write_text("epoch,loss\n0,3\n1,2\nepoch,loss\n0,1\nepoch,acc,loss\n1,0.5,0.9\n")
    found = csv_table.read(path)
    assert found.headers == (4, 6)
    assert pieces.values(found, "loss") == [3, 2, 1, 0.9]
    assert pieces.values(found, "acc") == [0.5]


def test_columns_of_one_name_stay_apart(tmp_path: Path) -> None:
    """The second one gets its number."""
    found = read(tmp_path, "epoch,loss,loss\n0,1,2\n1,3,4\n")
    assert [(name, [row[0] for row in rows]) for (name, _), rows in found.items()] == [
        ("loss", [1, 3]),
        ("loss (2)", [2, 4]),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "step;loss\r\n1;0.5\r\n2;0.4",
        "\ufeffstep,loss\n1,0.5\n2,0.4\n",
        "  step ,  loss\n   1 , 0.5\n 2,0.4\n",
        "step\tloss\n1\t0.5\n\n2\t0.4\n",
        "# made by hand\nstep,loss\n1,0.5\n2,0.4\n",
        "# step loss\n1 0.5\n2 0.4\n",
        '"step","loss"\n"1","0.5"\n"2","0.4"\n',
        "Global Step,loss,\n1,0.5,\n2,0.4,\n",
        "Unnamed: 0,loss\n1,0.5\n2,0.4\n",
        ",loss\n1,0.5\n2,0.4\n",
    ],
)
def test_tables_of_all_kinds(tmp_path: Path, text: str) -> None:
    """Delimiters, marks, padding, remarks, quotes, and columns without a name."""
    found = read(tmp_path, text)
    assert [row[:2] for row in found["loss", None]] == [(0.5, 1), (0.4, 2)]


def test_a_table_without_a_header(tmp_path: Path) -> None:
    """The only column of numbers has the name of the file."""
    assert read(tmp_path, "0,0.9\n1,0.8\n", "val_loss.csv") == {
        ("val_loss", None): [(0.9, 0, None, None, 1), (0.8, 1, None, None, 2)]
    }
    assert list(read(tmp_path, "0.1,0.9\n0.2,0.8\n")) == [("column 1", None), ("column 2", None)]


def test_a_column_tells_the_split(tmp_path: Path) -> None:
    """One curve for each split."""
    found = read(tmp_path, "epoch,phase,loss\n0,train,3\n0,Val,2\n1,train,1\n1,Val,0\n")
    assert [row[0] for row in found["loss", "train"]] == [3, 1]
    assert [row[0] for row in found["loss", "val"]] == [2, 0]


def test_cells_that_are_no_numbers_are_told_once(tmp_path: Path) -> None:
    """What could mean two things is not guessed."""
    path = tmp_path / "a.csv"
    path.write_text('step,loss,acc,note,f\n1,"1,234",93.7%,hello,=A1\n2,"1.234,5",94%,there,=A2\n')
    found = csv_table.read(path)
    assert pieces.plain(found.curves) == {
        ("acc", None): [(93.7, 1, None, None, 2), (94, 2, None, None, 3)]
    }
    assert [(each.line, each.what, each.why) for each in found.skipped] == [
        (2, "loss: 1,234", "a comma that may part thousands or decimals"),
        (2, "note: hello", "text"),
        (2, "f: =A1", "text"),
    ]


def test_a_quoted_cell_with_line_ends(tmp_path: Path) -> None:
    """Lines are still counted as an editor counts them."""
    found = read(tmp_path, 'step,note,loss\n1,"a\nb",0.5\n2,c,0.4\n')
    assert found["loss", None] == [(0.5, 1, None, None, 2), (0.4, 2, None, None, 4)]


def test_a_quote_that_never_closes_costs_its_row_only(tmp_path: Path) -> None:
    """What follows is read."""
    rows = "".join(f"{step},0.5,\n" for step in range(30_000))
    found = read(tmp_path, f'step,loss,note\n1,0.5,5" disk\n{rows}')
    assert len(found["loss", None]) == 30_001


def test_rows_of_another_width_are_told(tmp_path: Path) -> None:
    """They are not squeezed into the columns."""
    path = tmp_path / "a.csv"
    path.write_text("step,loss\n1,2\n2,3,4\n3\n4,5\n")
    found = csv_table.read(path)
    assert pieces.values(found, "loss") == [2, 5]
    assert [each.line for each in found.skipped] == [3, 4]


def test_the_last_row_without_an_end_counts_if_it_is_whole(tmp_path: Path) -> None:
    """If it then turns out to have been torn, all is read anew."""
    path = tmp_path / "a.csv"
    path.write_text("step,loss\n1,2\n2,0.3")
    first = csv_table.read(path)
    assert pieces.values(first, "loss") == [2, 0.3]
    path.write_text("step,loss\n1,2\n2,0.34\n")
    second = csv_table.read(path, first.mark)
    assert (pieces.values(second, "loss"), second.mark) == ([2, 0.34], None)
    path.write_text("step,loss\n1,2\n2,0.3\n3,0.1\n")
    assert pieces.values(csv_table.read(path, first.mark), "loss") == [0.1]


def test_a_history_counts_epochs_from_zero(tmp_path: Path) -> None:
    """`loss` beside `val_loss` without an axis is what Keras keeps."""
    assert [row[2] for row in read(tmp_path, "loss,val_loss\n3,4\n2,3\n")["loss", None]] == [0, 1]
    assert [row[2] for row in read(tmp_path, "loss,acc\n3,4\n2,3\n")["loss", None]] == [None] * 2


def test_times_of_day_become_unix_seconds(tmp_path: Path) -> None:
    """Milliseconds and ISO 8601 as well; seconds since the start are no time of day."""
    found = read(tmp_path, "step,time,loss\n1,1700000000000,1\n2,2023-11-14T22:13:20,1\n3,12.5,1\n")
    assert [row[3] for row in found["loss", None]] == [1.7e9, 1.7e9, None]


def test_ten_thousand_columns(tmp_path: Path) -> None:
    """Each is a curve."""
    names = ",".join(f"m{place}" for place in range(10_000))
    row = ",".join("0.5" for _ in range(10_000))
    assert len(read(tmp_path, f"step,{names}\n1,{row}\n2,{row}\n")) == 10_000


@pytest.mark.parametrize("text", ["", "\n\n", "step,loss\n", "a", "\0" * 100, '"', "# only this\n"])
def test_nothing_to_read_is_told(tmp_path: Path, text: str) -> None:
    """With a reason, without a curve, and without a mark."""
    path = tmp_path / "a.csv"
    path.write_text(text)
    found = csv_table.read(path)
    assert (found.curves, found.mark) == ((), None)
    assert found.skipped


def test_other_encodings(tmp_path: Path) -> None:
    """Latin-1 and UTF-16."""
    assert read(tmp_path, "étape,loss\n1,0.5\n".encode("latin-1")).keys() == {
        ("étape", None),
        ("loss", None),
    }
    found = read(tmp_path, "step,loss\n1,0.5\n2,0.4\n".encode("utf-16"))
    assert [row[0] for row in found["loss", None]] == [0.5, 0.4]


def test_blocks_end_at_lines(tmp_path: Path) -> None:
    """A file of several blocks is one table, also with quotes in it."""
    rows = "".join(f'{step},{step / 7},"{step}"\n' for step in range(60_000))
    path = tmp_path / "a.csv"
    path.write_text(f"step,loss,other\n{rows}")
    assert path.stat().st_size > line_blocks.BLOCK_BYTES
    found = csv_table.read(path)
    assert pieces.values(found, "loss") == [step / 7 for step in range(60_000)]
    assert pieces.curve(found, "loss").line[-1] == 60_001


def test_rows_that_failed_are_no_results(tmp_path: Path) -> None:
    """Where a writer says of a row that it failed, its zeros do not count."""
    path = tmp_path / "a.tsv"
    path.write_text("loss\tstatus\n0.9\tkeep\n0.0\tcrash\n")
    convention = Convention(format="x", dead_rows={"status": frozenset(("crash",))})
    found = sheets.read(path, None, convention)
    assert pieces.values(found, "loss") == [0.9]
    assert not any(math.isnan(value) for value in pieces.values(found, "loss"))


@pytest.mark.parametrize(
    ("name", "text", "is_known"),
    [
        ("a.csv", "step,note,x\n1,a,2\n2,b,3\n", True),
        ("a.csv", "u,v\n1,2\n2,3\n", True),
        ("iris.csv", "sepal,petal,species\n1,2,setosa\n2,3,virginica\n", False),
        ("predictions.csv", "id,text\n1,a\n2,b\n", False),
        ("a.txt", "step loss\n1 2\n2 3\n", True),
        ("a.txt", "A story, in words\nand lines, as they are\n", False),
        ("a.log", "Epoch 1, loss 0.5\nEpoch 2, loss 0.4\n", False),
        ("a.py", "step,loss\n1,2\n", False),
        ("empty.csv", "", True),
    ],
)
def test_which_tables_are_of_metrics(tmp_path: Path, name: str, text: str, is_known: bool) -> None:
    """Data and predictions are left alone, and so are logs."""
    path = tmp_path / name
    path.write_text(text)
    assert (csv_table.claims(path, text.encode()) > 0) == is_known
