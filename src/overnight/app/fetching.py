"""The results of several runs, brought here: one question to all servers, then only what is new."""

from __future__ import annotations

from collections.abc import Mapping

from overnight.app import Overnight, evaluating, following, imported
from overnight.core import errors, places, views


def fetch(o: Overnight, runs: Mapping[str, str | None]) -> dict[str, errors.OvernightError]:
    """`runs`: each with its server, None where that is to be found. By run, what kept one from
    being fetched; of some of these an older state is here (`is_kept`).
    """
    settled = unchanged(o) if len(runs) > 1 else set()
    failed: dict[str, errors.OvernightError] = {}
    for run, server in runs.items():
        servers = [server] if server else o.mirror.where(run)
        is_asked = len(runs) > 1 or imported.is_imported(o, run)
        if any((each, run) in settled for each in servers):
            continue
        if not servers and is_asked and is_kept(o, run):  # imported, or of a server that is gone
            continue
        try:
            with o.talk.busy(f"fetching {run}"):
                evaluating.pull(o, run, server)
        except (errors.Unreachable, errors.ServerError, errors.UsageError) as error:
            failed[run] = error
    return failed


def unchanged(o: Overnight) -> set[tuple[str, str]]:
    """(server, run) of those that have ended and lie here as their servers have them now."""
    return {
        (server.name, run.name)
        for server in following.status(o)
        if server.reachable
        for run in server.runs
        if run.ended and is_here(o, run)
    }


def is_here(o: Overnight, run: views.RunView) -> bool:
    """Whether its results were pulled, and nothing has happened to it since.

    The folder may be that of a run of the same name on another server.
    """
    folder = places.results_folder(o.root, run.name)
    if not (folder / "state.json").exists():
        return False
    try:
        state = evaluating.record(folder / "state.json")
    except errors.UsageError:
        return False
    return all(state.get(key) == run.row.get(key) for key in ("seq", "created_at"))


def is_kept(o: Overnight, run: str) -> bool:
    """Whether anything of it lies here."""
    return (places.results_folder(o.root, run) / "state.json").exists()


def tell(o: Overnight, run: str, problem: errors.OvernightError) -> None:
    """Says what stands in for a run that could not be fetched; raises where nothing does."""
    if not is_kept(o, run):
        raise problem
    if isinstance(problem, errors.Unreachable):
        folder = places.results_folder(o.root, run)
        o.talk.say(f"{problem.message}; {run} as it was fetched {evaluating.age(folder)}")
