"""A server on which nothing is really started."""

from __future__ import annotations

import pytest

from overnight.node import server


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the runs that a supervisor was started for; none really is."""
    names: list[str] = []
    monkeypatch.setattr(server, "ensure_watch", lambda root: False)
    monkeypatch.setattr(
        server,
        "ensure_supervisor",
        lambda run: names.append(run.name) or True,  # type: ignore[func-returns-value]
    )
    return names
