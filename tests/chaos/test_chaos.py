"""A short form of `make chaos`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos import campaign
from tests.chaos.case import Case
from tests.testbed import lab as labs


@pytest.mark.parametrize("fault", campaign.SHORT, ids=lambda each: each.__name__)
def test_a_fault_ends_as_the_table_says(
    fault: Callable[[Case], None], lab: labs.Lab, tmp_path: Path, user_home: Path
) -> None:
    """Real processes on a real server, broken from outside."""
    outcome = campaign.tried(fault, lab, tmp_path, user_home / "rt")
    assert not outcome.problem, outcome.problem
