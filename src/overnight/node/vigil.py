"""Combines what is seen of a living attempt. Pure: looks go in, notices and verdicts come out.

A verdict ends the attempt: `hang`, `nan` or `stalled`. Everything else is a notice. Time is that
of a clock that nobody sets; it counts only while somebody looked and the run was not suspended,
so that neither a sleeping machine nor a busy supervisor makes a hang.
"""

from __future__ import annotations

from typing import Any, Iterable, NamedTuple

from overnight.node import growth, kernel, notices, patience, seeing, vitals
from overnight.node.notices import Disk, GpuSight, Notice, duration

LONGEST_GAP_S = 5.0
FEWEST_ACTIVITIES = 2
MAKE_ROOM_S = 60.0
LONG_STUCK = 2.0
MIB = 1 << 20


class Step(NamedTuple):
    """Where the training is; see `patience.Sign`. `advanced`: further than at the last look."""

    advanced: bool = False
    axis: int | None = None
    left: int | None = None
    announced: str | None = None
    finished: bool = False
    has_loss: bool = False


class Loss(NamedTuple):
    """How the training loss does; `facts` say where it was sound last."""

    lost: bool = False
    diverging: bool = False
    facts: dict[str, Any] = {}  # noqa: RUF012  a default that nobody changes


class Look(NamedTuple):
    """What was seen at the moment `now` (s). None: not looked at this time.

    `age_s`: of the attempt, however long this vigil is. `heard`: there was new output. `activity`:
    of the processes since the last sample. `suspended`: one of them is stopped by a signal.
    `faults`: what the driver has said anew.
    """

    now: float
    age_s: float = 0.0
    heard: bool = False
    step: Step = Step()
    loss: Loss = Loss()
    files: growth.Seen | None = None
    activity: vitals.Activity | None = None
    suspended: bool = False
    gpus: tuple[GpuSight, ...] | None = None
    disks: tuple[Disk, ...] = ()
    memory: kernel.Memory | None = None
    oom_kills: int = 0
    faults: tuple[str, ...] = ()


class Verdict(NamedTuple):
    """Why the attempt is ended: `cause` as in its exit record, `text` for people."""

    cause: str
    text: str
    facts: dict[str, Any]


class Findings(NamedTuple):
    notices: tuple[Notice, ...] = ()
    verdict: Verdict | None = None


class Vigil:
    """One attempt's watch. `told`: the kinds of notices that it was given before."""

    def __init__(
        self,
        settings: seeing.Settings,
        now: float,
        prior_setup_s: float = 0.0,
        told: Iterable[str] = (),
    ) -> None:
        self.settings = settings
        self.clock = 0.0
        self.patience = patience.Patience(settings, 0.0, prior_setup_s)
        self.busy: bool | None = None
        self._now = now
        self._once = notices.Once(told)
        self._files: growth.Seen | None = None
        self._growth = growth.Rate(settings.growth_window_s)
        self._written = 0
        self._advanced_at: float | None = None
        self._activities = 0
        self._busy_at = float("-inf")
        self._suspended = False
        self._idle = notices.IdleGpus(settings.gpu_idle_s)
        self._disks = notices.Disks(settings)
        self._memory_short = False

    def look(self, look: Look) -> Findings:
        self._pass_time(look)
        self._take_signs(look)
        told = [notice for notice in self._notices(look) if notice is not None]
        verdict = self._verdict(look)
        if verdict is not None and not self._ends(verdict):
            if self._once.begins(verdict.cause, True):
                told.append(Notice(verdict.cause, verdict.text, verdict.facts))
            verdict = None
        return Findings(tuple(told), verdict)

    def silent_s(self) -> float:
        return self.patience.silent_s(self.clock)

    def wants_vitals(self) -> bool:
        """Whether it matters by now what the processes do."""
        if self.settings.min_growth_mib_s is not None:
            return True
        limit_s = self.patience.deadline(False).limit_s
        return limit_s is not None and self.silent_s() >= limit_s / 2

    def vitals_every_s(self) -> float:
        limit_s = self.patience.deadline(False).limit_s or self.settings.floor_s
        return min(30.0, max(1.0, limit_s / 20))

    # -- signs of progress --------------------------------------------------------------------

    def _pass_time(self, look: Look) -> None:
        passed_s = min(max(0.0, look.now - self._now), LONGEST_GAP_S)
        self._now = look.now
        self._suspended = look.suspended
        if not look.suspended or self.settings.end_suspended:
            self.clock += passed_s

    def _take_signs(self, look: Look) -> None:
        step = look.step
        grown = look.files is not None and growth.has_grown(self._files, look.files)
        self._files = look.files or self._files
        wrote = look.activity is not None and look.activity.wrote
        if step.advanced:
            self._advanced_at = self.clock
        if step.advanced or look.heard or grown or wrote:
            self.patience.sign(patience.Sign(self.clock, *step))
            self.busy, self._activities, self._busy_at = None, 0, self.clock
            self._once.begins("hang", False)
            self._once.begins("silent", False)
        elif look.activity is not None:
            self._weigh(look.activity)

    def _weigh(self, activity: vitals.Activity) -> None:
        """Idle is what has done nothing for a quarter of the time that it may be silent."""
        self._activities += 1
        if activity.busy:
            self._busy_at = self.clock
        if self._activities >= FEWEST_ACTIVITIES:
            enough_s = (self.patience.deadline(False).limit_s or 0.0) / 4
            self.busy = self.clock - self._busy_at < enough_s

    # -- verdicts -----------------------------------------------------------------------------

    def _ends(self, verdict: Verdict) -> bool:
        wishes = {
            "hang": self.settings.end_hung,
            "nan": self.settings.end_nan,
            "stalled": self.settings.end_stalled,
        }
        return wishes.get(verdict.cause, True)

    def _verdict(self, look: Look) -> Verdict | None:
        if look.loss.lost:
            return Verdict("nan", "the training loss is no number any more", look.loss.facts)
        return self._contended(look) or self._stalled(look) or self._hang(look)

    def _contended(self, look: Look) -> Verdict | None:
        """Somebody else began on our GPUs when we did. Nothing is lost yet, so we make room."""
        if self._advanced_at is not None or look.age_s > MAKE_ROOM_S or not look.gpus:
            return None
        others = notices.strangers(look.gpus)
        if not others:
            return None
        text = "somebody else has begun on the run's GPUs at the same time"
        return Verdict("contended", text, {"others": others})

    def _hang(self, look: Look) -> Verdict | None:
        deadline = self.patience.deadline(self.busy)
        silent_s = self.silent_s()
        if deadline.limit_s is None or silent_s <= deadline.limit_s:
            return None
        if look.suspended and not self.settings.end_suspended:
            return None
        text = f"no progress for {duration(silent_s)} ({deadline.phase})"
        if deadline.learned_s:
            text += f"; {duration(deadline.learned_s)} were the most so far"
        facts = {
            "phase": deadline.phase,
            "silent_s": round(silent_s, 1),
            "learned_s": round(deadline.learned_s, 3),
            "limit_s": round(deadline.limit_s, 1),
            "busy": self.busy,
        }
        return Verdict("hang", text, facts)

    def _stalled(self, look: Look) -> Verdict | None:
        """A download that has become too slow. A tree too large to be looked at in whole is
        judged by what the processes write.
        """
        wanted = self.settings.min_growth_mib_s
        if wanted is None:
            return None
        if look.activity is not None:
            self._written += look.activity.written_bytes
        if look.files is None or self._suspended:
            return None
        self._growth.mark(self.clock, look.files.total_bytes if look.files.whole else self._written)
        bytes_s = self._growth.bytes_s()
        if bytes_s is None or bytes_s >= wanted * MIB:
            return None
        rate = bytes_s / MIB
        text = f"the outputs grew by {max(0.0, rate):.2f} MiB/s, and {wanted:g} MiB/s are wanted"
        facts = {"mib_s": round(rate, 3), "wanted_mib_s": wanted, "bytes": look.files.total_bytes}
        return Verdict("stalled", text, facts)

    # -- notices ------------------------------------------------------------------------------

    def _notices(self, look: Look) -> Iterable[Notice | None]:
        yield self._of_suspension(look)
        yield self._of_silence()
        yield self._of_standstill()
        if self._once.begins("diverging", look.loss.diverging):
            text = "the training loss is far above what it was"
            yield Notice("diverging", text, look.loss.facts)
        if look.gpus is not None:
            yield from self._of_gpus(look.gpus)
        for disk in look.disks:
            yield self._of_disk(disk)
        if look.memory is not None:
            yield self._of_memory(look.memory)
        if self._once.begins(f"oom_kill {look.oom_kills}", look.oom_kills > 0):
            text = "the kernel has killed a process of the run for memory"
            yield Notice("oom_kill", text, {"count": look.oom_kills})
        if look.faults:
            yield Notice("gpu_fault", look.faults[0], {"lines": list(look.faults)})

    def _of_suspension(self, look: Look) -> Notice | None:
        if not self._once.begins("suspended", look.suspended):
            return None
        return Notice("suspended", "a process of the run is stopped by a signal (SIGSTOP)")

    def _of_silence(self) -> Notice | None:
        """A run that never told any progress, and works: nobody can say what it does."""
        silent_s = self.silent_s()
        mute = self.patience.phase == patience.SETUP and self.busy is True
        if not mute or silent_s < self.settings.setup_floor_s:
            return None
        if not self._once.begins("silent", True):
            return None
        text = f"it works, but has shown no progress for {duration(silent_s)}"
        return Notice("silent", text, {"silent_s": round(silent_s)})

    def _of_standstill(self) -> Notice | None:
        """Output goes on, but the training does not."""
        if self._advanced_at is None or self.patience.phase != patience.STEP:
            return None
        stuck_s = self.clock - self._advanced_at
        limit_s = self.patience.deadline(None).limit_s
        if limit_s is None or self.silent_s() > limit_s:
            return None
        stuck = stuck_s > LONG_STUCK * limit_s
        if not self._once.begins("no_step", stuck):
            return None
        text = f"there is output, but no step for {duration(stuck_s)}"
        return Notice("no_step", text, {"stuck_s": round(stuck_s)})

    def _of_gpus(self, sights: tuple[GpuSight, ...]) -> Iterable[Notice]:
        others = notices.strangers(sights)
        if self._once.begins("gpu_shared", bool(others)):
            yield notices.of_strangers(others)
        if self._suspended or self.patience.phase == patience.SETUP:
            self._idle.forget()
            return
        idle = self._idle.idle(self.clock, sights)
        if self._once.begins("gpu_idle", bool(idle)):
            yield notices.of_idle(idle, self.settings.gpu_idle_s)

    def _of_disk(self, disk: Disk) -> Notice | None:
        largest = self._files.largest_bytes if self._files else 0
        found = self._disks.trouble(self.clock, disk, largest)
        return found if self._once.begins(f"disk_low {disk.path}", found is not None) else None

    def _of_memory(self, memory: kernel.Memory) -> Notice | None:
        short = notices.memory_is_short(memory, self.settings.memory_share, self._memory_short)
        self._memory_short = self._memory_short if short is None else short
        return notices.of_memory(memory) if self._once.begins("memory_high", short) else None
