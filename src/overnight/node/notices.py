"""What is worth telling a person about a run that goes on. Pure.

A `Notice` ends nothing. Each incident is told once: when it begins, and again only after it was
over. The judges here remember no more than that takes.
"""

from __future__ import annotations

from typing import Any, Iterable, NamedTuple, Sequence

from overnight.node import growth, kernel, seeing

GIB = 1 << 30
MIB = 1 << 20
IDLE_PERCENT = 5
FEWEST_LOOKS = 5
LITTLE_BYTES, LITTLE_SHARE = 2 * GIB, 0.02
WORRYING_SHARE = 0.2
FITS = 1.2
FOREIGN_MIB = 100
RELIEF = 0.05  # of the limit must be free again before memory is worth another word


class Notice(NamedTuple):
    """`text` is one clause for people, `facts` plain JSON."""

    kind: str
    text: str
    facts: dict[str, Any] = {}  # noqa: RUF012  a default that nobody changes


class GpuSight(NamedTuple):
    """One of the run's GPUs; `foreign` are (pid, MiB) of other people's processes on it."""

    uuid: str
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    utilization: int | None
    foreign: tuple[tuple[int, int | None], ...] = ()


class Disk(NamedTuple):
    """Of the file system that a run writes to, in bytes. `path` says which one."""

    path: str
    free: int
    total: int


class Once:
    """Tells each incident when it begins. `told`: the kinds that were told before.

    A key is a kind, or a kind and what it is about, with a blank between them.
    """

    def __init__(self, told: Iterable[str] = ()) -> None:
        self._told = frozenset(told)
        self._on: dict[str, bool] = {}

    def begins(self, key: str, on: bool | None) -> bool:
        """True where `on` is new; None changes nothing."""
        if on is None:
            return False
        before = self._on.get(key, key.partition(" ")[0] in self._told)
        self._on[key] = on
        return on and not before


class IdleGpus:
    """GPUs that do nothing for a long time while the process lives."""

    def __init__(self, longest_s: float) -> None:
        self.longest_s = longest_s
        self._since: dict[str, float] = {}
        self._looks: dict[str, int] = {}

    def idle(self, now: float, sights: Sequence[GpuSight]) -> list[GpuSight]:
        for each in sights:
            if each.utilization is None or each.utilization > IDLE_PERCENT:
                self._since[each.uuid], self._looks[each.uuid] = now, 0
            self._since.setdefault(each.uuid, now)
            self._looks[each.uuid] = self._looks.get(each.uuid, 0) + 1
        return [
            each
            for each in sights
            if self._looks[each.uuid] > FEWEST_LOOKS
            and now - self._since[each.uuid] >= self.longest_s
        ]

    def forget(self) -> None:
        self._since.clear()
        self._looks.clear()


def of_idle(idle: Sequence[GpuSight], longest_s: float) -> Notice:
    names = ", ".join(str(each.index) for each in idle)
    return Notice(
        "gpu_idle",
        f"GPU {names} idle for {duration(longest_s)} while the process lives",
        {"gpus": [each.uuid for each in idle], "idle_s": longest_s},
    )


def strangers(sights: Sequence[GpuSight]) -> list[dict[str, Any]]:
    """Who else uses the run's GPUs, with so much memory that it matters."""
    return [
        {"gpu": each.uuid, "pid": pid, "mib": mib}
        for each in sights
        for pid, mib in each.foreign
        if mib is None or mib >= FOREIGN_MIB
    ]


def of_strangers(found: Sequence[dict[str, Any]]) -> Notice:
    mib = sum(each["mib"] or 0 for each in found)
    said = f" ({mib} MiB)" if mib else ""
    return Notice("gpu_shared", f"somebody else uses the run's GPUs{said}", {"others": list(found)})


class Disks:
    """File systems that will be full soon."""

    def __init__(self, settings: seeing.Settings) -> None:
        self.settings = settings
        self._rates: dict[str, growth.Rate] = {}

    def trouble(self, now: float, disk: Disk, largest_bytes: int) -> Notice | None:
        """`largest_bytes`: of the largest file that the run wrote, which may come again."""
        rate = self._rates.setdefault(disk.path, growth.Rate(self.settings.growth_window_s))
        rate.mark(now, disk.total - disk.free)
        facts: dict[str, Any] = {"path": disk.path, "free_mib": disk.free // MIB}
        if disk.free < min(LITTLE_BYTES, LITTLE_SHARE * disk.total):
            return Notice("disk_low", f"{size(disk.free)} left on {disk.path}", facts)
        if largest_bytes > MIB and disk.free < FITS * largest_bytes:
            text = f"no room on {disk.path} for another file of {size(largest_bytes)}"
            return Notice("disk_low", text, {**facts, "wanted_mib": largest_bytes // MIB})
        return self._soon(disk, rate.bytes_s() or 0.0, facts)

    def _soon(self, disk: Disk, bytes_s: float, facts: dict[str, Any]) -> Notice | None:
        left_s = disk.free / bytes_s if bytes_s > 0 else float("inf")
        if left_s > self.settings.disk_left_s or disk.free > WORRYING_SHARE * disk.total:
            return None
        text = f"{disk.path} will be full in about {duration(left_s)} ({size(disk.free)} left)"
        return Notice("disk_low", text, {**facts, "left_s": round(left_s)})


def memory_is_short(memory: kernel.Memory, share: float, was: bool) -> bool | None:
    """None where there is no limit, or the use is too near to it to call it over."""
    if memory.limit is None or memory.used is None:
        return None
    if memory.used >= share * memory.limit:
        return True
    return None if was and memory.used > (share - RELIEF) * memory.limit else False


def of_memory(memory: kernel.Memory) -> Notice:
    used, limit = memory.used or 0, memory.limit or 1
    return Notice(
        "memory_high",
        f"{size(used)} of the {size(limit)} of host memory that the run may use",
        {"used_mib": used // MIB, "limit_mib": limit // MIB},
    )


def size(amount: float) -> str:
    if amount >= GIB:
        return f"{amount / GIB:.1f} GiB"
    return f"{amount / MIB:.0f} MiB" if amount >= MIB else f"{amount / 1024:.0f} KiB"


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3.5 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
