"""Reading a million printed lines: seconds and peak memory for each kind of log.

python -m bench.results_stdout [LINES]
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from overnight.results.formats import printed

LINES = 1_000_000


def nanogpt(count: int, chance: random.Random) -> Iterator[str]:
    for step in range(count):
        if step % 250 == 0:
            yield f"step {step}: train loss {chance.uniform(2, 4):.4f}, val loss 3.1415\n"
        else:
            loss, took = chance.uniform(1, 11), chance.uniform(9, 300)
            used = chance.uniform(-9, 60)
            yield f"iter {step}: loss {loss:.4f}, time {took:.2f}ms, mfu {used:.2f}%\n"


def dicts(count: int, chance: random.Random) -> Iterator[str]:
    for step in range(count):
        loss, norm = round(chance.uniform(0.1, 9), 4), chance.uniform(0.01, 30)
        rate = 5e-5 * (1 - step / count)
        yield (
            f"{{'loss': {loss}, 'grad_norm': {norm}, 'learning_rate': {rate},"
            f" 'epoch': {round(3 * step / count, 2)}}}\n"
        )


def pairs(count: int, chance: random.Random) -> Iterator[str]:
    for step in range(count):
        loss, acc = chance.gauss(0, 2), chance.random()
        yield f"epoch={step // 1000} step={step} loss={loss:.6g} acc={acc:.3f} lr=1.00e-04\n"


def silent(count: int, chance: random.Random) -> Iterator[str]:
    words = ["reading", "shard", "cache", "worker", "ready", "queue", "flushed", "ok", "retry"]
    for number in range(count):
        if number % 1000 == 0:
            yield f"epoch {number // 1000} | train loss {chance.random():.4f}\n"
        else:
            said = " ".join(chance.choices(words, k=7))
            yield f"2026-01-02 03:04:{number % 60:02d},{number % 1000:03d} INFO {said} {number}\n"


def bars(count: int, chance: random.Random) -> Iterator[str]:
    for number in range(count):
        step = number % 1000 + 1
        full, part = divmod(step * 80 // 1000, 8)
        drawn = ("█" * full + " ▏▎▍▌▋▊▉"[part].strip()).ljust(10)
        rate = chance.uniform(1, 90)
        yield (
            f"\rEpoch {number // 1000}: {step // 10:3d}%|{drawn}| {step}/1000"
            f" [{step // 60:02d}:{step % 60:02d}<00:{chance.randrange(60):02d},"
            f" {rate:5.2f}it/s, loss={chance.random():.3f}]" + ("\n" if step == 1000 else "")
        )


KINDS: dict[str, Callable[[int, random.Random], Iterator[str]]] = {
    "nanoGPT": nanogpt,
    "HF dicts": dicts,
    "key=value": pairs,
    "mostly silent": silent,
    "tqdm": bars,
}


def seconds(path: Path) -> tuple[float, float, int]:
    """Seconds and CPU seconds to read the whole file, and how many values it gave."""
    begun, worked = time.perf_counter(), time.process_time()
    found = printed.read(path)
    took = time.perf_counter() - begun, time.process_time() - worked
    return *took, sum(curve.value.size for curve in found.curves)


def main(count: int) -> None:
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        for name, write in KINDS.items():
            path = Path(folder, "output.log")
            with path.open("w", encoding="utf-8") as file:
                file.writelines(write(count, chance))
            took, worked, values = seconds(path)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            size = path.stat().st_size / 1e6
            print(
                f"{name:14} {count} lines {size:4.0f} MB  {took:5.2f} s, CPU {worked:5.2f} s"
                f"  {values} values  peak {peak} MB"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else LINES)
