"""How soon a training that has crashed runs again: crash until the next attempt's process exists.

The training writes a checkpoint of 20 MiB in each epoch and then ends itself with SIGKILL, so
that every attempt has got further than the one before it, as in a real night.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
from pathlib import Path
from typing import Any

from bench import trainings
from overnight.app import following, launching
from overnight.node import identity, layout, shim

LIMIT_S = 1.0

TRAIN = """\
import os
import signal
import sys
import time
import zipfile

crashes = int(sys.argv[1])
done = 0
if "--resume" in sys.argv:
    done = int(sys.argv[-1].rpartition("-")[2].partition(".")[0])
epoch = done + 1
with zipfile.ZipFile(f"new-{epoch}", "w") as archive:
    archive.writestr("weights", os.urandom(20 << 20))
os.replace(f"new-{epoch}", f"checkpoint-{epoch}.npz")
print(f"epoch {epoch}/{crashes + 1} loss {1 / epoch}", flush=True)
time.sleep(1.0)
if epoch <= crashes:
    with open(f"crashed-{epoch}", "w") as file:
        file.write(str(time.clock_gettime(time.CLOCK_BOOTTIME)))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def measure(crashes: int) -> dict[str, Any]:
    """Seconds: median_s, longest_s and all took_s of so many recoveries of one run."""
    with trainings.project(TRAIN) as o:
        training = [sys.executable, "train.py", str(crashes)]
        launching.run(o, "train01", "local", training, 0, with_smoke=False)
        following.wait(o, ["train01"], timeout_s=60.0 + 10 * crashes, changed=lambda _: None)
        run = layout.run(str(trainings.root_of(o.root)), "bench", "train01")
        took_s = [recovery_s(run, number) for number in range(1, crashes + 1)]
    return {
        "median_s": round(statistics.median(took_s), 3),
        "longest_s": round(max(took_s), 3),
        "took_s": [round(each, 3) for each in took_s],
    }


def recovery_s(run: layout.Run, crash: int) -> float:
    """From the last moment of attempt `crash` to the start of the next one's process."""
    crashed_at = float(Path(run.work, f"crashed-{crash}").read_text())
    command = shim.command(run.attempt(crash + 1))
    assert command is not None
    return started_at(command) - crashed_at


def started_at(who: identity.Identity) -> float:
    """Seconds since the machine's start, to a hundredth (proc(5))."""
    return who.start_ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]) if sys.argv[1:] else 7)))
