"""Git's ignore rules without git: .gitignore files at every depth, `!` negation, own folders."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

import pathspec


class Rule(NamedTuple):
    """One line of a .gitignore file. `pattern` knows no trailing slash: see `folders_only`."""

    pattern: pathspec.Pattern
    folders_only: bool


class RuleFile(NamedTuple):
    """The rules of one .gitignore file, for paths below `prefix` ("" or ending in "/")."""

    prefix: str
    rules: tuple[Rule, ...]


def walk(root: str) -> Iterator[str]:
    """The paths below `root` that git would list, were `root` a new repository.

    Links are listed, not followed. A folder that is itself a repository is one path that ends in
    "/", as in the output of `git ls-files`. Raises OSError for a folder that cannot be read.
    """
    waiting: list[tuple[str, tuple[RuleFile, ...]]] = [("", ())]
    while waiting:
        prefix, rule_files = waiting.pop()
        with os.scandir(os.path.join(root, prefix)) as scan:
            items = [item for item in scan if item.name != ".git"]
        if any(item.name == ".gitignore" and item.is_file(follow_symlinks=False) for item in items):
            rule_files = (*rule_files, RuleFile(prefix, _read(os.path.join(root, prefix))))
        for item in items:
            path = prefix + item.name
            is_folder = item.is_dir(follow_symlinks=False)
            if is_ignored(path, is_folder, rule_files):
                continue
            if is_folder and not os.path.lexists(os.path.join(item.path, ".git")):
                waiting.append((path + "/", rule_files))
            else:
                yield path + "/" if is_folder else path


def is_ignored(path: str, is_folder: bool, rule_files: tuple[RuleFile, ...]) -> bool:
    """Whether the last rule that speaks of this very path, in the deepest file, excludes it.

    That none of its parents is ignored is taken for granted: `walk` never enters those.
    """
    for prefix, rules in reversed(rule_files):
        # Patterns cannot contain a newline, and to a regular expression it is special.
        relative = path[len(prefix) :].replace("\n", "\x01")
        for rule in reversed(rules):
            if (is_folder or not rule.folders_only) and _speaks_of(rule.pattern, relative):
                return bool(rule.pattern.include)
    return False


def _speaks_of(pattern: pathspec.Pattern, path: str) -> bool:
    """Whether the pattern means the path itself, not only a folder that it lies in.

    The library marks the latter with the group `ps_d` of the match.
    """
    found = pattern.match_file(path)
    return found is not None and found.match.groupdict().get("ps_d") is None


def _read(folder: str) -> tuple[Rule, ...]:
    with open(os.path.join(folder, ".gitignore"), "rb") as file:
        text = file.read().decode("utf-8-sig", "surrogateescape")
    return parse(text)


def parse(text: str) -> tuple[Rule, ...]:
    """The rules of a .gitignore file. Lines that git passes over are passed over."""
    rules = []
    for line in text.split("\n"):
        line = _without_trailing_blanks(line.removesuffix("\r"))
        folders_only = line.endswith("/")
        try:
            patterns = pathspec.GitIgnoreSpec.from_lines([line.removesuffix("/")]).patterns
        except ValueError:
            continue
        rules += [Rule(each, folders_only) for each in patterns if each.include is not None]
    return tuple(rules)


def _without_trailing_blanks(line: str) -> str:
    bare = line.rstrip(" ")
    return bare + " " if bare.endswith("\\") and bare != line else bare
