"""Real servers for the tests of this folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.laptop import Laptop
from tests.testbed import host as hosts
from tests.testbed import lab as labs
from tests.testbed import needs


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[labs.Lab]:
    """A lab of this process; what tests start from now on is on the laptop's side of it.

    Skips with the reason where this machine cannot have one, and fails there in CI.
    """
    if reason := needs.missing():
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with labs.Lab(tmp_path_factory.mktemp("lab")) as made:
        made.enter()
        yield made


@pytest.fixture
def host(lab: labs.Lab) -> Iterator[hosts.Host]:
    """Server `h1`, as new."""
    yield from lend(lab, 1)


@pytest.fixture
def host2(lab: labs.Lab) -> Iterator[hosts.Host]:
    """Server `h2`, as new."""
    yield from lend(lab, 2)


def lend(lab: labs.Lab, number: int) -> Iterator[hosts.Host]:
    """A host for one test, which leaves its files for whoever looks why it failed."""
    host = lab.reset(number)
    yield host
    if host.is_up:
        host.kill_users()


@pytest.fixture
def laptop(lab: labs.Lab, host: hosts.Host, tmp_path: Path, user_home: Path) -> Laptop:
    """A laptop whose project names the server `gpu1`, which is the host `h1`."""
    return Laptop(tmp_path / "my project", user_home / "rt", lab.ssh_config)
