"""Many runs as one job of Slurm's: an array, each element of which is one run's job.

    projects/P/slurm/NAME/index      a line `PROJECT RUN` for each element, counted from 0
    projects/P/slurm/NAME/batch.sh   the script of all

Each run has its own record, so that from then on it is kept like any other: stopped, requeued,
submitted anew by itself.
"""

from __future__ import annotations

import os
import time
import uuid
from typing import Any, Sequence, Tuple

from overnight.node import fs, identity, journal, layout, lock, server, states
from overnight.node.slurm import (
    asking,
    keeping,
    polling,
    records,
    sbatch,
    submitting,
)

Pair = Tuple[layout.Run, "dict[str, Any]"]
MOST_ELEMENTS = 500  # sites allow 1001 unless they say otherwise


def launch(pairs: Sequence[Pair]) -> dict[str, str]:
    """Submits those that have no job yet, runs of the same shape together. What was refused, by
    run."""
    refused: dict[str, str] = {}
    for group in groups([pair for pair in pairs if is_new(*pair)]):
        outcome = submit(group) if len(group) > 1 else submitting.submit(*group[0])
        if outcome.refused:
            refused.update({run.name: outcome.problem for run, _ in group})
    if pairs:
        server.ensure_watch(pairs[0][0].root)
    return refused


def is_new(run: layout.Run, spec: dict[str, Any]) -> bool:
    """Not submitted yet, and nothing that it has to wait for."""
    is_active = journal.state(run).state in states.ACTIVE
    return is_active and records.read(run) is None and not keeping.follows(run, spec)


def groups(pairs: Sequence[Pair]) -> list[list[Pair]]:
    """Runs that ask the same of Slurm, in their order, none larger than an array may be."""
    found: dict[tuple[str, ...], list[list[Pair]]] = {}
    for run, spec in pairs:
        shape = (*shape_of(spec), run.project)
        parts = found.setdefault(shape, [[]])
        if len(parts[-1]) == MOST_ELEMENTS:
            parts.append([])
        parts[-1].append((run, spec))
    return [part for parts in found.values() for part in parts]


def shape_of(spec: dict[str, Any]) -> tuple[str, ...]:
    return (*sbatch.options(spec, 0), str(spec.get("gpus")), str(limit_of(spec)))


def limit_of(spec: dict[str, Any]) -> int | None:
    """How many of them may run at once, where somebody said so."""
    limit = (spec.get("queue") or {}).get("max_concurrent") or spec["slurm"].get("max_jobs")
    return int(limit) if limit else None


def submit(group: Sequence[Pair]) -> submitting.Outcome:
    """One question to sbatch for all of them; written down first, run by run (law 3)."""
    first, spec = group[0]
    name = f"{first.name[:40]}.{uuid.uuid4().hex[:12]}"
    folder = os.path.join(first.project_folder, "slurm", name)
    script = prepare(folder, group, name)
    for run, _ in group:
        os.makedirs(records.folder(run), exist_ok=True)
    guards = [lock.Lock(records.folder(run, "submit.lock")) for run, _ in group]
    try:
        for guard in guards:
            guard.acquire()
        asked = [noted(run, name, number) for number, (run, _) in enumerate(group)]
        env = asking.environment(first)
        array = f"--array=0-{len(group) - 1}" + (f"%{limit_of(spec)}" if limit_of(spec) else "")
        options = [*sbatch.options(spec, submitting.gpus_wanted(spec, env)), array]
        argv = sbatch.argv(options, name=name, output=f"{folder}/batch.log", script=script)
        answer = sbatch.read(asking.ask(argv, env, sbatch.TIMEOUT_S))
        for (run, _), known in zip(group, asked):
            job = f"{answer.job}_{known.element}" if answer.job else ""
            submitting.settled(run, known, submitting.Outcome(job, answer.problem))
    finally:
        for guard in guards:
            guard.release()
    polling.ask_again_soon(first.root)
    return submitting.Outcome(answer.job, answer.problem, answer.refused)


def prepare(folder: str, group: Sequence[Pair], name: str) -> str:
    """Writes index and script; returns the script's path."""
    os.makedirs(folder, exist_ok=True)
    index = os.path.join(folder, "index")
    lines = "".join(f"{run.project} {run.name}\n" for run, _ in group)
    fs.publish(index, lines.encode("ascii"))
    script = os.path.join(folder, "batch.sh")
    text = sbatch.array_script(server.entry(), group[0][0].root, index, name)
    fs.publish(script, os.fsencode(text), mode=0o700)
    return script


def noted(run: layout.Run, name: str, element: int) -> records.Submission:
    asker = [*identity.mine(), os.uname().nodename]
    known = records.Submission(1, name, element=element, asked_at=time.time(), asking=asker)
    records.write(run, known)
    submitting.note_waiting(run)
    return known
