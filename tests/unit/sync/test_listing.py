from __future__ import annotations

import os
from pathlib import Path

import pytest

from overnight.core import errors
from overnight.sync import listing
from tests.unit.sync import repositories, trees
from tests.unit.sync.trees import File

STRANGE = [
    b"a b",
    b"'q\"",
    b"-rf",
    b"new\nline",
    b"\xff\xfe",
    "\u00fc".encode(),
    b"*",
    b"\\",
]


def paths(root: Path) -> list[str]:
    return listing.read(root).paths


@pytest.mark.parametrize("with_git", [True, False])
def test_strange_names_are_listed(with_git: bool, tmp_path: Path) -> None:
    """Names come as their bytes are, never in git's quoted form."""
    trees.write(tmp_path, {name: File(b"") for name in STRANGE})
    if with_git:
        repositories.init(tmp_path)
    assert paths(tmp_path) == sorted(os.fsdecode(name) for name in STRANGE)


@pytest.mark.parametrize("with_git", [True, False])
def test_negation_and_nested_rules(with_git: bool, tmp_path: Path) -> None:
    """`!` brings a file back, and a deeper .gitignore has the last word."""
    trees.write(
        tmp_path,
        {
            b".gitignore": File(b"*.log\n!keep.log\nout/\n"),
            b"x.log": File(b""),
            b"keep.log": File(b""),
            b"out/keep.log": File(b""),
            b"sub/.gitignore": File(b"!x.log\nkeep.log\n"),
            b"sub/x.log": File(b""),
            b"sub/keep.log": File(b""),
        },
    )
    if with_git:
        repositories.init(tmp_path)
    assert paths(tmp_path) == [".gitignore", "keep.log", "sub/.gitignore", "sub/x.log"]


@pytest.mark.parametrize("with_git", [True, False])
def test_own_folder_and_git_never_travel(with_git: bool, tmp_path: Path) -> None:
    """.overnight/ stays here although no rule says so, and so does all of git's."""
    trees.write(
        tmp_path,
        {b".overnight/db": File(b""), b"sub/.overnight/x": File(b""), b"train.py": File(b"")},
    )
    if with_git:
        repositories.init(tmp_path)
        repositories.commit(tmp_path)
    assert paths(tmp_path) == ["train.py"]


def test_project_in_a_subfolder_of_the_repository(tmp_path: Path) -> None:
    """Only that folder, with paths relative to it, under the rules of the whole repository."""
    trees.write(
        tmp_path,
        {
            b".gitignore": File(b"*.log\n"),
            b"other/x.py": File(b""),
            b"proj/train.py": File(b""),
            b"proj/x.log": File(b""),
            b"proj/pkg/y.py": File(b""),
        },
    )
    repositories.init(tmp_path)
    assert paths(tmp_path / "proj") == ["pkg/y.py", "train.py"]


def test_tracked_files_travel_although_ignored_and_excluded_ones_do_not(tmp_path: Path) -> None:
    """Git's index and .git/info/exclude count, as for `git status`."""
    trees.write(tmp_path, {b"kept.log": File(b""), b"private.txt": File(b""), b"new.py": File(b"")})
    repositories.init(tmp_path)
    repositories.git(tmp_path, "add", "kept.log")
    trees.write(tmp_path, {b".gitignore": File(b"*.log\n")})
    (tmp_path / ".git" / "info" / "exclude").write_text("private.txt\n")
    assert paths(tmp_path) == [".gitignore", "kept.log", "new.py"]


def with_submodule(tmp_path: Path) -> Path:
    """A repository `top` with a checked-out submodule `lib` that holds s.py."""
    source = repositories.init(tmp_path / "source")
    trees.write(source, {b"s.py": File(b""), b".gitignore": File(b"*.o\n")})
    repositories.commit(source)
    top = repositories.init(tmp_path / "top")
    words = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../source", "lib"]
    repositories.git(top, *words)
    repositories.commit(top)
    return top


def test_submodules_are_listed_by_their_own_rules(tmp_path: Path) -> None:
    """Files of a submodule travel, new ones too, and its own ignore rules hold."""
    top = with_submodule(tmp_path)
    trees.write(top, {b"lib/new.py": File(b""), b"lib/x.o": File(b"")})
    assert paths(top) == [".gitmodules", "lib/.gitignore", "lib/new.py", "lib/s.py"]


def test_submodule_that_is_not_checked_out_is_noted(tmp_path: Path) -> None:
    """An empty submodule is no error, but the user is told, with the command that fills it."""
    top = with_submodule(tmp_path)
    repositories.git(top, "submodule", "--quiet", "deinit", "lib")
    found = listing.read(top)
    assert found.paths == [".gitmodules"]
    assert "lib is not checked out" in found.notes[0]


def test_submodule_without_its_git_folder_travels(tmp_path: Path) -> None:
    """A submodule filled by other means (a downloaded archive) is code all the same."""
    top = with_submodule(tmp_path)
    os.unlink(top / "lib" / ".git")
    trees.write(top, {b"lib/x.o": File(b"")})
    assert paths(top) == [".gitmodules", "lib/.gitignore", "lib/s.py"]
    assert paths(top / "lib") == [".gitignore", "s.py"]


@pytest.mark.parametrize("with_git", [True, False])
def test_inner_repositories_travel(with_git: bool, tmp_path: Path) -> None:
    """A clone inside of the project is listed by its own rules, submodule or not."""
    trees.write(tmp_path, {b"clone/.gitignore": File(b"*.o\n"), b"clone/x.py": File(b"")})
    trees.write(tmp_path, {b"clone/x.o": File(b""), b"train.py": File(b"")})
    repositories.commit(repositories.init(tmp_path / "clone"))
    if with_git:
        repositories.init(tmp_path)
    assert paths(tmp_path) == ["clone/.gitignore", "clone/x.py", "train.py"]


def test_file_that_became_a_folder(tmp_path: Path) -> None:
    """A tracked file that is now a folder is no submodule: the rules above it hold inside."""
    root = repositories.init(tmp_path)
    trees.write(root, {b".gitignore": File(b"*.o\n"), b"thing": File(b"")})
    repositories.commit(root)
    os.unlink(root / "thing")
    trees.write(root, {b"thing/x.py": File(b""), b"thing/x.o": File(b"")})
    assert paths(root) == [".gitignore", "thing/x.py"]


def test_project_in_an_ignored_folder_of_a_repository(tmp_path: Path) -> None:
    """A home folder under version control that ignores everything does not empty the project."""
    trees.write(tmp_path, {b".gitignore": File(b"*\n"), b"proj/x.py": File(b"")})
    trees.write(tmp_path, {b"proj/.gitignore": File(b"*.o\n"), b"proj/x.o": File(b"")})
    repositories.init(tmp_path)
    assert paths(tmp_path / "proj") == [".gitignore", "x.py"]


def test_repository_of_a_hook_is_not_taken_for_the_projects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GIT_DIR and GIT_INDEX_FILE, as git sets them in hooks, do not mislead us."""
    other = repositories.init(tmp_path / "other")
    (other / ".git" / "info" / "exclude").write_text("x.py\n")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    root = trees.write(tmp_path / "proj", {b"x.py": File(b"")})
    assert paths(root) == ["x.py"]


def test_settings_of_the_repository_start_no_program(tmp_path: Path) -> None:
    """A repository from elsewhere may name programs to be run; listing it runs none."""
    root = repositories.init(tmp_path / "root")
    repositories.git(root, "config", "core.fsmonitor", f"touch {tmp_path}/ran; false")
    trees.write(root, {b"x.py": File(b"")})
    assert paths(root) == ["x.py"]
    assert not (tmp_path / "ran").exists()


def test_broken_repository_is_told_in_one_line(tmp_path: Path) -> None:
    """Where git cannot say what travels, nothing is guessed."""
    root = repositories.init(tmp_path)
    (root / ".git" / "index").write_bytes(b"not an index")
    with pytest.raises(errors.SyncRefused, match="git cannot list the files") as caught:
        paths(root)
    assert "\n" not in caught.value.message


def test_missing_folder(tmp_path: Path) -> None:
    """A folder that is not there is named."""
    with pytest.raises(errors.SyncRefused, match="nowhere is not a folder"):
        paths(tmp_path / "nowhere")


def test_without_git_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A laptop without git lists the same files by the library."""
    repositories.init(trees.write(tmp_path, {b".gitignore": File(b"*.o\n"), b"x.o": File(b"")}))
    monkeypatch.setenv("PATH", "/nonexistent")
    assert paths(tmp_path) == [".gitignore"]
