"""What is typed is what the training gets, byte for byte: arguments and environment."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overnight.app import launching
from overnight.node import states
from overnight.ports import Request
from tests.integration.local import laws
from tests.integration.local import world as worlds
from tests.integration.local.world import World

EXAMPLES = 4
HELD_BACK = """\
import pathlib, shutil, sys
for name in ("cmdline", "environ"):
    shutil.copyfile(f"/proc/self/{name}", pathlib.Path(sys.argv[1], name))
"""
PRINTABLE = r"""
- -- -c --help -rf {} {checkpoint} \ ' " $HOME $(id) `id` ; && | >x * ? [a] ~ ! # = %s \n \0 A=1 é
"""
UNPRINTABLE = " a b|a\nb|\n|\t|\x01|\x1b[2J|\x7f|\u2028|\udcff|\udc80\udcfe|"
NASTY = [*PRINTABLE.split(), *UNPRINTABLE.split("|")]
words = st.one_of(
    st.sampled_from(NASTY),
    st.binary(max_size=40).map(lambda raw: os.fsdecode(raw.replace(b"\0", b""))),
    st.text(st.sampled_from("$`'\"\\;&|<>(){}[]*?!~#= \n\t-ab"), max_size=12),
)
names = st.from_regex(r"T_[A-Za-z0-9_]{0,8}", fullmatch=True)


@pytest.fixture(scope="module")
def place() -> Iterator[World]:
    """One server for all examples, with a venv beside it."""
    with tempfile.TemporaryDirectory() as folder, worlds.world(Path(folder)) as made:
        (made.project / "held_back.py").write_text(HELD_BACK)
        command = [sys.executable, "-m", "venv", "--without-pip", made.folder / "venv"]
        subprocess.run(command, check=True)
        yield made


def given_to_the_child(
    world: World, argv: list[str], variables: dict[str, str], environment: dict[str, Any]
) -> tuple[list[bytes], dict[bytes, bytes]]:
    """Runs it through laptop, pipe, supervisor and shim; what the kernel says that it got."""
    with world.laptop() as o:
        plan = launching.prepared(o, "local", argv, 0)
        snapshot = launching.sync(o, "local").pushed.snapshot
        count = len(list((world.root / "projects").glob("local/runs/*")))
        more = {"env": variables, "environment": environment, "snapshot": snapshot}
        wire = {**plan.spec.to_wire(), **more, "run": f"r{count}"}
        o.server("local").call(Request("launch", {"spec": wire}))
    state = world.wait_for_state(f"r{count}", lambda state: state.state in states.ENDED)
    assert state.state == states.FINISHED, world.output(f"r{count}")
    laws.check(world, f"r{count}")
    cmdline = (world.diary / "cmdline").read_bytes().split(b"\0")[:-1]
    pairs = (world.diary / "environ").read_bytes().split(b"\0")[:-1]
    return cmdline, {name: value for name, _, value in (pair.partition(b"=") for pair in pairs)}


def assert_exact(
    world: World, typed: list[str], variables: dict[str, str], environment: dict[str, Any]
) -> None:
    python = sys.executable if environment["kind"] == "none" else "python"
    argv = [python, "held_back.py", str(world.diary), *typed]
    cmdline, environ = given_to_the_child(world, argv, variables, environment)
    assert cmdline[1:] == [os.fsencode(word) for word in argv[1:]]
    for name, value in variables.items():
        assert environ[os.fsencode(name)] == os.fsencode(value)


many = settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), deadline=None)


@many
@given(st.lists(words, min_size=20, max_size=60), st.dictionaries(names, words, max_size=20))
def test_arguments_and_environment(
    place: World, typed: list[str], variables: dict[str, str]
) -> None:
    """Through spec, wire, supervisor and shim."""
    assert_exact(place, typed, variables, {"kind": "none"})


@many
@given(st.lists(words, min_size=20, max_size=60), st.dictionaries(names, words, max_size=20))
def test_arguments_and_environment_in_a_venv(
    place: World, typed: list[str], variables: dict[str, str]
) -> None:
    """And through the shell that activates the environment."""
    venv = {"kind": "venv", "name": str(place.folder / "venv"), "modules": [], "exe": None}
    assert_exact(place, typed, variables, venv)


def test_every_nasty_word_at_once(place: World) -> None:
    """The list that chance may not pick."""
    variables = {f"T_{number}": word for number, word in enumerate(NASTY)}
    assert_exact(place, NASTY, variables, {"kind": "none"})
