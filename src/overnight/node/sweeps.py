"""What became of the runs of a sweep, kept as each ends: `projects/P/sweeps/NAME/`.

    RUN.json                 one result, made of the run's records when the run ended
    table.txt, table.json    all of them by point, once none of this server is active

`record` may be called by anybody at any time, and again: what it writes follows from the records of
the runs alone. The supervisor calls it at the end of its run, the watch where that was killed.
"""

from __future__ import annotations

import functools
import os
from typing import Any, Callable, ContextManager, Iterable, Mapping

from overnight.node import command, fs, journal, layout, lock, notify, primary, states, sweep_table

LOCK_S = 5.0


def folder(root: str, project: str, name: str) -> str:
    return os.path.join(layout.project_folder(root, project), "sweeps", layout.checked(name))


def of(run: layout.Run) -> Mapping[str, Any]:
    """What the spec says of its sweep; {} where the run belongs to none. A smoke test does not."""
    spec = fs.read_json(run.file("spec.json")) or {}
    found = spec.get("sweep") if spec.get("kind") != "smoke" else None
    return found if isinstance(found, dict) and layout.NAME.match(str(found.get("name"))) else {}


def record(run: layout.Run) -> None:
    """Keeps the result of a run that has ended; the table where it was the last. Idempotent.

    OSError where it cannot be written, also where another process holds the lock for too long.
    """
    name = of(run).get("name")
    if name is not None:
        keep_result(run, str(name))
        tabulate(run.root, run.project, str(name))


def locked(root: str, project: str, name: str) -> ContextManager[None]:
    place = folder(root, project, name)
    os.makedirs(place, exist_ok=True)
    return lock.held(os.path.join(place, "lock"), LOCK_S)


def keep_result(run: layout.Run, name: str) -> None:
    with locked(run.root, run.project, name):
        state = journal.published(run)
        if state.get("state") in states.ENDED and not is_elsewhere(state):
            path = os.path.join(folder(run.root, run.project, name), f"{run.name}.json")
            keep(path, fs.dump(result(run, state)) + b"\n")


def tabulate(root: str, project: str, name: str) -> None:
    """Writes the table where no run of the sweep is active here. table.txt comes last."""
    with locked(root, project, name):
        members = of_sweep(root, project, name)
        if not all(each.get("state") in states.ENDED for each in members.values()):
            return
        place = folder(root, project, name)
        for run_name, state in members.items():  # also those whose supervisor never came to it
            found = result(layout.run(root, project, run_name), state)
            keep(os.path.join(place, f"{run_name}.json"), fs.dump(found) + b"\n")
        made = table(root, project, name)
        if made is not None:
            keep(os.path.join(place, "table.json"), fs.dump(made) + b"\n")
            keep(
                os.path.join(place, "table.txt"), sweep_table.text(made).encode("utf-8", "replace")
            )


def keep(path: str, content: bytes) -> None:
    """Writes where it says something new: a night of looking costs no write."""
    try:
        with open(path, "rb") as file:
            if file.read() == content:
                return
    except OSError:
        pass
    fs.publish(path, content)


def is_in_table(run: layout.Run, name: str) -> bool:
    """Whether the table was written after the run's result. A table that is as it would be now may
    look older; making it once more does no harm.
    """
    place = folder(run.root, run.project, name)
    written_at, _ = fs.stamp(os.path.join(place, f"{run.name}.json"))
    return fs.stamp(os.path.join(place, "table.txt"))[0] >= written_at > 0


def of_sweep(root: str, project: str, name: str) -> dict[str, dict[str, Any]]:
    """State of every run of the sweep on this server."""
    runs = [run for run in layout.runs(root, project) if of(run).get("name") == name]
    known = {run.name: journal.published(run) for run in runs}
    return {run: state for run, state in known.items() if not is_elsewhere(state)}


def is_elsewhere(state: Mapping[str, Any]) -> bool:
    """Another server has the run now, and its result."""
    return bool(state.get("moved_to"))


def names(root: str, project: str) -> list[str]:
    """The sweeps of which a run has ended here."""
    return layout.names(os.path.join(layout.project_folder(root, project), "sweeps"))


def table(root: str, project: str, name: str) -> dict[str, Any] | None:
    """The results kept so far; None before the first."""
    place = folder(root, project, name)
    found = [fs.read_json(os.path.join(place, each)) for each in results_in(place)]
    runs = [each for each in found if isinstance(each, dict) and "run" in each]
    return as_table(name, runs) if runs else None


def results_in(place: str) -> list[str]:
    return [each for each in layout.names(place) if each.endswith(".json") and each != "table.json"]


def as_table(name: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The content of table.json. The largest `total` counts: runs may have been added later."""
    first = next((each for each in runs if each.get("primary")), {})
    return {
        "sweep": name,
        "server": runs[0].get("server"),
        "mode": runs[0].get("mode"),
        "total": max(int(each.get("total") or 0) for each in runs),
        "primary": first.get("primary"),
        "goal": first.get("goal"),
        "runs": sorted(runs, key=lambda each: (int(each.get("index") or 0), each["run"])),
        "points": points(runs, first.get("goal")),
    }


def points(runs: Iterable[dict[str, Any]], goal: str | None) -> list[dict[str, Any]]:
    return [
        {
            "point": dict(group.point),
            "base": group.is_base,
            "n": len(group.values()),
            "mean": sweep_table.mean(group.values()) if group.values() else None,
            "sd": sweep_table.deviation(group.values()),
            "runs": [each["run"] for each in group.pooled],
        }
        for group in sweep_table.groups(runs, goal)
    ]


# -- one run ----------------------------------------------------------------------------------


def result(run: layout.Run, state: Mapping[str, Any]) -> dict[str, Any]:
    """What a run came to, from its spec, its state and the records of its attempts. See
    docs/json.md; every value names its attempt and the file it was read from.
    """
    spec = fs.read_json(run.file("spec.json")) or {}
    attempts = [each for each in state.get("attempts") or [] if isinstance(each, dict)]
    metrics = spec.get("metrics") or {}
    repairs = list(state.get("repairs") or [])
    hidden = [*command.secrets(run).values(), *notify.secrets(run.root, run.project)]
    provenance = spec.get("provenance") or {}
    return {
        "run": run.name,
        **{key: (spec.get("sweep") or {}).get(key) for key in SWEEP_KEYS},
        "state": state.get("state"),
        "reason": notify.plain(str(state.get("reason") or ""), hidden),
        "class": (state.get("failure") or {}).get("class"),
        "primary": metrics.get("primary"),
        "goal": metrics.get("goal"),
        **reached(run, attempts, str(metrics.get("goal"))),
        "repairs": [{key: each.get(key) for key in REPAIR_KEYS} for each in repairs],
        "changed": any(each.get("changes_science") for each in repairs),
        "attempts": len(attempts),
        "duration_s": duration_s(attempts),
        "ended_at": state.get("changed_at"),
        "snapshot": spec.get("snapshot"),
        "server": str(provenance.get("server") or os.uname().nodename),
        "gpus": list(attempts[-1].get("gpus") or []) if attempts else [],
    }


SWEEP_KEYS = ("name", "index", "total", "point", "seed", "base", "mode")
REPAIR_KEYS = ("class", "change", "changes_science", "at", "attempt")


def reached(run: layout.Run, attempts: Iterable[Mapping[str, Any]], goal: str) -> dict[str, Any]:
    """Best and last of the primary metric over all attempts."""
    return primary.joined(curves(run, attempts), goal)._asdict()


def curves(
    run: layout.Run, attempts: Iterable[Mapping[str, Any]]
) -> list[tuple[int, dict[str, Any]]]:
    """What the exit records of the attempts say of the primary metric."""
    exits = [(each["n"], fs.read_json(run.attempt(each["n"], "exit.json"))) for each in attempts]
    found = [(n, record.get("primary")) for n, record in exits if isinstance(record, dict)]
    return [(n, curve) for n, curve in found if isinstance(curve, dict)]


def duration_s(attempts: Iterable[Mapping[str, Any]]) -> float | None:
    """Seconds that its attempts ran, without what lay between them."""
    known = [each for each in attempts if each.get("ended_at") and each.get("started_at")]
    lengths = [max(0.0, each["ended_at"] - each["started_at"]) for each in known]
    return round(sum(lengths), 3) if lengths else None


# -- for the laptop ---------------------------------------------------------------------------


def answer(
    root: str, project: str, wanted: Iterable[str] | None, points_of: Iterable[str] = ()
) -> dict[str, Any]:
    """{"sweeps": {NAME: {"runs": {RUN: result}, "is_done"}}} of the named sweeps, or of all.

    Of a run that has not ended the result is what its newest attempt has told so far. Where there
    are `points_of`, only these runs are told of, with `points`: the newest [step, epoch, value] of
    the primary metric.
    """
    names_wanted = None if wanted is None else {layout.checked(each) for each in wanted}
    with_points = set(points_of)
    found: dict[str, dict[str, Any]] = {}
    for run in layout.runs(root, project):
        if with_points and run.name not in with_points:
            continue
        name = of(run).get("name")
        if name is None or (names_wanted is not None and name not in names_wanted):
            continue
        if not os.path.exists(run.file("state.json")):
            continue
        state = journal.published(run)
        if is_elsewhere(state):
            continue
        one = found.setdefault(str(name), {"runs": {}, "is_done": True})
        has_ended = state.get("state") in states.ENDED
        one["is_done"] = one["is_done"] and has_ended
        told = kept_result(run, str(name), state) if has_ended else so_far(run, state)
        more = {"points": points_so_far(run, state)} if run.name in with_points else {}
        one["runs"][run.name] = {**told, **more}
    return {"sweeps": found}


def kept_result(run: layout.Run, name: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """As it was recorded; from the run's records where nobody has come to that yet."""
    kept = fs.read_json(os.path.join(folder(run.root, run.project, name), f"{run.name}.json"))
    if isinstance(kept, dict) and kept.get("ended_at") == state.get("changed_at"):
        return kept
    return result(run, state)


def so_far(run: layout.Run, state: Mapping[str, Any]) -> dict[str, Any]:
    found, now = result(run, state), beat(run, state)
    if now:
        found["now"] = {key: now.get(key) for key in ("value", "best", "step", "epoch")}
    return {**found, "ended_at": None}


def beat(run: layout.Run, state: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the newest heartbeat says of the primary metric."""
    found = fs.read_json(run.attempt(int(state.get("attempt") or 0), "heartbeat"))
    return (found.get("primary") or {}) if isinstance(found, dict) else {}


def points_so_far(run: layout.Run, state: Mapping[str, Any]) -> list[Any]:
    """Of the attempts that have ended, and of the one that is under way."""
    attempts = [each for each in state.get("attempts") or [] if isinstance(each, dict)]
    ended = primary.points([curve for _, curve in curves(run, attempts)])
    is_open = bool(attempts) and attempts[-1].get("ended_at") is None
    return [*ended, *(beat(run, state).get("recent") or [])] if is_open else ended


class Net:
    """The watch's part: records what a supervisor that was killed could not."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._seen: dict[layout.Run, Any] = {}
        self._sweeps: set[tuple[str, str]] = set()  # those that may have a table to be written

    def attend(self, known: Mapping[layout.Run, Any]) -> bool:
        """`known`: run -> `post.Known`. True where something could not be written yet."""
        is_behind = False
        for run, each in known.items():
            if each.state in states.ENDED and self._seen.get(run) != each.stamp:
                if self.has_room_for(functools.partial(self.see, run)):
                    self._seen[run] = each.stamp
                else:
                    is_behind = True
        for project, name in list(self._sweeps):
            if self.has_room_for(functools.partial(tabulate, self.root, project, name)):
                self._sweeps.discard((project, name))
        return is_behind or bool(self._sweeps)

    def see(self, run: layout.Run) -> None:
        name = of(run).get("name")
        if name is None:
            return
        keep_result(run, str(name))
        if not is_in_table(run, str(name)):
            self._sweeps.add((run.project, str(name)))

    def has_room_for(self, act: Callable[[], None]) -> bool:
        """False where it is worth another try: the disk is full, or somebody holds a lock."""
        try:
            act()
        except OSError as error:
            return not (isinstance(error, TimeoutError) or error.errno in journal.NO_SPACE)
        return True
