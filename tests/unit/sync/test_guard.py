from __future__ import annotations

import tomllib

import pathspec
import pytest

from overnight.core import errors
from overnight.sync import guard
from overnight.sync.manifest import Found

MB = 1_000_000


def refused(*files: Found, allow: list[str] | None = None) -> errors.SyncRefused:
    with pytest.raises(errors.SyncRefused) as caught:
        guard.check(files, allow or [])
    return caught.value


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        ".ENV",
        ".env.production",
        "id_rsa",
        "id_rsa.bak",
        "id_ed25519",
        "id_ecdsa_sk",
        "id_work",
        "server.pem",
        "tls.key",
        ".netrc",
        "credentials.json",
        "cert.p12",
        ".pypirc",
        "service-account-dev.json",
        "kaggle.json",
    ],
)
def test_secrets_are_refused_at_any_depth(name: str) -> None:
    """Files that look like keys or tokens do not travel by accident."""
    for path in (name, f"deep/er/{name}"):
        assert path in refused(Found(path, "f", 1)).message


@pytest.mark.parametrize(
    "name",
    [
        ".env.example",
        ".env.sample",
        ".env.template",
        "id_rsa.pub",
        "id_work.pub",
        "id_map.py",
        "keys.py",
        "environment.yml",
        "tokenizer.json",
        ".envrc",
    ],
)
def test_what_only_resembles_a_secret_travels(name: str) -> None:
    """Examples, public keys and ordinary code are not held up."""
    guard.check([Found(name, "f", 1)])


def test_large_files_are_refused() -> None:
    """Ten megabytes still travel, one byte more does not."""
    guard.check([Found("a.bin", "f", 10 * MB)])
    message = refused(Found("a.bin", "f", 10 * MB + 1), Found("b.py", "f", 5)).message
    assert message == (
        "1 file does not travel without being allowed:\n  a.bin   10.0 MB   larger than 10.0 MB"
    )


def test_too_much_together_is_refused() -> None:
    """The largest files are named, as few as it takes; at the limit nothing is."""
    files = [Found(f"{n:02}.bin", "f", 9 * MB) for n in range(12)]
    guard.check([*files[:11], Found("last", "f", MB)])
    found = guard.findings([*files, Found("z.bin", "f", 10 * MB)])
    assert [each.file.path for each in found] == ["z.bin", "00.bin"]
    assert found[0].reason == "of 118.0 MB together, more than 100.0 MB"


def test_allowed_files_count_for_nothing() -> None:
    """`allow` holds for size, for the sum and for secrets, in the language of .gitignore."""
    files = [Found("data/a.bin", "f", 500 * MB), Found("x/.env", "f", 1), Found("b.py", "f", 1)]
    guard.check(files, ["data/", ".env"])
    guard.check(files, ["*.bin", "/x/.env"])
    assert "x/.env" in refused(*files, allow=["*.bin", "/.env"]).message


def test_links_are_never_refused() -> None:
    """Only the text of a link travels, not what it points to."""
    guard.check([Found(".env", "l", 0)])


def test_hint_can_be_typed_as_it_is() -> None:
    """The line for overnight.toml is TOML and allows just these files, beside those before."""
    paths = [".env", 'we"ird [1].pem', "sub/\x1b\n.key", "\udcff.pem", "back\\slash.pem"]
    files = [Found(path, "f", 1) for path in paths]
    error = refused(*files, allow=["old.bin"])
    line = next(line for line in error.hint.splitlines() if "allow =" in line)
    allow = tomllib.loads(line.strip())["allow"]
    assert allow[0] == "old.bin"
    guard.check(files, allow)
    assert not guard.findings([]) and refused(Found("other/.env", "f", 1), allow=allow)


def test_hint_for_gitignore_can_be_typed_as_it_is() -> None:
    """The lines for .gitignore leave out just these files."""
    error = refused(Found("a dir/*.pem", "f", 1))
    lines = [line.strip() for line in error.hint.splitlines() if line.startswith("  /")]
    spec = pathspec.GitIgnoreSpec.from_lines(lines)
    assert spec.match_file("a dir/*.pem")
    assert not spec.match_file("a dir/b.pem")


def test_names_are_shown_safely() -> None:
    """A file name cannot send commands to the terminal."""
    error = refused(Found("\x1b[2J.pem", "f", 1))
    assert "\\x1b[2J.pem" in error.message
    assert "\x1b" not in error.message + error.hint


def test_long_lists_are_cut() -> None:
    """A thousand files are counted, not printed, and a whole folder can be written."""
    error = refused(*(Found(f"keys/{n}.pem", "f", 1) for n in range(1000)))
    assert "and 980 more" in error.message
    assert len(error.message.splitlines()) == 22
    assert '"/folder/"' in error.hint


def test_wrong_pattern_is_a_mistake_in_the_configuration() -> None:
    """A pattern that no .gitignore could hold is told as what it is."""
    with pytest.raises(errors.ConfigError, match="allow"):
        guard.check([Found("a", "f", 1)], ["a\\"])
