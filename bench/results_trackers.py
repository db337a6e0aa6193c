"""Reading all that trackers hold of many runs: their own means beside ours, on the same files.

python -m bench.results_trackers [--runs 20] [--steps 10000] [--repetitions 3] [--json]

Each reading is a process of its own, which takes its time after its imports. The peers:

- Trackio: `SQLiteStorage.get_logs` for each run, which its dashboard uses.
- MLflow: `MlflowClient.get_metric_history` for each run, and its store's `get_metric_history_bulk`
  for all runs at once; the faster one is the peer.
- W&B: since 0.30 the library has nothing that reads an offline file (`wandb sync` uploads it,
  `wandb leet` shows it). The peer is W&B's own protobuf classes over a minimal framing without
  checksums.
- TensorBoard: `EventAccumulator` with `size_guidance={"scalars": 0}`.

A store that is read a second time answers from the store of series: see `results_store`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench import pairs, results_store, table

QUIET = {
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PYTHONWARNINGS": "ignore",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "WANDB_ERROR_REPORTING": "false",
    "WANDB_MODE": "offline",
    "WANDB_SILENT": "true",
}
TARGET = 0.1  # ours / peer

WRITE_TRACKIO = """
from trackio.sqlite_storage import SQLiteStorage

for run in range(RUNS):
    stamps = [f"2026-01-01T{n // 3600 % 24:02}:{n // 60 % 60:02}:{n % 60:02}.{n % 1000:03}000+00:00"
              for n in range(STEPS)]
    SQLiteStorage.bulk_log(
        "p", f"run{run}", [{"loss": loss(run, n)} for n in range(STEPS)],
        steps=list(range(STEPS)), timestamps=stamps, config={"seed": run},
    )
"""
WRITE_MLFLOW = """
import mlflow
from mlflow.entities import Metric

client = mlflow.MlflowClient(tracking_uri="sqlite:///" + FOLDER + "/mlflow.db")
experiment = client.create_experiment("p")
for run in range(RUNS):
    made = client.create_run(experiment, run_name=f"run{run}").info.run_id
    for at in range(0, STEPS, 1000):
        some = range(at, min(STEPS, at + 1000))
        client.log_batch(made, [Metric("loss", loss(run, n), 1700000000000 + n, n) for n in some])
    client.set_terminated(made)
"""
WRITE_WANDB = """
import wandb

for run in range(RUNS):
    made = wandb.init(
        dir=FOLDER, project="p", name=f"run{run}",
        settings=wandb.Settings(x_disable_stats=True, x_disable_meta=True, console="off"),
    )
    for n in range(STEPS):
        made.log({"loss": loss(run, n)})
    made.finish()
"""
WRITE_TENSORBOARD = """
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

for run in range(RUNS):
    os.makedirs(f"{FOLDER}/run{run}")
    with open(f"{FOLDER}/run{run}/events.out.tfevents.1.host.{run}", "wb") as file:
        writer = RecordWriter(file)
        writer.write(Event(wall_time=1.0, file_version="brain.Event:2").SerializeToString())
        for n in range(STEPS):
            value = Summary.Value(tag="loss", simple_value=loss(run, n))
            event = Event(wall_time=1.7e9 + n / 7, step=n, summary=Summary(value=[value]))
            writer.write(event.SerializeToString())
"""
READ_TRACKIO = """
from trackio.sqlite_storage import SQLiteStorage

began = time.perf_counter()
for run in range(RUNS):
    count += len(SQLiteStorage.get_logs("p", f"run{run}"))
"""
READ_MLFLOW = """
import mlflow

client = mlflow.MlflowClient(tracking_uri="sqlite:///" + FOLDER + "/mlflow.db")
experiment = client.get_experiment_by_name("p").experiment_id
runs = [each.info.run_id for each in client.search_runs([experiment], max_results=50000)]
began = time.perf_counter()
for run in runs:
    count += len(client.get_metric_history(run, "loss"))
"""
READ_MLFLOW_BULK = """
import mlflow
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

uri = "sqlite:///" + FOLDER + "/mlflow.db"
client = mlflow.MlflowClient(tracking_uri=uri)
experiment = client.get_experiment_by_name("p").experiment_id
runs = [each.info.run_id for each in client.search_runs([experiment], max_results=50000)]
store = SqlAlchemyStore(uri, FOLDER)
began = time.perf_counter()
count = len(store.get_metric_history_bulk(runs, "loss", 1 << 40))
"""
READ_WANDB = """
import json, struct
from wandb.proto import wandb_internal_pb2

def records(data):
    at, parts = 7, []
    while at + 7 <= len(data):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        _, size, kind = struct.unpack_from("<IHB", data, at)
        part = data[at + 7 : at + 7 + size]
        at += 7 + size
        parts = [part] if kind in (1, 2) else [*parts, part]
        if kind in (1, 4):
            yield b"".join(parts)

began = time.perf_counter()
for path in sorted(pathlib.Path(FOLDER).glob("wandb/offline-run-*/*.wandb")):
    rows = []
    for each in records(path.read_bytes()):
        record = wandb_internal_pb2.Record.FromString(each)
        if record.WhichOneof("record_type") == "history":
            rows.append({"/".join(item.nested_key) or item.key: json.loads(item.value_json)
                         for item in record.history.item})
    count += len(rows)
"""
READ_TENSORBOARD = """
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

began = time.perf_counter()
for path in sorted(pathlib.Path(FOLDER).glob("run*/events.*")):
    read = EventAccumulator(str(path), size_guidance={"scalars": 0})
    read.Reload()
    count += len(read.Scalars("loss"))
"""
READ_OURS = """
from overnight.results import reading

reading.readers()
began = time.perf_counter()
for path in sorted(pathlib.Path(FOLDER).glob(PATTERN)):
    count += sum(each.value.size for each in reading.read(path).curves)
"""
FRAME = """
import math, os, pathlib, resource, sys, time

FOLDER, RUNS, STEPS, PATTERN = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
os.environ["TRACKIO_DIR"] = FOLDER
count, began = 0, time.perf_counter()

def loss(run, n):
    return 2.5 / (1 + n * 0.001) + (n * 7919 + run) % 1000 / 7e3

{program}
took = time.perf_counter() - began
peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(count, took, peak_mib)
"""

# tracker -> (writer, the ways of its own to read all, the files that ours reads)
TRACKERS: dict[str, tuple[str, dict[str, str], str]] = {
    "trackio": (WRITE_TRACKIO, {"trackio's get_logs": READ_TRACKIO}, "p.db"),
    "mlflow": (
        WRITE_MLFLOW,
        {"mlflow's get_metric_history": READ_MLFLOW, "mlflow's bulk": READ_MLFLOW_BULK},
        "mlflow.db",
    ),
    "wandb": (
        WRITE_WANDB,
        {"wandb's protobuf, own framing": READ_WANDB},
        "wandb/offline-run-*/*.wandb",
    ),
    "tensorboard": (WRITE_TENSORBOARD, {"EventAccumulator": READ_TENSORBOARD}, "run*/events.*"),
}


def write(tracker: str, folder: Path, runs: int, steps: int) -> None:
    """`steps` points of one metric for each run, with the tracker's own library."""
    folder.mkdir(parents=True, exist_ok=True)
    _process(TRACKERS[tracker][0], folder, runs, steps)


def read(tracker: str, way: str, folder: Path, runs: int, steps: int) -> tuple[float, float]:
    """Seconds and peak MiB of a process that reads all points back; `way` '' is ours.

    RuntimeError where it has not found all of them.
    """
    _, ways, pattern = TRACKERS[tracker]
    program = ways[way] if way else READ_OURS
    count, took, peak_mib = _process(program, folder, runs, steps, pattern)
    if count != runs * steps:
        raise RuntimeError(f"{way or 'ours'}: {count:.0f} of {runs * steps} points")
    return took, peak_mib


def environ(home: Path) -> dict[str, str]:
    """Without telemetry, and with a home of its own."""
    return {**os.environ, **QUIET, "HOME": str(home)}


def _process(
    program: str, folder: Path, runs: int, steps: int, pattern: str = ""
) -> tuple[float, float, float]:
    code = FRAME.replace("{program}", program)
    argv = [sys.executable, "-c", code, str(folder), str(runs), str(steps), pattern]
    done = subprocess.run(argv, env=environ(folder), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    count, took, peak_mib = map(float, done.stdout.split("\n")[-2].split())
    return count, took, peak_mib


def fastest(tracker: str, folder: Path, runs: int, steps: int) -> str:
    """The quickest of the tracker's own ways to read all of it."""
    ways = list(TRACKERS[tracker][1])
    if len(ways) == 1:
        return ways[0]
    return min(ways, key=lambda way: read(tracker, way, folder, runs, steps)[0])


@contextmanager
def written(tracker: str, runs: int, steps: int) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        write(tracker, Path(place), runs, steps)
        yield Path(place)


def measure(
    repetitions: int, runs: int = 20, steps: int = 10_000, trackers: Sequence[str] = ()
) -> Iterator[table.Figure]:
    """Seconds to read so many runs as a tracker keeps them, by its fastest way: beside ours of the
    same data from `metrics.jsonl` into a new store, and beside ours of the tracker's own files.
    """
    for tracker in trackers or TRACKERS:
        with written(tracker, runs, steps) as folder:
            way = fastest(tracker, folder, runs, steps)

            def theirs(_: int, tracker: str = tracker, way: str = way) -> float:
                return read(tracker, way, folder, runs, steps)[0]

            def own(_: int, tracker: str = tracker) -> float:
                return read(tracker, "", folder, runs, steps)[0]

            told = f"{runs} runs x {steps} steps"
            mine, peer = pairs.alternate(
                repetitions, lambda _: results_store.ingested_s(runs, steps), theirs
            )
            yield table.Figure(
                name=f"{told}: ingest beside {tracker}",
                unit="s",
                ours=mine,
                peer_name=way,
                peer=peer,
                target=TARGET,
            )
            mine, peer = pairs.alternate(repetitions, own, theirs)
            yield table.Figure(
                name=f"{told}: {tracker}'s own files", unit="s", ours=mine, peer_name=way, peer=peer
            )


def one_file(repetitions: int, points: int) -> table.Figure:
    """One event file of so many scalars, beside TensorBoard's own reader."""
    with written("tensorboard", 1, points) as folder:
        way = fastest("tensorboard", folder, 1, points)
        mine, theirs = pairs.alternate(
            repetitions,
            lambda _: read("tensorboard", "", folder, 1, points)[0],
            lambda _: read("tensorboard", way, folder, 1, points)[0],
        )
    return table.Figure(
        name=f"{points:,} TensorBoard scalars (aim 4 s)",
        unit="s",
        ours=mine,
        peer_name=way,
        peer=theirs,
        target=TARGET,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("trackers", nargs="*", metavar="TRACKER", help=", ".join(TRACKERS))
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    figures = list(measure(given.repetitions, given.runs, given.steps, given.trackers))
    print(table.written(figures, given.json))
    return 0


if __name__ == "__main__":
    sys.exit(main())
