"""Writes a run into an MLflow database, with the library of the Python that runs this.

`python to_mlflow.py FOLDER LATER` reads JSON lines from standard input: the header, then a row for
each step. LATER is the path that the folder will have. It prints how many rows are done.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

BATCH = 1000  # metrics in one call, as the library demands
PARAMS = 100
LONGEST = 6000  # characters of a parameter; older versions hold fewer


def main(folder: str, later: str) -> None:
    os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true")
    mlflow = importlib.import_module("mlflow")
    entities = importlib.import_module("mlflow.entities")
    header = json.loads(next(sys.stdin))
    uri = "sqlite:///" + os.path.join(folder, "mlflow.db")
    client = mlflow.MlflowClient(tracking_uri=uri)
    known = client.get_experiment_by_name(header["project"])
    experiment = (
        known.experiment_id
        if known
        else client.create_experiment(header["project"], os.path.join(later, "artifacts"))
    )
    tags = {"overnight." + tag: "true" for tag in header["tags"]}
    tags["mlflow.note.content"] = header["notes"]
    started = thousandths(header["started_at"])
    run = client.create_run(experiment, start_time=started, tags=tags, run_name=header["run"])
    run_id = run.info.run_id
    params = [entities.Param(key, value[:LONGEST]) for key, value in flat(header["config"], "")]
    for at in range(0, len(params), PARAMS):
        client.log_batch(run_id, params=params[at : at + PARAMS])
    batch: list[Any] = []
    done = 0
    for line in sys.stdin:
        step, time, values = json.loads(line)
        at = thousandths(time)
        for name, value in values.items():
            batch.append(entities.Metric(legal(name), value, at, step))
        done += 1
        if len(batch) >= BATCH - len(values):
            send(client, run_id, batch)
            batch = []
            print(done, flush=True)
    send(client, run_id, batch)
    status = {"finished": "FINISHED", "stopped": "KILLED"}.get(header["state"])
    if status is None:
        status = "FAILED" if header["failed"] else "RUNNING"
    client.set_terminated(run_id, status, thousandths(header["ended_at"]) or None)
    print(done, flush=True)


def send(client: Any, run_id: str, batch: list[Any]) -> None:
    for at in range(0, len(batch), BATCH):
        client.log_batch(run_id, metrics=batch[at : at + BATCH])


def thousandths(time: float | None) -> int:
    """Unix milliseconds; 0 for no time."""
    return 0 if time is None else int(time * 1000)


def legal(name: str) -> str:
    """The library takes few characters in names."""
    return "".join(each if each.isalnum() or each in "_-. /:" else "_" for each in name)[:250]


def flat(config: dict[str, Any], front: str) -> Iterator[tuple[str, str]]:
    for key, value in config.items():
        name = legal(front + str(key))
        if isinstance(value, dict):
            yield from flat(value, name + ".")
        else:
            yield name, value if isinstance(value, str) else json.dumps(value)


if __name__ == "__main__":
    main(*sys.argv[1:])
