"""Law 9: a secret reaches the training, and nothing else that can be seen."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from overnight.node import states
from tests.integration.local import laws
from tests.integration.local.world import World

VALUE = "s3cret-\u00e9-value-of-the-token"
TELLTALE = """\
import os, pathlib, sys, time
diary = pathlib.Path(sys.argv[1])
value = os.environ["MY_TOKEN"]
(diary / "given").write_bytes(os.fsencode(value))
print("epoch 1/2 loss 1.0", flush=True)
while not (diary / "go-1").exists():
    time.sleep(0.01)
raise ValueError(f"the service does not like the key {value}")
"""


@pytest.fixture
def failed(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A run that was given a secret, and failed with it in its last words."""
    monkeypatch.setenv("MY_TOKEN", VALUE)
    world.set_up(project='secrets = ["MY_TOKEN"]')
    (world.project / "telltale.py").write_text(TELLTALE)
    world.launch("r", argv=[sys.executable, "telltale.py", str(world.diary)])
    assert_not_in_any_command_line(world)
    world.open_gate(1)
    assert world.wait("r").state == states.FAILED
    laws.check(world, "r")
    return world


def assert_not_in_any_command_line(world: World) -> None:
    """All living processes of the machine, the training among them."""
    assert world.processes()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        path = Path("/proc", pid, "cmdline")
        assert not path.exists() or VALUE.encode() not in path.read_bytes()


def holding(folder: Path) -> list[str]:
    """The files below `folder` in which the secret stands, in one writing or the other."""
    written = (VALUE.encode(), VALUE.encode("unicode_escape").replace(b"\\xe9", b"\\u00e9"))
    files = [path for path in folder.glob("**/*") if path.is_file() and not path.is_symlink()]
    found = [path for path in files if any(way in path.read_bytes() for way in written)]
    return sorted(str(path.relative_to(folder)) for path in found)


def test_only_one_closed_file_holds_a_secret(failed: World) -> None:
    """Beside what the training itself has printed."""
    run = Path(failed.run("r").folder)
    assert (failed.diary / "given").read_bytes() == VALUE.encode()
    assert holding(failed.root) == [
        "projects/local/runs/r/attempts/1/output.log",
        "projects/local/runs/r/secrets",
    ]
    assert (run / "secrets").stat().st_mode & 0o777 == 0o600
    for name in ("session.json", "attempts/1/variables.json"):
        assert (run / name).stat().st_mode & 0o777 == 0o600


def test_the_laptop_keeps_and_shows_no_secret(failed: World) -> None:
    """Neither its mirror nor what `explain`, `status` and `events` print."""
    assert "the service does not like the key ***" in failed.state("r").reason
    for words in (["explain", "r"], ["status", "--json"], ["events", "r"]):
        with failed.cli(*words) as shown:
            out, err = shown.communicate(timeout=30)
        assert out or err
        assert VALUE not in out + err
    assert holding(failed.project) == []
