"""Which files of a project travel: those that git would list, wherever git is used.

Inside of a git work tree it is git that says; elsewhere the same rules are applied by `ignore`.
Submodules and other repositories inside of the folder are listed by their own rules.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from overnight.core import errors
from overnight.sync import gitinfo, names

NEVER = frozenset((".git", ".overnight"))


class Listing(NamedTuple):
    """Paths relative to the folder, "/" between the parts; they may be gone by now."""

    paths: list[str]
    notes: list[str]


def read(root: Path) -> Listing:
    """Raises errors.SyncRefused where git or the file system refuses to tell."""
    if not root.is_dir():
        raise errors.SyncRefused(
            f"{names.visible(str(root))} is not a folder", hint="go to the project's folder"
        )
    paths, notes = _collect(os.path.abspath(root), "")
    return Listing(sorted(set(paths)), notes)


def _collect(root: str, prefix: str) -> tuple[list[str], list[str]]:
    """What lies in the folder `prefix` of `root`, through the repositories inside of it."""
    paths: list[str] = []
    notes: list[str] = []
    folder = os.path.join(root, prefix)
    for name in _listed(folder):
        path = prefix + name.rstrip("/")
        full = os.path.join(root, path)
        if not NEVER.isdisjoint(path.split("/")):
            continue
        if not os.path.isdir(full) or os.path.islink(full):
            paths.append(path)
            continue
        inner, more = _collect(root, path + "/")
        paths += inner
        notes += more
        if not inner and not os.listdir(full):
            notes.append(
                f"the submodule {names.visible(path)} is not checked out, so it stays here "
                "(git submodule update --init)"
            )
    return paths, notes


def _listed(folder: str) -> Iterable[str]:
    listed = _git_listed(folder)
    if listed is not None:
        return listed
    from overnight.sync import ignore  # late: most projects are git's

    try:
        return list(ignore.walk(folder))
    except OSError as error:
        place = names.visible(os.fsdecode(error.filename or folder))
        raise errors.SyncRefused(
            f"cannot read {place}: {error.strerror}",
            hint=f"chmod u+rX {place}   or name it in .gitignore",
        ) from error


def _git_listed(folder: str) -> list[str] | None:
    """Tracked and untracked files that are not ignored; None where git is not in charge."""
    try:
        done = gitinfo.run(folder, "ls-files", "-z", "-co", "--exclude-standard")
    except FileNotFoundError:
        return None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace")
        if "not a git repository" in said:
            return None
        first = names.visible(said.strip().partition("\n")[0])
        raise errors.SyncRefused(f"git cannot list the files: {first}", hint="git status")
    listed = [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]
    return None if _belongs_to_none(folder, listed) else listed


def _belongs_to_none(folder: str, listed: list[str]) -> bool:
    """Whether git lists for a repository around us that leaves this folder out.

    It says "./" in a submodule that lost its .git, and nothing in an ignored folder (of a home
    folder under version control, say).
    """
    if "./" in listed:
        return True
    return not listed and gitinfo.run(folder, "check-ignore", "-q", ".").returncode == 0
