from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest

from overnight.sync import ignore
from tests.unit.sync import repositories, trees
from tests.unit.sync.trees import File, Link

PATTERNS = (
    *("*.log", "!keep.log", "build/", "!build/keep", "a/", "/a", "a/*", "a/**", "**/b", "!a/b"),
    *("a/b/", "!a/", "*", "!*.py", "b/**/c", "a/**/", "!a/**", "[ab].py", "\\!z", "#c", "\\#h"),
    *("b", "!b/", "c/*.py", "!c/x.py", "/*", "!/a/", "!/src", "src/*", "!src/b/", "**", "*/c"),
    *("!**/keep.log", "?.py", "[!a].py", "*/", "!*/", "[a", "a\\", "!", "/", "x\\ y", "x\\ "),
    *("*.py ", "keep\r", "\xefb"),
)
FOLDERS = ("a", "b", "c", "src", "build")
FILES = ("keep.log", "x.log", "a.py", "b.py", "x.py", "keep", "x y", "x ", "!z", "#h")


def random_tree(seed: int) -> trees.Tree:
    """Files at several depths, and .gitignore files among them."""
    chance = random.Random(seed)
    tree: dict[bytes, File | Link] = {}
    for _ in range(8):
        folder = "".join(f"{chance.choice(FOLDERS)}/" for _ in range(chance.randrange(3)))
        for name in chance.sample(FILES, 3):
            tree[os.fsencode(folder + name)] = File(b"")
        if chance.random() < 0.4:
            lines = "\n".join(chance.sample(PATTERNS, chance.randrange(1, 4)))
            tree[os.fsencode(folder + ".gitignore")] = File(lines.encode("latin-1") + b"\n")
    return tree


def listed_by_git(folder: Path) -> list[str]:
    words = ["git", "ls-files", "-z", "-co", "--exclude-standard"]
    listed = subprocess.run(words, cwd=folder, capture_output=True, check=True).stdout
    return sorted(os.fsdecode(name) for name in listed.split(b"\0") if name)


@pytest.mark.parametrize("seed", range(25))
def test_lists_what_git_lists(seed: int, tmp_path: Path) -> None:
    """On random trees with random rules the library and git agree."""
    trees.write(tmp_path, random_tree(seed))
    walked = sorted(ignore.walk(str(tmp_path)))
    repositories.init(tmp_path)
    assert walked == listed_by_git(tmp_path)


@pytest.mark.parametrize(
    "rules",
    [
        {b".gitignore": b"*/\n!/a/\n"},
        {b".gitignore": b"a/**/\n"},
        {b".gitignore": b"/*\n!/a\n", b"a/.gitignore": b"*\n!b/\n"},
        {b"a/.gitignore": b"/*\n*.log\n!*/\n"},
        {b".gitignore": b"*.py\r\nb/\r\n"},
        {b".gitignore": b"\xef\xbb\xbf*.py\n"},
    ],
)
def test_rules_of_the_difficult_kind(rules: dict[bytes, bytes], tmp_path: Path) -> None:
    """A rule for a folder says nothing of what lies in it, unless the folder is left out."""
    paths = (b"x.py", b"y", b"a/x.py", b"a/y", b"a/b/x.py", b"a/b/y", b"a/b/c/y", b"b/y")
    trees.write(tmp_path, {path: File(b"") for path in paths})
    trees.write(tmp_path, {path: File(lines) for path, lines in rules.items()})
    walked = sorted(ignore.walk(str(tmp_path)))
    repositories.init(tmp_path)
    assert walked == listed_by_git(tmp_path)


def test_names_with_newlines_obey_the_rules(tmp_path: Path) -> None:
    """A newline is a character like any other, for `*` and for the end of a name."""
    trees.write(
        tmp_path,
        {
            b".gitignore": File(b"*.log\nkeep\n"),
            b"a\nb.log": File(b""),
            b"keep\n": File(b""),
            b"\nfolder/x.log": File(b""),
        },
    )
    assert sorted(ignore.walk(str(tmp_path))) == [".gitignore", "keep\n"]


def test_links_are_listed_and_not_followed(tmp_path: Path) -> None:
    """A link to a folder is one entry, also when it leads round in a circle."""
    trees.write(tmp_path, {b"a/x": File(b""), b"a/up": Link(b".."), b"gone": Link(b"nowhere")})
    assert sorted(ignore.walk(str(tmp_path))) == ["a/up", "a/x", "gone"]


def test_inner_repository_is_one_entry(tmp_path: Path) -> None:
    """As in git's own output, a repository inside of the folder is one path that ends in "/"."""
    trees.write(tmp_path, {b"lib/x": File(b""), b"y": File(b"")})
    repositories.init(tmp_path / "lib")
    assert sorted(ignore.walk(str(tmp_path))) == ["lib/", "y"]
