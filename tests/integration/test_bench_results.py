"""The bench of results works: its parts that need no browser, on a hundredth of the data."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def test_small_bench_gives_every_figure() -> None:
    """What `make bench-results` prints, without asserting any time."""
    words = ["store", "tensorboard", "printed", "--small", "--repetitions", "1", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "bench.results", *words],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr
    figures = {each["figure"]: each for each in json.loads(done.stdout)["figures"]}
    assert "10 runs x 10,000 steps: ingest" in figures
    assert "10 runs x 10,000 steps: comparison over all" in figures
    assert sum("printed lines" in name for name in figures) == 5
    assert figures["10,000 TensorBoard scalars (aim 4 s)"]["peer"]["name"] == "EventAccumulator"
