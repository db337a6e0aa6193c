"""Our lines in a user's crontab: everything else stays byte for byte."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.node import cron
from tests.unit.node import stand_ins
from tests.waiting import wait_until

ROOT = "/home/ada/overnight"
OTHERS = b'# DO NOT EDIT\nMAILTO=""\n\n*/10 * * * * date +\\%H  # mine\n\t@daily caf\xe9\n'


def test_lines_are_added_at_the_end() -> None:
    """@reboot and every five minutes, each marked with the root."""
    text = cron.with_lines(OTHERS, ROOT)
    assert text.startswith(OTHERS)
    assert text[len(OTHERS) :].decode().splitlines() == [
        f"{when} /bin/sh {ROOT}/node/watch.sh # overnight watch {ROOT}"
        for when in ("@reboot", "*/5 * * * *")
    ]


def test_adding_twice_changes_nothing() -> None:
    """Also where other lines were written below ours since."""
    once = cron.with_lines(OTHERS, ROOT) + b"@weekly theirs\n"
    assert cron.with_lines(once, ROOT) == once


@given(before=st.binary(), after=st.binary(), root=st.sampled_from([ROOT, "/a b/50%", "/x'y"]))
def test_removing_leaves_the_rest_as_it_was(before: bytes, after: bytes, root: str) -> None:
    """Whatever stands above and below, in whatever encoding."""
    above = before + b"\n"
    text = cron.with_lines(above, root) + after
    assert cron.without_lines(text, root) == above + after


def test_a_last_line_without_an_end_gets_one() -> None:
    """Else our first line would be part of it."""
    assert cron.with_lines(b"@daily x", ROOT).splitlines()[0] == b"@daily x"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace(b"@reboot", b"#@reboot"),
        lambda text: text.replace(b"*/5", b"*/7"),
        lambda text: text + text,
        lambda text: text.splitlines()[0] + b"\n",
    ],
)
def test_lines_of_ours_that_were_changed_are_put_right(spoil: object) -> None:
    """Put out of use, edited, doubled, halved: with new consent they are as they should be."""
    assert callable(spoil)
    spoiled = spoil(cron.with_lines(b"", ROOT))
    assert not cron.holds(spoiled, ROOT)
    assert cron.with_lines(OTHERS + spoiled, ROOT) == cron.with_lines(OTHERS, ROOT)
    assert cron.without_lines(OTHERS + spoiled, ROOT) == OTHERS


def test_another_root_is_somebody_elses() -> None:
    """Two roots of one user, one of whose names ends like the other's."""
    both = cron.with_lines(cron.with_lines(b"", "/data" + ROOT), ROOT)
    assert cron.without_lines(both, ROOT) == cron.with_lines(b"", "/data" + ROOT)


def test_a_percent_sign_is_no_line_end() -> None:
    """cron would cut the command there."""
    assert all(line.count(b"%") == line.count(b"\\%") for line in cron.lines("/a%b"))


@pytest.mark.parametrize(
    ("code", "out", "err", "text", "state"),
    [
        (0, b"x\n", "", b"x\n", "absent"),
        (1, b"", "no crontab for ada\n", b"", "absent"),
        (1, b"", "crontab: can't open 'ada': No such file or directory\n", b"", "absent"),
        (1, b"", "You (ada) are not allowed to use this program (crontab)\n", None, "forbidden"),
        (1, b"", "crontabs/ada/: fopen: Permission denied\n", None, "forbidden"),
        (3, b"", "", None, "failed"),
        (None, b"", "", None, "failed"),
    ],
)
def test_what_the_program_says(
    code: int | None, out: bytes, err: str, text: bytes | None, state: str
) -> None:
    """Only a crontab that was read, or that is not there, may be written."""
    found = cron.read_answer(code, out, err)
    assert (found.text, found.state) == (text, state)
    assert bool(found.problem) is (text is None)


def test_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said, and nothing fails."""
    monkeypatch.setenv("PATH", str(tmp_path))
    found = cron.install(str(tmp_path))
    assert (found["state"], found["changed"]) == ("no_program", False)


def test_a_crontab_that_cannot_be_read_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that fails in a way nobody knows may not cost anybody their lines."""
    script = '#!/bin/sh\necho "$@" >> called; echo odd >&2; exit 9\n'
    stand_ins.program(tmp_path / "bin" / "crontab", script)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    found = cron.install(str(tmp_path))
    assert (found["state"], found["problem"]) == ("failed", "odd")
    assert set((tmp_path / "called").read_text().splitlines()) == {"-l"}


def node(folder: Path, name: str, says: str, made_at: float) -> None:
    """A node that leaves its name and arguments instead of watching."""
    home = folder / "node" / name
    (home / "overnight" / "node").mkdir(parents=True)
    (home / "overnight" / "__init__.py").touch()
    (home / "overnight" / "node" / "__init__.py").touch()
    program = f"import sys\ndef main():\n    print({says!r}, *sys.argv[1:], flush=True)\n"
    (home / "overnight" / "node" / "main.py").write_text(program)
    os.utime(home, (made_at, made_at))


def test_the_starter_takes_the_newest_node(tmp_path: Path) -> None:
    """Whatever their names; one that is still being unpacked does not count."""
    root = tmp_path / "a 'root"
    node(root, "ffff", "old", 1000)
    node(root, "aaaa", "new", 2000)
    node(root, "bbbb.12.tmp", "half", 3000)
    starter = Path(cron.starter(str(root)))
    starter.write_bytes(cron.starter_text(str(root), "/no/such/python", os.environ["PATH"]))
    subprocess.run(["/bin/sh", starter], env={"HOME": "/"}, check=True, timeout=20)
    log = root / "watch.log"
    wait_until(lambda: log.read_text() == f"new watch {root}\n", what="the newest node")


def test_the_starter_without_any_node(tmp_path: Path) -> None:
    """Nothing to start is an exit code, not a loop."""
    (tmp_path / "node").mkdir()
    starter = tmp_path / "node" / "watch.sh"
    starter.write_bytes(cron.starter_text(str(tmp_path), "python3", os.environ["PATH"]))
    assert subprocess.run(["/bin/sh", starter], env={}).returncode == 1
