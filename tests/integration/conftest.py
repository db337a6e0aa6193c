"""Real servers for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.laptop import Laptop
from tests.testbed import host as hosts
from tests.testbed import lab as labs


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
