"""`linger SECONDS`: does nothing for a while, so that `doctor` sees whether processes survive."""

from __future__ import annotations

import time


def main(seconds: str) -> None:
    time.sleep(float(seconds))
