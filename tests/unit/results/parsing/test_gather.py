from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from overnight.results.parsing.gather import Axes, Gather

# Pieces: for each of them its number of rows and the metrics that stand on them.
PIECES = st.lists(st.tuples(st.integers(1, 4), st.sets(st.sampled_from("abc"))), max_size=8)


@settings(max_examples=200, deadline=None)
@given(PIECES, st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 40)), max_size=4))
def test_each_curve_gets_its_values_at_its_places(
    pieces: list[tuple[int, set[str]]], singles: list[tuple[str, int]]
) -> None:
    """Whichever curves share their axes, and whoever leaves the others."""
    gather = Gather()
    wanted: dict[str, list[tuple[int, float]]] = {}
    start = 0
    for size, names in pieces:
        line = np.arange(start, start + size, dtype=np.int64)
        axes = Axes(line, step=line * 2.0, time=line * 3.0 if size > 2 else None)
        start += size
        for place, name in enumerate(sorted(names)):
            gather.add(name, None, place, line * 10.0 + place, axes)
            wanted.setdefault(name, []).extend((int(at), at * 10.0 + place) for at in line)
    for name, line_of in singles:
        gather.row(name, None, 9, 0.5, line=line_of, step=line_of * 2.0)
        wanted.setdefault(name, []).append((line_of, 0.5))
    found = {each.name: each for each in gather.curves()}
    assert found.keys() == wanted.keys()
    for name, rows in wanted.items():
        curve = found[name]
        rows.sort(key=lambda row: row[0])
        assert list(zip(curve.line.tolist(), curve.value.tolist(), strict=True)) == rows
        assert curve.step.tolist() == [at * 2.0 for at, _ in rows]
        assert curve.epoch.size == curve.time.size == curve.value.size
        assert np.isnan(curve.epoch).all()


def test_metrics_of_the_same_rows_share_their_axes() -> None:
    """So that a file with many metrics does not need many times the memory."""
    gather = Gather()
    for start in (0, 10):
        axes = Axes(np.arange(start, start + 10, dtype=np.int64), step=np.arange(10.0))
        for name in "ab":
            gather.add(name, None, 0, np.arange(10.0), axes)
    one, other = gather.curves()
    assert one.step is other.step
    assert one.line is other.line
    assert one.value is not other.value
