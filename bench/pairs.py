"""Taking turns: ours, the peer, ours, the peer."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

Measure = Callable[[int], float]


def alternate(repetitions: int, ours: Measure, peer: Measure) -> tuple[list[float], list[float]]:
    """Measures both in turn; each is given the number of the repetition.

    One pair before them, number 0, warms caches on both sides and does not count.
    """
    pairs = [(ours(number), peer(number)) for number in range(repetitions + 1)][1:]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def whole_process_ms(
    argv: Sequence[str], *, environ: Mapping[str, str] | None = None, folder: Path | None = None
) -> float:
    """How long a process takes from its start until it has ended. RuntimeError where it fails."""
    began = time.perf_counter()
    done = subprocess.run(
        argv, env=environ, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True
    )
    took_ms = 1000 * (time.perf_counter() - began)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise RuntimeError(f"{' '.join(argv)}: exit code {done.returncode}: {said}")
    return took_ms
