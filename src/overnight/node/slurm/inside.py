"""The supervisor as a guest of a Slurm job: same attempts, records and repairs as anywhere.

What differs: GPUs are those of the job, so none are leased; a wish to stop is a file; the job may
be told to go (its time is nearly over, or Slurm takes the nodes back), and then the attempt ends
and the job goes back into the queue; another job or a restart of this one may take the run over.
"""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from overnight.node import (
    attempt,
    command,
    fs,
    gpus,
    layout,
    lookout,
    preparation,
    processes,
    server,
    shim,
    states,
)
from overnight.node import (
    supervise as elsewhere,
)
from overnight.node.slurm import (
    asking,
    guard,
    notices,
    records,
    sbatch,
    scontrol,
    squeue,
    surroundings,
    tasks,
)

TIME_LIMIT, TAKEN_BACK, OTHER_GPUS = "time_limit", "preempted", "other GPUs"
GONE_S = 60.0
GIVE_WAY_S = 0.5
SEAT = "job.json"  # of an attempt: the job, and its start, that began it


class Left(Exception):
    """This job has nothing more to do with the run."""


def supervise(run: layout.Run, n: int, seat: records.Seat) -> None:
    guest = Guest(run, n, seat)
    try:
        guest.work_until_done()
    except Left as why:
        print(f"overnight: {why}", flush=True)
    guest.let_describers_end()


class Guest(elsewhere.Supervisor):
    """`notice` is why the job has to go, empty while it has not."""

    def __init__(self, run: layout.Run, n: int, seat: records.Seat) -> None:
        super().__init__(run)
        self.n = n
        self.seat = seat
        self.notice = ""
        self.wanted: dict[str, Any] = self.spec["slurm"]
        self.split = tasks.Splitter()
        self.has_place = False
        signal.signal(signal.SIGUSR2, lambda *_: self.told_to_go(TIME_LIMIT))
        signal.signal(signal.SIGTERM, lambda *_: self.told_to_go(TAKEN_BACK))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, guard.PASSED_ON)

    def told_to_go(self, notice: str) -> None:
        self.notice = self.notice or notice

    @property
    def has_tasks(self) -> bool:
        """Whether the command runs more than once, through srun."""
        return tasks.count(self.wanted) > 1

    # -- whose run it is ----------------------------------------------------------------------

    def is_stopped(self) -> bool:
        """Looked at before each step and at each tick, so that all that may come up does here."""
        if not records.holds(self.run, self.n, self.seat):
            self.give_way()
        state = self.journal.state()
        wish = records.stop_wish(self.run)
        if wish is not None and state.stop is None and state.state in states.ACTIVE:
            by = str(wish.get("by") or "somebody")
            state = self.note("stop_requested", when=lambda s: s.stop is None, by=by)
        if state.stop is not None:
            return True
        if self.notice and state.open_attempt is None and not state.undecided:
            self.leave()
        return False

    def give_way(self) -> None:
        """Ends what is ours and says nothing: the events are the other job's to write.

        At once, because the other one begins when it hears nothing of us for a few seconds.
        """
        if self.follower is not None:
            processes.end(self.follower.folder, GIVE_WAY_S, spare=lambda _: False)
        raise Left(f"another job has the run: {records.owner_of(self.run, self.n)}")

    def leave(self) -> None:
        """Back into the queue, after the attempt was closed and judged."""
        self.note(
            "waiting",
            when=lambda s: s.state in (states.STARTING, states.REPAIRING),
            reason="its Slurm job waits to begin again",
        )
        why = self.notice
        if why != TAKEN_BACK:
            self.requeue()
        raise Left(f"left for {why}")

    def requeue(self) -> None:
        """Where Slurm refuses, the login node submits the run anew when this job has ended."""
        said = asking.ask(scontrol.requeue_argv(self.seat.job), dict(os.environ))
        if said.problem:
            print(f"overnight: not requeued: {said.problem}", flush=True)
            return
        deadline = time.monotonic() + GONE_S
        self.notice = ""
        while not self.notice and time.monotonic() < deadline:
            self.wake.wait(1.0)  # Slurm ends us

    # -- its place ----------------------------------------------------------------------------

    def work_until_done(self) -> None:
        """A run that has no place after a step (its GPUs are under suspicion) leaves this job."""
        self.take_place()
        super().work_until_done()
        if self.journal.state().is_idle:
            self.notice = self.notice or OTHER_GPUS
            self.is_stopped()

    def tell_queue(self) -> None:
        """Slurm's queue is the only one that it was ever in."""

    def take_place(self) -> None:
        """What the job gives is the run's, without a look at the queue of any server."""
        if self.journal.state().is_idle and not self.has_place:
            self.note("granted", gpus=own_gpus(dict(os.environ)), share=1.0)
            self.has_place = True

    def begin(self, state: states.State) -> None:
        """Where an earlier job left the run with a place, that was on other GPUs."""
        if not self.has_place:
            self.has_place = True
            state = self.note("granted", gpus=own_gpus(dict(os.environ)), share=1.0)
        super().begin(state)

    def claimed_by_others(self, place: dict[str, Any]) -> str:
        """Slurm gave them, and looks after them."""
        return ""

    # -- an attempt ---------------------------------------------------------------------------

    def command_line(self, start: preparation.Start) -> list[str]:
        fs.publish_json(self.run.attempt(start.attempt, SEAT), self.seat._asdict())
        line = super().command_line(start)
        return tasks.srun(line, self.wanted) if self.has_tasks else line

    def variables(self, start: preparation.Start) -> dict[str, str]:
        """The launch's environment, with what the job says of itself and of its GPUs."""
        base = asking.without_job(command.environment(self.run, self.spec, []))
        rendezvous = tasks.rendezvous(self.wanted)
        return {**base, **surroundings.of_job(dict(os.environ)), **rendezvous, **start.env}

    def open_view(self) -> None:
        """No window: nobody can attach to a terminal of a compute node."""

    def see(self, eyes: lookout.Lookout) -> str | None:
        if self.has_tasks:
            self.split.read(eyes.follower.folder)
        if self.notice:
            return self.notice
        return super().see(eyes)

    def end_processes(self, follower: attempt.Follower) -> None:
        """Where the job has to go the training is told first, and has time to save itself."""
        if self.notice:
            self.let_it_save(follower)
        if self.has_tasks:
            self.signal_steps("TERM")
            self.wait_over(follower, self.grace_s())
        super().end_processes(follower)
        if self.has_tasks:
            self.signal_steps("KILL")

    def let_it_save(self, follower: attempt.Follower) -> None:
        """Of a job that Slurm takes back every process has its SIGTERM already."""
        signal_s = int(self.wanted.get("signal_s") or sbatch.DEFAULT_SIGNAL_S)
        if self.notice == TIME_LIMIT:
            if self.has_tasks:
                self.signal_steps(str(self.wanted.get("signal") or "TERM"))
            else:
                leader = follower.shim()
                notices.tell(follower.folder, self.wanted.get("signal"), leader)
        self.wait_over(follower, max(2.0, signal_s - self.grace_s() - 15.0))

    def grace_s(self) -> float:
        return float((self.spec.get("policy") or {}).get("grace_s", 30.0))

    def wait_over(self, follower: attempt.Follower, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while not follower.over() and time.monotonic() < deadline:
            follower.attend(attempt.GPU_LOOK_S)
            server.reap()
            self.wake.wait(0.25)

    def signal_steps(self, name: str) -> None:
        """To the tasks on all nodes, which are no children of ours."""
        env = dict(os.environ)
        said = asking.ask(squeue.steps_argv(env["SLURM_JOB_ID"]), env)
        for step in squeue.parse_steps(said.out):
            asking.ask(["scancel", f"--signal={name}", step], env)

    def record(self, follower: attempt.Follower, cause: str | None) -> None:
        """An attempt that another job began and nobody closed ended with that job."""
        if self.has_tasks:
            self.split.read(follower.folder, is_over=True)
        is_ours = fs.read_json(f"{follower.folder}/{SEAT}") == self.seat._asdict()
        if cause is None and not is_ours and shim.exit_code(follower.folder) is None:
            cause = "requeued"
        super().record(follower, cause)


def own_gpus(environ: dict[str, str]) -> list[str]:
    """UUIDs of the GPUs that the job may use; [] where nothing tells.

    Both where the job sees only its own GPUs and where it sees all of the node's, the numbers in
    CUDA_VISIBLE_DEVICES are those of nvidia-smi in the job.
    """
    numbers = surroundings.visible(environ)
    if not numbers:
        return []
    table = gpus.query()
    return [gpu.uuid for gpu in table.gpus if str(gpu.index) in numbers or gpu.uuid in numbers]
