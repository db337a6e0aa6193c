from __future__ import annotations

import os
from pathlib import Path

import pytest

from overnight.sync import gitinfo
from tests.unit.sync import repositories, trees
from tests.unit.sync.trees import File, states


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = repositories.init(tmp_path / "root")
    trees.write(folder, {b"train.py": File(b"lr = 1\n"), b"sub/x.py": File(b"x = 1\n")})
    repositories.commit(folder)
    return folder


def test_clean_commit(root: Path) -> None:
    """A committed project is told by commit and branch alone."""
    assert gitinfo.describe(root) == {
        "commit": repositories.git(root, "rev-parse", "HEAD"),
        "branch": "main",
        "dirty": False,
        "diff": "",
        "diff_truncated": False,
        "untracked": [],
    }


def test_uncommitted_change(root: Path) -> None:
    """The diff against the commit, staged or not, and the new files."""
    trees.write(root, {b"train.py": File(b"lr = 2\n"), b"new \xff.py": File(b"")})
    trees.write(root, {b"sub/x.py": File(b"x = 2\n")})
    repositories.git(root, "add", "train.py")
    told = gitinfo.describe(root)
    assert told["dirty"]
    assert "-lr = 1\n+lr = 2\n" in told["diff"]
    assert "+x = 2\n" in told["diff"]
    assert told["untracked"] == [os.fsdecode(b"new \xff.py")]


def test_subfolder_tells_of_itself_only(root: Path) -> None:
    """Paths are relative to the project, and changes elsewhere in the repository are not told."""
    trees.write(root, {b"train.py": File(b"lr = 2\n"), b"new.py": File(b"")})
    assert not gitinfo.describe(root / "sub")["dirty"]
    trees.write(root, {b"sub/x.py": File(b"x = 2\n")})
    assert "--- a/x.py\n+++ b/x.py\n" in gitinfo.describe(root / "sub")["diff"]


def test_before_the_first_commit(tmp_path: Path) -> None:
    """A repository without commits has a branch, no commit, and everything in its diff."""
    root = repositories.init(trees.write(tmp_path, {b"a.py": File(b"a\n"), b"b.py": File(b"b\n")}))
    repositories.git(root, "add", "a.py")
    told = gitinfo.describe(root)
    assert (told["commit"], told["branch"], told["dirty"]) == (None, "main", True)
    assert "+a\n" in told["diff"]
    assert told["untracked"] == ["b.py"]


def test_touched_files_are_not_changed_files(root: Path) -> None:
    """A new time of writing alone does not make a project dirty."""
    os.utime(root / "train.py", (1, 1))
    os.utime(root / "sub" / "x.py", (1, 1))
    assert not gitinfo.describe(root)["dirty"]


def test_detached_head(root: Path) -> None:
    """A commit without a branch."""
    repositories.git(root, "checkout", "-q", "--detach")
    told = gitinfo.describe(root)
    assert told["branch"] is None
    assert len(told["commit"]) == 40


def test_no_git(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder outside of git, or a laptop without git, has nothing to tell."""
    assert gitinfo.describe(tmp_path) == {}
    monkeypatch.setenv("PATH", "/nonexistent")
    assert gitinfo.describe(root) == {}


def test_large_diff_is_cut_at_a_line(root: Path) -> None:
    """A megabyte of diff is enough, in whole lines, and it is said that there is more."""
    trees.write(root, {b"train.py": File(b"0123456789\n" * 150_000)})
    told = gitinfo.describe(root)
    assert told["diff_truncated"]
    assert gitinfo.DIFF_LIMIT_BYTES - 100 < len(told["diff"]) <= gitinfo.DIFF_LIMIT_BYTES
    assert told["diff"].endswith("+0123456789\n")


def test_nothing_is_run_and_nothing_is_written(root: Path, tmp_path: Path) -> None:
    """Neither hooks nor pagers nor external diffs run, and git's index stays as it was."""
    run = f"sh -c 'touch {tmp_path}/ran'"
    for name in ("core.fsmonitor", "core.pager", "diff.external", "diff.py.textconv"):
        repositories.git(root, "config", name, run)
    repositories.git(root, "config", "diff.noprefix", "true")
    repositories.git(root, "config", "color.ui", "always")
    hook = root / ".git" / "hooks" / "post-index-change"
    trees.write(root / ".git", {b"info/attributes": File(b"*.py diff=py\n")})
    hook.write_text(f"#!/bin/sh\n{run}\n")
    hook.chmod(0o755)
    trees.write(root, {b"sub/x.py": File(b"x = 2\n")})
    os.utime(root / "train.py", (1, 1))
    before = states(root / ".git")
    diff = gitinfo.describe(root)["diff"]
    assert "--- a/sub/x.py\n+++ b/sub/x.py\n" in diff
    assert "train.py" not in diff
    assert states(root / ".git") == before
    assert not (tmp_path / "ran").exists()
