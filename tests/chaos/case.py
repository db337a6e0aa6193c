"""One run that is broken on purpose, and what became of it."""

from __future__ import annotations

import json
import os
import sys
import sysconfig
from pathlib import Path
from typing import Any

from tests.integration.laptop import Laptop
from tests.testbed import host as hosts
from tests.waiting import wait_until

TRAININGS = Path(__file__).parent / "trainings"
INTERPRETER = "/usr/local/machine/base"
PACKAGES = "/usr/local/machine/packages"
PATIENCE = """
[watch]
floor_s = 1
pause_floor_s = 2
setup_floor_s = 8
end_suspended = true
"""
LONGEST_S = 100.0


class Case:
    """A run `name` on `host`, launched by a laptop of its own."""

    def __init__(self, laptop: Laptop, host: hosts.Host, name: str) -> None:
        self.laptop = laptop
        self.host = host
        self.name = name
        self.settings = laptop.project / "overnight.toml"
        self.settings.write_text(self.settings.read_text() + PATIENCE)

    # -- before the launch --------------------------------------------------------------------

    def declare(self, section: str, *lines: str) -> None:
        """Further lines of a section of overnight.toml."""
        text = self.settings.read_text()
        assert f"[{section}]\n" in text
        more = "".join(f"{line}\n" for line in lines)
        self.settings.write_text(text.replace(f"[{section}]\n", f"[{section}]\n{more}", 1))

    def with_torch(self, script: str) -> list[str]:
        """Brings the script, and this interpreter with its packages. The command's first words."""
        (self.laptop.project / script).write_text((TRAININGS / script).read_text())
        self.host.share(sys.base_prefix, INTERPRETER)
        self.host.share(sysconfig.get_path("purelib"), PACKAGES)
        variables = f'{{ PYTHONPATH = "{PACKAGES}", OMP_NUM_THREADS = "1" }}'
        self.declare("project", f"variables = {variables}")
        python = f"{INTERPRETER}/bin/python{sys.version_info[0]}.{sys.version_info[1]}"
        return [python]

    def launch(self, *command: str) -> None:
        words = ("run", self.name, "--no-smoke", "--json", "--", *command)
        self.laptop.run(*words)

    def plain(self, *flags: str) -> None:
        """The training of nothing but the standard library."""
        self.launch("python3", "train.py", *flags)

    # -- what is there ------------------------------------------------------------------------

    @property
    def there(self) -> str:
        """The run's folder as the server calls it."""
        return f"/home/train/overnight/projects/night/runs/{self.name}"

    @property
    def folder(self) -> Path:
        return Path(self.host.home) / "overnight/projects/night/runs" / self.name

    def wait_for_file(self, *names: str) -> Path:
        """Any of these files of the work copy."""
        paths = [self.folder / "work" / name for name in names]
        wait_until(lambda: any(map(os.path.exists, paths)), LONGEST_S, what=f"{names}")
        return next(path for path in paths if path.exists())

    def pid(self, name: str) -> int:
        """The last pid that the training wrote into this file of its work copy."""

        def written() -> int:
            path = self.folder / "work" / name
            words = path.read_text().split() if path.exists() else []
            return int(words[-1]) if words else 0

        return wait_until(written, LONGEST_S, what=f"a pid in {name}")

    def signal(self, name: str, number: str) -> None:
        self.host.sh(f"kill -{number} {self.pid(name)}")

    def state(self) -> dict[str, Any]:
        """As the server has published it."""
        try:
            value: dict[str, Any] = json.loads((self.folder / "state.json").read_bytes())
            return value
        except (OSError, ValueError):
            return {}

    def attempts(self) -> list[dict[str, Any]]:
        return list(self.state().get("attempts") or [])

    def wait_for_attempt(self, number: int) -> None:
        wait_until(lambda: len(self.attempts()) >= number, LONGEST_S, what=f"attempt {number}")

    def wait_for_state(self, state: str) -> None:
        wait_until(lambda: self.state().get("state") == state, LONGEST_S, what=f"{state}")

    def events(self, kind: str) -> list[dict[str, Any]]:
        lines = (self.folder / "events.jsonl").read_text().splitlines()
        return [each for each in map(json.loads, lines) if each["type"] == kind]

    def classes(self) -> list[str]:
        return [str(each["class"]) for each in self.events("diagnosed")]

    def furthest(self) -> int:
        """The last epoch whose checkpoint is there."""
        names = [path.stem for path in (self.folder / "work" / "outputs").glob("*.pt")]
        return max((int("".join(c for c in name if c.isdigit())) for name in names), default=0)

    # -- what must hold -----------------------------------------------------------------------

    def finishes(self, classes: list[set[str]], *, epochs: int) -> None:
        """By itself, after one failure of each of these kinds, each mended by going on.

        Every attempt but the first begins where the one before it had got to.
        """
        self.wait_for_end()
        assert self.state()["state"] == "finished", self.story()
        self.was(classes)
        assert self.furthest() == epochs, self.story()

    def ends(self, state: str, classes: list[set[str]]) -> None:
        self.wait_for_end()
        assert self.state()["state"] == state, self.story()
        self.was(classes)

    def was(self, classes: list[set[str]]) -> None:
        seen = self.classes()
        assert len(seen) == len(classes), self.story()
        assert all(one in wanted for one, wanted in zip(seen, classes, strict=True)), self.story()

    def wait_for_end(self) -> None:
        ended = ("finished", "failed", "stopped", "needs-decision")
        wait_until(lambda: self.state().get("state") in ended, LONGEST_S, what="the end")

    def resumed(self) -> list[str]:
        """The checkpoints that attempts began from."""
        found = [each["checkpoint"] for each in self.attempts() if each.get("checkpoint")]
        return [Path(each).name for each in found]

    def story(self) -> str:
        """For whoever reads why a case went wrong."""
        path = self.folder / "events.jsonl"
        events = path.read_text().splitlines() if path.exists() else []
        kept = [line[:400] for line in events if '"diagnosed"' in line or '"reason"' in line]
        output = self.folder / "output.log"
        tail = output.read_bytes()[-1500:].decode("utf-8", "replace") if output.exists() else ""
        return "\n".join([f"{self.name}: {self.state().get('state')}", *kept, tail])
