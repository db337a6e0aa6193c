"""The documentation says what the program does."""

from __future__ import annotations

from pathlib import Path

import pytest

from overnight import cli
from overnight.core import views
from overnight.node import states
from overnight.results.report import gathering
from scripts import reference
from tests.unit.results.report import nights

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize("name", ["cli.md", "config.md"])
def test_generated_pages_are_up_to_date(name: str) -> None:
    """`make docs` would change nothing."""
    assert (DOCS / name).read_text() == reference.pages()[name]


def test_every_event_is_described() -> None:
    """Each event type stands in docs/json.md."""
    page = (DOCS / "json.md").read_text()
    assert [kind for kind in states.TRANSITIONS if f"`{kind}`" not in page] == []


def test_every_field_of_a_run_is_described() -> None:
    """Each field of the JSON of a run stands in docs/json.md."""
    page = (DOCS / "json.md").read_text()
    fields = views.run_view({"run": "a"}).to_json()
    assert [field for field in fields if f"`{field}`" not in page] == []


def test_every_field_of_a_report_is_described() -> None:
    """Each field of `report --json` stands in docs/json.md, also those of its parts."""
    page = (DOCS / "json.md").read_text()
    value = gathering.report(nights.busy()).to_json()
    fields = {*value, *value["finished"][0], *value["gpu_hours"], *value["gpu_hours"]["runs"][0]}
    for part in ("decisions", "failed", "mended", "sweeps", "steps", "health", "noticed", "away"):
        fields |= {*value[part][0]}
    assert [field for field in sorted(fields) if field not in page] == []


def test_every_state_is_described() -> None:
    """Each state of a run stands in docs/json.md."""
    page = (DOCS / "json.md").read_text()
    known = [*states.ENDED, *states.ACTIVE, views.LOST]
    assert [state for state in known if f"`{state}`" not in page] == []


def test_every_verb_has_an_example_in_its_help() -> None:
    """The help of each verb ends with something to type."""
    page = reference.cli_page()
    assert page.count("\n  Example:  ") == page.count("\n## overnight ") >= len(cli.VERBS)
