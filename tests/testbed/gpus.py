"""What the stand-in for nvidia-smi says: a JSON file that tests write from outside of the host.

{"fails": "", "hangs_s": 0, "gpus": [{"index", "name", "uuid", "memory_mib",
                                      "processes": [{"pid", "mib"}]}]}
"""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).with_name("nvidia_smi.py")


class Gpus:
    """The cards of one host. Changes are seen by the next call of nvidia-smi."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._state: dict[str, Any] = {"fails": "", "hangs_s": 0, "gpus": []}

    @property
    def uuids(self) -> list[str]:
        return [card["uuid"] for card in self._state["gpus"]]

    def install(self, count: int, name: str, memory_mib: int) -> None:
        cards = [
            {
                "index": index,
                "name": name,
                "uuid": f"GPU-{uuid.uuid5(uuid.NAMESPACE_URL, f'{self._path}/{index}')}",
                "memory_mib": memory_mib,
                "processes": [],
            }
            for index in range(count)
        ]
        self._state = {"fails": "", "hangs_s": 0, "gpus": cards}
        self._write()

    def occupy(self, index: int, pid: int, mib: int) -> None:
        """A process of the host (its pid there) uses memory of a card for as long as it lives."""
        self._state["gpus"][index]["processes"].append({"pid": pid, "mib": mib})
        self._write()

    def release(self, index: int) -> None:
        """Takes back what `occupy` said of a card."""
        self._state["gpus"][index]["processes"] = []
        self._write()

    def fail(self, how: str) -> None:
        """`driver` or `mismatch`: every call fails like that from now on; empty: none does."""
        self._state["fails"] = how
        self._write()

    def hang(self, seconds: float) -> None:
        """Every call takes that long, as with a card that has fallen off the bus."""
        self._state["hangs_s"] = seconds
        self._write()

    def _write(self) -> None:
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(self._state))
        os.replace(fresh, self._path)
