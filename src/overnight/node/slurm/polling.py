"""What Slurm says of all jobs of this root, asked at once and kept in a file for a while.

squeue is asked first, for all of the user's jobs. Only for those that it does not show sacct is
asked, and scontrol where squeue does not work. Each may be missing, disabled, away or forgetful.
"""

from __future__ import annotations

import contextlib
import os
from typing import Callable, Iterator, Mapping, NamedTuple, Sequence

from overnight.node import fs, layout
from overnight.node.slurm import asking, deciding, jobs, records, sacct, scontrol, squeue

FILE = "slurm.json"
MOST_SHOWN = 20  # jobs that scontrol is asked for, one question each
SACCT_AGAIN_S = 3600.0  # a site that keeps no accounts is not asked at every round

Ask = Callable[[Sequence[str]], asking.Said]


class Table(NamedTuple):
    """`forgotten`: when the controller first said that it knows no such job (Unix time).

    `problem` is why the last question has no answer; `no_accounts_at` when sacct said that it is
    of no use here. `asked_for` are the ids in the question.
    """

    asked_at: float = 0.0
    pause_s: float = 0.0
    by_id: Mapping[str, jobs.Job] = {}
    forgotten: Mapping[str, float] = {}
    problem: str = ""
    no_accounts_at: float = 0.0
    asked_for: Sequence[str] = ()

    def is_due(self, wanted: Sequence[str], now: float) -> bool:
        """Also where the clock was set back, or a job is new."""
        is_old = not 0 <= now - self.asked_at < self.pause_s
        return is_old or not set(wanted) <= set(self.asked_for)

    def without_strangers(self, job: str, name: str, now: float) -> Table:
        """A controller that lost its memory gives numbers anew: then ours is another's job."""
        found = self.by_id.get(job)
        if found is None or found.name == name:
            return self
        others = {key: each for key, each in self.by_id.items() if key != job}
        since = {**self.forgotten, job: self.forgotten.get(job, self.asked_at or now)}
        return self._replace(by_id=others, forgotten=since)

    def named(self, name: str, element: int | None) -> list[jobs.Job]:
        """The jobs of a submission, several where sbatch was asked twice."""
        found = [each for each in self.by_id.values() if each.name == name]
        if element is None:
            return found
        return [each for each in found if each.id.endswith(f"_{element}")]


def path(root: str) -> str:
    return os.path.join(root, FILE)


def read(root: str) -> Table:
    found = fs.read_json(path(root))
    with contextlib.suppress(TypeError, AttributeError):
        known = {str(key): jobs.Job(*value) for key, value in found["by_id"].items()}
        return Table(**{**found, "by_id": known})
    return Table()


def write(root: str, table: Table) -> None:
    value = {**table._asdict(), "by_id": {key: list(job) for key, job in table.by_id.items()}}
    with contextlib.suppress(OSError):
        fs.publish_json(path(root), value, durable=False)


def ask_again_soon(root: str) -> None:
    """After a submission or a wish: the next round asks, whatever pause there was."""
    write(root, read(root)._replace(pause_s=0.0))


def fresh(
    before: Table, root: str, wanted: Sequence[str], env: Mapping[str, str], now: float
) -> Table:
    """The table, asked anew: one question, however many runs want to know."""
    after = asked(before, wanted, lambda argv: asking.ask(list(argv), env), os.getuid(), now)
    write(root, after)
    return after


def asked(before: Table, wanted: Sequence[str], ask: Ask, user: int, now: float) -> Table:
    """One round of questions about the jobs `wanted`."""
    said = ask(squeue.argv(user))
    found = squeue.parse(said.out) if not said.problem else {}
    # what squeue did not say, or said badly, the others may know
    left = [job for job in wanted if job not in found]
    accounts, no_accounts_at = accounts_of(before, left, ask, now)
    found.update({job: each for job, each in accounts.items() if each.phase == jobs.ENDED})
    unknown = [job for job in left if job not in found]
    if said.problem:
        shown, unknown = from_scontrol(unknown, ask)
        found.update(shown)
    kept = {
        job: each for job, each in found.items() if job in set(wanted) or each.phase != jobs.ENDED
    }
    changed = not said.problem and kept != before.by_id
    return Table(
        asked_at=now,
        pause_s=deciding.next_pause_s(before.pause_s, changed=changed),
        by_id=kept,
        forgotten={job: before.forgotten.get(job, now) for job in unknown},
        problem=said.problem,
        no_accounts_at=no_accounts_at,
        asked_for=sorted(wanted, key=jobs.sort_key),
    )


def accounts_of(
    before: Table, left: Sequence[str], ask: Ask, now: float
) -> tuple[dict[str, jobs.Job], float]:
    asked_lately = before.no_accounts_at and 0 <= now - before.no_accounts_at < SACCT_AGAIN_S
    if not left or asked_lately:
        return {}, before.no_accounts_at
    said = ask(sacct.argv(left))
    if said.is_missing or sacct.DISABLED in said.problem:
        return {}, now
    return (sacct.parse(said.out) if not said.problem else {}), 0.0


def from_scontrol(wanted: Sequence[str], ask: Ask) -> tuple[dict[str, jobs.Job], list[str]]:
    """What scontrol shows, and the ids of which the controller says that it knows no such job."""
    found: dict[str, jobs.Job] = {}
    unknown = []
    for job in wanted[:MOST_SHOWN]:
        said = ask(scontrol.show_argv(job))
        if said.is_missing or said.timed_out:
            break
        if scontrol.FORGOTTEN.search(said.problem):
            unknown.append(job)
        elif not said.problem:
            found.update(scontrol.parse_show(said.out))
    return found, unknown


def submissions(root: str, active: Callable[[layout.Run], bool]) -> Iterator[records.Submission]:
    """Those of the active runs of this root, as far as Slurm has numbered them."""
    for run in layout.runs(root):
        known = records.read(run)
        if known is not None and known.job and not known.is_done and active(run):
            yield known


def lookup(submission: records.Submission, ask: Ask, user: int) -> tuple[str, str]:
    """(job, problem) of a submission whose answer was lost, by its name.

    Both empty: Slurm answered, and has no such job. A job that sbatch was told is refused may
    still be shown as failed, and counts as none.
    """
    said = ask(squeue.argv(user))
    if said.problem:
        return "", said.problem
    table = Table(by_id=squeue.parse(said.out))
    found = table.named(submission.name, submission.element)
    began = [each for each in found if not (each.phase == jobs.ENDED and not each.nodes)]
    ids = sorted((each.id for each in began), key=jobs.sort_key)
    return (ids[0] if ids else ""), ""


def doubles(table: Table, submission: records.Submission) -> list[str]:
    """Waiting jobs of the same submission that are not the one we know: sbatch was asked twice."""
    found = table.named(submission.name, submission.element)
    return [each.id for each in found if each.id != submission.job and each.phase == jobs.WAITS]
