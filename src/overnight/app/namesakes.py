"""Two runs of one name, on two servers or one after the other: their files are kept apart here."""

from __future__ import annotations

from overnight.app import Overnight, following
from overnight.core import places
from overnight.results import run_roots
from overnight.results.runs.run_files import record


def make_way(o: Overnight, run: str, server: str) -> None:
    """Before a run is fetched: what lies here of another run of that name goes to a free name.

    Runs are told apart by when they were made. One that was moved is the same run.
    """
    folder = places.results_folder(o.root, run)
    here = record(folder / "state.json").get("created_at")
    if not isinstance(here, (int, float)):
        return
    rows = o.mirror.rows_of(run)
    if server not in rows:
        following.status(o)
        rows = o.mirror.rows_of(run)
    there = rows.get(server, {}).get("created_at")
    has_moved = any(row.get("created_at") == here and row.get("moved_to") for row in rows.values())
    if not isinstance(there, (int, float)) or there == here or has_moved:
        return
    taken = {each.name for each in folder.parent.iterdir()} | o.mirror.run_names()
    free = run_roots.distinct(f"{run}-earlier", taken)
    folder.rename(folder.with_name(free))
    o.talk.say(f"what lay here as {run} is of another run of that name; it is now {free}")
