"""Writes a run as an offline run of W&B, with the library of the Python that runs this.

`python to_wandb.py FOLDER` reads JSON lines from standard input: the header, then a row for each
step. It prints how many points are done.
"""

from __future__ import annotations

import importlib
import json
import os
import sys


def main(folder: str) -> None:
    os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true", WANDB_ERROR_REPORTING="false")
    wandb = importlib.import_module("wandb")

    header = json.loads(next(sys.stdin))
    run = wandb.init(
        dir=folder,
        project=header["project"],
        name=header["run"],
        config=header["config"],
        tags=header["tags"],
        notes=header["notes"],
        settings=wandb.Settings(
            console="off",
            disable_git=True,
            save_code=False,
            x_disable_meta=True,
            x_disable_stats=True,
            x_save_requirements=False,
        ),
    )
    done = 0
    for line in sys.stdin:
        step, time, values = json.loads(line)
        if time is not None:
            values["_timestamp"] = time
        run.log(values, step=step)
        done += 1
        if done % 1000 == 0:
            print(done, flush=True)
    run.finish(exit_code=int(header["failed"]))
    print(done, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
