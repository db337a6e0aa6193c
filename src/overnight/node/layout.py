"""Where everything lies under the root of a server."""

from __future__ import annotations

import os
import re
from typing import Iterator, NamedTuple

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
MARKER = "OVERNIGHT_ATTEMPT"


class Run(NamedTuple):
    """One run's folder and the files in it."""

    root: str
    project: str
    name: str

    @property
    def folder(self) -> str:
        return os.path.join(project_folder(self.root, self.project), "runs", self.name)

    def file(self, name: str) -> str:
        return os.path.join(self.folder, name)

    @property
    def project_folder(self) -> str:
        return project_folder(self.root, self.project)

    @property
    def work(self) -> str:
        return self.file("work")

    def attempt(self, number: int, name: str = "") -> str:
        return os.path.join(self.folder, "attempts", str(number), name).rstrip("/")


def expand_root(root: str) -> str:
    return os.path.abspath(os.path.expanduser(root))


def project_folder(root: str, project: str) -> str:
    return os.path.join(root, "projects", checked(project))


def run(root: str, project: str, name: str) -> Run:
    """Refuses with ValueError names that could lead anywhere else."""
    return Run(root, checked(project), checked(name))


def checked(name: object) -> str:
    if not isinstance(name, str) or not NAME.match(name):
        raise ValueError(f"not a valid name: {name!r}")
    return name


def runs(root: str, project: str | None = None) -> Iterator[Run]:
    """Every run of one project or of the whole server, in the order of their names."""
    base = os.path.join(root, "projects")
    for each in [project] if project else names(base):
        for name in names(os.path.join(base, each, "runs")):
            yield Run(root, each, name)


def names(folder: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if NAME.match(name))
    except OSError:
        return []
