"""What is known about an attempt beside its log."""

from __future__ import annotations

import signal
from typing import Any, NamedTuple

SIGNAL_BASE = 128
MAX_SIGNAL = 64


class Seen(NamedTuple):
    """Everything may be unknown.

    cause: how the node saw it end, as in `actions.Ended`: reboot lost never_started time_box hang
    nan stalled contended. foreign_mib: memory of other people's processes on our GPUs.
    oom_kills: processes that the kernel killed for memory since the attempt began. gpu_faults:
    lines of the driver (Xid, ECC). progress: as in `exit.json`. last_output_age_s: how long a
    living process has been silent.
    """

    exit_code: int | None = None
    signal: int | None = None
    cause: str | None = None
    foreign_mib: int = 0
    disk_full: bool = False
    oom_kills: int = 0
    gpu_faults: tuple[str, ...] = ()
    progress: dict[str, Any] | None = None
    last_output_age_s: float | None = None

    def has_ended(self) -> bool:
        return self.exit_code is not None or self.signal is not None or self.cause is not None

    def has_failed(self) -> bool:
        return self.has_ended() and not self.is_clean()

    def is_clean(self) -> bool:
        return self.exit_code == 0 and self.signal is None

    def killer(self) -> int | None:
        """The signal that ended it; a shell reports 128 + n, Python's subprocess -n."""
        if self.signal is not None:
            return abs(self.signal)
        code = self.exit_code
        if code is None:
            return None
        if code < 0:
            return -code
        return code - SIGNAL_BASE if SIGNAL_BASE < code <= SIGNAL_BASE + MAX_SIGNAL else None


def signal_name(number: int | None) -> str:
    try:
        return signal.Signals(number or 0).name
    except ValueError:
        return f"signal {number}"
