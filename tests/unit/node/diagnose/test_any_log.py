"""Whatever a log holds: one answer, of bounded size, never an exception."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from overnight.node import diagnose, policy
from overnight.node.diagnose import causes
from tests.unit.node.diagnose import logs

FRAGMENTS = st.sampled_from(
    [
        logs.HEAD,
        logs.DURING,
        logs.progress(1, 1),
        logs.box((1, -9)),
        logs.from_worker("OSError", "image file is truncated"),
        "[rank1]: ",
        "Original Traceback (most recent call last):\n",
        "Exception ignored in: x\n",
        "RuntimeError: CUDA out of memory. Tried to allocate",
        "KeyboardInterrupt\n",
        "loss: nan ",
        "100%|##| 5/5 [",
        "\r",
        "\n",
        "\x1b[31m",
        "  + Exception Group Traceback (most recent call last):\n",
        "exitcode  : -9 (pid",
        "((((((((((((((((",
        "a." * 200,
        "' " * 300,
    ]
)
LOGS = st.lists(FRAGMENTS | st.text(max_size=40), max_size=40).map("".join)
SEEN = st.builds(
    diagnose.Seen,
    exit_code=st.none() | st.integers(-70, 300),
    signal=st.none() | st.integers(1, 70),
    cause=st.none() | st.sampled_from(["reboot", "lost", "hang", "nan", "stalled", "time_box"]),
    foreign_mib=st.integers(0, 9),
    disk_full=st.booleans(),
    oom_kills=st.integers(0, 2),
    gpu_faults=st.lists(st.text(max_size=9), max_size=2).map(tuple),
    progress=st.none(),
    last_output_age_s=st.none() | st.floats(0, 1e6),
)
KINDS = {*policy.DEFAULTS, *policy.HEALTHY, "reboot", "lost"}


@settings(max_examples=200, deadline=None)
@given(LOGS, SEEN)
def test_every_text_has_one_bounded_answer(text: str, seen: diagnose.Seen) -> None:
    """A known class, a confidence, few lines of few characters, facts that JSON can hold."""
    found = diagnose.diagnose(diagnose.Log.of_bytes(text.encode("utf-8", "replace")), seen)
    assert found.kind in KINDS
    assert 0 < found.confidence <= 1
    assert len(found.evidence) <= 8
    assert all(len(str(line["text"])) <= 400 for line in found.evidence)
    assert len(json.dumps(found.facts)) < 4000


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=3000), SEEN)
def test_every_byte_may_come(data: bytes, seen: diagnose.Seen) -> None:
    """Binary rubbish in any encoding."""
    assert diagnose.diagnose(diagnose.Log.of_bytes(data), seen).kind in KINDS


@settings(max_examples=100, deadline=None)
@given(LOGS)
def test_a_good_exit_is_no_failure_of_the_machine(text: str) -> None:
    """With exit code 0 only a lost loss or an early leave can be anything else."""
    found = diagnose.diagnose(diagnose.Log.of_bytes(text.encode()), diagnose.Seen(exit_code=0))
    assert found.kind in {"finished", "nan", "interrupted", "preempted"}


def test_every_rule_has_a_class_and_a_source() -> None:
    """The class is one of the policy's; the program that writes the message is named."""
    for rule in causes.RULES:
        assert rule.kind in policy.DEFAULTS, rule
        assert rule.made_from and 0 < rule.confidence < 1
