"""This machine as a server, such as `local`, through the same node and pipe as any other."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from overnight.core import errors
from overnight.servers import bootstrap, piped, words


class LocalLink:
    def __init__(self, name: str, root: str, python: str | None) -> None:
        self.name = name
        self.root = root
        self.python = python or sys.executable

    def argv(self) -> list[str]:
        return [self.python, *bootstrap.arguments(self.root)]

    def failure(self, exit_code: int | None, stderr: str) -> errors.OvernightError:
        if exit_code is None:
            said = f"{self.name} does not answer in time"
        else:
            why = words.last_line(stderr) or "it said nothing"
            said = f"the node of {self.name} ended with exit code {exit_code}: {why}"
        return errors.Unreachable(said, hint=f"overnight doctor {self.name}")

    def reset(self) -> bool:
        return False


class Local(piped.PipeServer):
    def __init__(self, *, root: str, python: str | None = None, name: str = "local") -> None:
        super().__init__(LocalLink(name, root, python))

    def rsync(
        self, source: Path, files: Sequence[str], destination: str, *, link_dest: str | None
    ) -> bool:
        """Never: between two folders of one machine the pipe is quick enough."""
        return False

    def attach_argv(self, session: str) -> list[str]:
        return ["tmux", "attach", "-t", f"={session}"]
