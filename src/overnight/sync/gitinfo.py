"""What git says of a project folder: where a snapshot came from. Git's state is never changed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

DIFF_LIMIT_BYTES = 1_000_000
UNTRACKED_LIMIT = 1000

# Settings that could start programs of the repository's choosing, and what must not be waited for.
_SAFE = (
    "--no-pager",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "diff.autoRefreshIndex=false",
)
_ENVIRONMENT = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "LC_ALL": "C",
}
# Set inside of git hooks and aliases: they would point git at another repository than the folder's.
_MISLEADING = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_LITERAL_PATHSPECS",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
)
_DIFF = (
    "diff",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--relative",
    "--src-prefix=a/",
    "--dst-prefix=b/",
)


def run(folder: str | Path, *args: str) -> subprocess.CompletedProcess[bytes]:
    """Runs git in `folder` with its messages in English. FileNotFoundError without git."""
    return subprocess.run(
        ["git", *_SAFE, *args],
        cwd=folder,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )


def describe(root: Path) -> dict[str, Any]:
    """Commit, branch and what is not committed in this folder; {} where there is no git.

    Keys: `commit` (None before the first), `branch` (None when detached), `dirty`, `diff` (text
    against the commit, at most 1 MB, whole lines), `diff_truncated`, `untracked` (paths, at most
    1000). Paths are relative to `root`; what lies outside of it is not told.
    """
    try:
        if run(root, "rev-parse", "--is-inside-work-tree").stdout.strip() != b"true":
            return {}
    except FileNotFoundError:
        return {}
    commit = _word(root, "rev-parse", "--verify", "--quiet", "HEAD")
    against = commit or _word(root, "hash-object", "-t", "tree", "--stdin") or ""
    diff, truncated = _bounded_diff(root, against)
    untracked = run(root, "ls-files", "-z", "--others", "--exclude-standard").stdout.split(b"\0")
    names = [os.fsdecode(name) for name in untracked if name]
    return {
        "commit": commit,
        "branch": _word(root, "symbolic-ref", "--quiet", "--short", "HEAD"),
        "dirty": bool(diff or names),
        "diff": diff,
        "diff_truncated": truncated,
        "untracked": names[:UNTRACKED_LIMIT],
    }


def _word(root: Path, *args: str) -> str | None:
    return run(root, *args).stdout.decode("utf-8", "replace").strip() or None


def _bounded_diff(root: Path, against: str) -> tuple[str, bool]:
    """The diff and whether it was cut; git is not let to write more than is kept."""
    with subprocess.Popen(
        ["git", *_SAFE, *_DIFF, against, "--", "."],
        cwd=root,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        data = process.stdout.read(DIFF_LIMIT_BYTES + 1)
        truncated = len(data) > DIFF_LIMIT_BYTES
        if truncated:
            process.kill()
            data = data[: data.rfind(b"\n", 0, DIFF_LIMIT_BYTES) + 1]
    return data.decode("utf-8", "replace"), truncated


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _MISLEADING}
    return {**kept, **_ENVIRONMENT}
