"""Writes a run into a Trackio database, with the library of the Python that runs this.

`python to_trackio.py FOLDER` reads JSON lines from standard input: the header, then a row for each
step. It prints how many rows are done.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from datetime import datetime, timezone
from typing import Any

BATCH = 1000


def main(folder: str) -> None:
    os.environ["TRACKIO_DIR"] = folder
    storage = importlib.import_module("trackio.sqlite_storage").SQLiteStorage

    header = json.loads(next(sys.stdin))
    now = datetime.now(timezone.utc).isoformat()  # noqa: UP017  an older Python may run this
    config = {**header["config"], "_Created": moment(header["started_at"]) or now}
    config.update({"_overnight_state": header["state"], "_overnight_notes": header["notes"]})
    rows: list[Any] = []
    done = 0

    def flush() -> None:
        storage.bulk_log(
            project=header["project"],
            run=header["run"],
            metrics_list=[values for _, _, values in rows],
            steps=[step for step, _, _ in rows],
            timestamps=[moment(time) or now for _, time, _ in rows],
            config=config,
        )

    for line in sys.stdin:
        rows.append(json.loads(line))
        if len(rows) == BATCH:
            flush()
            done += len(rows)
            rows.clear()
            print(done, flush=True)
    if rows:
        flush()
    print(done + len(rows), flush=True)


def moment(time: float | None) -> str | None:
    """As the library writes times; None for no time."""
    if time is None:
        return None
    return datetime.fromtimestamp(time, timezone.utc).isoformat()  # noqa: UP017


if __name__ == "__main__":
    main(sys.argv[1])
