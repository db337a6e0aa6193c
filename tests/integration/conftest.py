"""Real servers for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.laptop import Laptop
from tests.testbed import host as hosts
from tests.testbed import lab as labs


@pytest.fixture
def laptop(lab: labs.Lab, host: hosts.Host, tmp_path: Path, user_home: Path) -> Laptop:
    """A laptop whose project names the server `gpu1`, which is the host `h1`."""
    return Laptop(tmp_path / "my project", user_home / "rt", lab.ssh_config)
