"""What must not travel without being allowed: large files, and what looks like a secret."""

from __future__ import annotations

import fnmatch
import functools
import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from overnight.core import errors
from overnight.sync import names

MAX_FILE_BYTES = 10_000_000
MAX_TOTAL_BYTES = 100_000_000
LISTED = 20

# Lower case, matched against the file's name. Without an extension, `id_*` is a private SSH key.
_SECRET = (
    ".env",
    ".env.*",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    "*.pem",
    "*.key",
    "*.ppk",
    "*.p12",
    "*.pfx",
    ".netrc",
    "_netrc",
    ".pypirc",
    ".git-credentials",
    "credentials.json",
    "kaggle.json",
    "client_secret*.json",
    "service-account*.json",
    "service_account*.json",
)
_PUBLIC = (".env.example", ".env.sample", ".env.template", "*.pub")


class File(Protocol):
    """What is known of a file before it is read; kind "l" is a link."""

    @property
    def path(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def size(self) -> int: ...


class Finding(NamedTuple):
    file: File
    reason: str


def check(files: Iterable[File], allow: Sequence[str] = ()) -> None:
    """Raises errors.SyncRefused with the list of what must not travel and how to allow it.

    `allow`: patterns as in .gitignore (`[project].allow` of overnight.toml). A link is never
    refused: only its text travels.
    """
    is_allowed = _matcher(allow)
    found = findings([each for each in files if each.kind != "l" and not is_allowed(each.path)])
    if found:
        raise errors.SyncRefused(_message(found), hint=_hint(found, allow))


def findings(files: Sequence[File]) -> list[Finding]:
    """Secrets, then files that are too large, then the largest of the rest if it is too much."""
    secrets = [Finding(each, "looks like a secret") for each in files if is_secret(each.path)]
    rest = [each for each in files if not is_secret(each.path)]
    large = [
        Finding(each, f"larger than {names.size(MAX_FILE_BYTES)}")
        for each in rest
        if each.size > MAX_FILE_BYTES
    ]
    return secrets + large + _too_much([each for each in rest if each.size <= MAX_FILE_BYTES])


def _too_much(files: Sequence[File]) -> list[Finding]:
    """The largest files, as few as need to stay here for the others to be little enough."""
    total = left = sum(each.size for each in files)
    reason = f"of {names.size(total)} together, more than {names.size(MAX_TOTAL_BYTES)}"
    found = []
    for each in sorted(files, key=lambda file: file.size, reverse=True):
        if left <= MAX_TOTAL_BYTES:
            break
        left -= each.size
        found.append(Finding(each, reason))
    return found


def is_secret(path: str) -> bool:
    name = path.rpartition("/")[2].lower()
    private_key = name.startswith("id_") and "." not in name
    return (private_key or _is_one_of(_SECRET, name)) and not _is_one_of(_PUBLIC, name)


def _is_one_of(patterns: tuple[str, ...], name: str) -> bool:
    return _any_of(patterns).match(name) is not None


@functools.cache
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """One expression for all of them: it is asked of every file."""
    return re.compile("|".join(fnmatch.translate(each) for each in patterns))


def _matcher(allow: Sequence[str]) -> Callable[[str], bool]:
    if not allow:
        return lambda _: False
    import pathspec  # late: it takes longer to import than all that a sync needs without it

    try:
        spec = pathspec.GitIgnoreSpec.from_lines(allow)
    except ValueError as error:
        raise errors.ConfigError(
            f"overnight.toml: allow: {error}", hint='write it as in .gitignore: allow = ["/data/"]'
        ) from error
    return spec.match_file


def _message(found: Sequence[Finding]) -> str:
    count = "1 file does" if len(found) == 1 else f"{len(found)} files do"
    lines = [f"{count} not travel without being allowed:"]
    for file, reason in found[:LISTED]:
        lines.append(f"  {names.visible(file.path)}   {names.size(file.size)}   {reason}")
    if len(found) > LISTED:
        lines.append(f"  and {len(found) - LISTED} more")
    return "\n".join(lines)


def _hint(found: Sequence[Finding], allow: Sequence[str]) -> str:
    patterns = [names.pattern(file.path) for file, _ in found[:LISTED]]
    line = json.dumps([*allow, *patterns], ensure_ascii=False)
    lines = [
        "keep here what is no code, with these lines in .gitignore (git rm --cached FILE first "
        "where git tracks it):",
        *(f"  {each}" for each in patterns),
        "or let it travel, in overnight.toml under [project]:",
        f"  allow = {line}",
    ]
    if len(found) > LISTED:
        lines.append('a whole folder is written "/folder/", in both')
    return "\n".join(lines)
