"""GPU hours: used, done again, idle."""

from __future__ import annotations

from typing import Any

import pytest

from overnight.results.report import gathering, hours
from tests.unit.results.report import nights
from tests.unit.results.report.nights import BEGIN, HOUR, WINDOW, attempt, event


def spent(events: list[dict[str, Any]], **more: Any) -> Any:
    told = {"known_until": WINDOW.until, "failed": False, **more}
    return hours.spent("r", "gpu1", events, WINDOW, **told)


def test_an_attempt_on_four_gpus() -> None:
    """All of it was needed."""
    found = spent(attempt(1.0, 3.0, gpus=4))
    assert (found.used, found.repeated, found.unknown) == (8.0, 0.0, 0.0)


def test_only_what_lies_in_the_window() -> None:
    """An attempt that began the evening before, and one that goes on."""
    assert spent(attempt(-5.0, 2.0)).used == 2.0
    assert spent(attempt(14.0, None)).used == 1.0
    assert spent(attempt(-5.0, -1.0)) is None


def test_a_server_that_is_away() -> None:
    """Nobody knows what its run did after it was last heard of."""
    assert spent(attempt(1.0, None), known_until=BEGIN + 4 * HOUR).used == 3.0


def test_a_share_of_a_gpu() -> None:
    """Half a GPU for two hours."""
    assert spent([event("granted", 0.5, share=0.5), *attempt(1.0, 3.0)]).used == 1.0


def test_what_came_after_the_checkpoint_was_done_again() -> None:
    """From the moment when that was written."""
    start = {"checkpoint": "c", "checkpoint_at": BEGIN + 2.5 * HOUR}
    found = spent([*attempt(1.0, 3.0), *attempt(3.0, 5.0, **start)])
    assert (found.used, found.repeated) == (4.0, 0.5)


def test_a_start_from_the_beginning() -> None:
    """The whole attempt before was in vain."""
    assert spent([*attempt(1.0, 3.0), *attempt(3.0, 5.0)]).repeated == 2.0


def test_two_attempts_from_the_same_checkpoint() -> None:
    """The one in between made nothing that lasted."""
    start = {"checkpoint": "c", "checkpoint_at": BEGIN + 2.5 * HOUR}
    events = [*attempt(1.0, 3.0), *attempt(3.0, 4.0, **start), *attempt(4.0, 6.0, **start)]
    assert spent(events).repeated == 1.5


def test_a_rollback_stays_in_vain() -> None:
    """What it threw away is not won back by a later attempt that begins further on."""
    back = {"checkpoint": "a", "checkpoint_at": BEGIN + 1.5 * HOUR}
    on = {"checkpoint": "b", "checkpoint_at": BEGIN + 4 * HOUR}
    events = [*attempt(1.0, 3.0), *attempt(3.0, 4.5, **back), *attempt(4.5, 6.0, **on)]
    assert spent(events).repeated == 2.0


def test_a_checkpoint_whose_time_nobody_told() -> None:
    """As an older node tells it: not known is said, not guessed."""
    found = spent([*attempt(1.0, 3.0), *attempt(3.0, 5.0, checkpoint="c")])
    assert (found.used, found.repeated, found.unknown) == (4.0, 0.0, 2.0)


def test_gpus_that_idled() -> None:
    """At least as long as the node waited before it said so."""
    facts = {"gpus": ["GPU-0", "GPU-1"], "idle_s": 900.0}
    found = spent([*attempt(1.0, 5.0), event("noticed", 3.0, kind="gpu_idle", facts=facts)])
    assert found.idle == 0.5


def test_gpus_that_idled_before_the_window_began() -> None:
    """Of the quarter of an hour that was noticed, only what lies in the report's time."""
    facts = {"gpus": ["GPU-0"], "idle_s": 900.0}
    noticed = event("noticed", 0.1, kind="gpu_idle", facts=facts)
    assert spent([*attempt(-1.0, 5.0), noticed]).idle == pytest.approx(0.1)


@pytest.mark.parametrize("odd", [{}, {"type": 3}, {"type": "attempt_started", "gpus": None}])
def test_events_of_another_node(odd: dict[str, Any]) -> None:
    """Never a crash."""
    assert spent([odd, event("attempt_ended", 1.0), *attempt(1.0, 2.0)]).used == 1.0


def test_all_of_a_night() -> None:
    """Failed work counts once, and what the GPUs could have given is told where they are known."""
    found = gathering.report(nights.busy()).hours
    assert found is not None
    assert found.failed == pytest.approx(6.4)
    assert found.repeated == pytest.approx(0.88)
    assert found.capacity == 120.0
    assert found.unseen == ("gpu3",)
    assert found.until == {"gpu3": BEGIN + 9 * HOUR}
    assert found.held == pytest.approx(found.used - 8.0)
