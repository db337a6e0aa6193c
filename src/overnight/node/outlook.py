"""When the runs that wait will start, worked out by the watch now and then, for those who look.

Whoever looks at many servers has no time to ask the driver of each; the queue itself is asked by
`queue_view`. Times are Unix times of this server's clock.
"""

from __future__ import annotations

import os
import time

from overnight.node import fs, look, planning, turns

EVERY_S = 30.0
MOST_SHARE = 0.003  # of a core; a long line takes longer to play forward


def attend(root: str, memory: turns.Memory) -> None:
    """Writes it anew where it is time. What the GPUs were at the last turn is good enough."""
    if memory.sight is None or time.monotonic() < memory.outlook_at:
        return
    began = time.monotonic()
    active = [turns.dated(each) for each in turns.survey(root, memory)]
    begins = planning.Planning(active, turns.here(memory.sight)).forecast()
    starts: dict[str, dict[str, float | None]] = {}
    for run, at in begins.items():
        starts.setdefault(run.project, {})[run.name] = at
    pause_s = max(EVERY_S, (time.monotonic() - began) / MOST_SHARE)
    memory.outlook_at = time.monotonic() + pause_s
    until = time.time() + 2 * pause_s
    path = os.path.join(root, look.OUTLOOK)
    fs.publish_json(path, {"until": until, "starts": starts}, durable=False)
