"""The last look at the GPUs of a run before it starts on them: is anybody else there?"""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple

from overnight.node import cards, gpus, layout, owners, sharing, waiting

DRAIN_S = 20.0
LOOK_S = 0.5


class Problem(NamedTuple):
    """`passes`: it may be over in a moment, so the run need not go back to the queue yet."""

    text: str
    passes: bool = True


def problem(run: layout.Run, spec: dict[str, Any], place: Mapping[str, Any]) -> Problem | None:
    """Why the run cannot start on its GPUs now; None where it can.

    Nothing of the run lives, so whatever is on a GPU of its own is somebody else's or dying. On a
    GPU that it shares, other runs of ours may be.
    """
    table, owned = cards.ask(run.root)
    if table.problem:
        return Problem(cards.CANNOT_BE_SEEN + table.problem)
    found = {gpu.uuid: gpu for gpu in table.gpus}
    lost = [uuid for uuid in place["gpus"] if uuid not in found]
    if lost:
        return Problem(f"{lost[0]} is no longer there")
    rules = sharing.rules(waiting.ruled(run, waiting.wish_of(spec)).sharing)
    for uuid in place["gpus"]:
        others = sharing.foreign(found[uuid], owned, rules)
        if others:
            user = sharing.user_of(others[0], owned)
            said = f"GPU {found[uuid].index} is used by {user} (process {others[0].pid})"
            return Problem(said, passes=user == owners.UNKNOWN)
    if place["share"] < 1:
        return None
    full = [found[uuid] for uuid in place["gpus"] if not drained(found[uuid], owned, rules)]
    return Problem(f"memory of GPU {full[0].index} is still in use") if full else None


def drained(gpu: gpus.Gpu, owned: Any, rules: sharing.Rules) -> bool:
    used_mib = sharing.unexplained_mib(gpu, owned, rules, is_ours=False)
    return used_mib < sharing.idle_limit_mib(gpu, rules)
