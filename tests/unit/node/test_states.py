"""The fold of events: the table of transitions, and what a damaged file does to it."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from overnight.node import states


def events(*kinds: Any) -> list[dict[str, Any]]:
    """Numbered events; each kind is a name or (name, details)."""
    listed = []
    for number, kind in enumerate(kinds, 1):
        name, details = (kind, {}) if isinstance(kind, str) else kind
        listed.append({"seq": number, "time": 100.0 + number, "type": name, **details})
    return listed


STARTED = ("attempt_started", {"attempt": 1, "gpus": []})
KILLED = ("attempt_ended", {"attempt": 1, "exit_code": 137, "signal": 9, "position": [3.0]})


def test_a_run_that_ends_well() -> None:
    """created, started, ended, finished: and the attempt keeps how it ended."""
    state = states.fold(events("created", STARTED, ("attempt_ended", {"exit_code": 0}), "finished"))
    assert state.state == states.FINISHED
    assert state.attempts[0].exit_code == 0
    assert state.misfits == 0


def test_a_repair_is_kept_with_its_attempt() -> None:
    """A repair stays in the state, with the variant and the checkpoint of the next attempt."""
    repair = ("repaired", {"class": "cuda_oom", "change": "64 -> 32 x 2", "variant": 1})
    state = states.fold(events("created", STARTED, KILLED, repair))
    assert state.state == states.REPAIRING
    assert state.variant == 1
    assert [(each["class"], each["attempt"]) for each in state.repairs] == [("cuda_oom", 1)]


def test_an_ended_run_does_not_start_again() -> None:
    """After `finished` a late `attempt_started` changes nothing but the count of misfits."""
    state = states.fold(
        events("created", STARTED, ("attempt_ended", {"exit_code": 0}), "finished", STARTED)
    )
    assert state.state == states.FINISHED
    assert len(state.attempts) == 1
    assert state.misfits == 1


def test_an_event_written_twice_counts_once() -> None:
    """A number that was seen already is a misfit, whatever the event says."""
    first = events("created", STARTED)
    assert len(states.fold([*first, first[1]]).attempts) == 1


def test_what_was_spoilt_stays_spoilt() -> None:
    """A later repair that says nothing of it does not bring bad checkpoints back."""
    rolled_back = ("repaired", {"class": "nan", "before": 50.0})
    again = ("attempt_started", {"attempt": 2, "gpus": []})
    preempted = ("repaired", {"class": "preempted"})
    state = states.fold(events("created", STARTED, KILLED, rolled_back, again, KILLED, preempted))
    assert state.spoilt == ((50.0, 104.0),)
    assert state.to_json()["spoilt"] == [[50.0, 104.0]]


def test_resume_clears_the_stop_and_the_failure() -> None:
    """A resumed run is repairing, without the wish to stop it."""
    state = states.fold(
        events("created", STARTED, ("stop_requested", {"by": "me"}), KILLED, "stopped", "resumed")
    )
    assert (state.state, state.stop, state.failure) == (states.REPAIRING, None, None)


kinds = st.sampled_from([*states.TRANSITIONS, "from_the_future"])


@given(st.lists(kinds, max_size=30))
def test_any_order_of_events_folds(listed: list[str]) -> None:
    """No order of events raises, and only `resumed` leads out of an ended state."""
    details = {"attempt": 1, "exit_code": 0}
    state = states.State()
    for event in events(*((name, details) for name in listed)):
        after = states.apply(state, event)
        if state.state in states.ENDED and after.state != state.state:
            assert event["type"] == "resumed"
        state = after
    assert state.to_json()["attempt"] == len(state.attempts)
