"""The words for failures and the policy cannot drift apart."""

from __future__ import annotations

from overnight.core import failures
from overnight.node import policy


def test_every_class_and_action_has_words() -> None:
    """Those of the policy, under the names that overnight.toml knows."""
    assert set(failures.KINDS) == set(policy.DEFAULTS) - set(policy.SPOKEN_OF_AS)
    used = {rule.action for rule in policy.DEFAULTS.values()}
    allowed = {choice for rule in policy.DEFAULTS.values() for choice in rule.choices}
    assert used | allowed | policy.AUTOMATIC == set(failures.ACTIONS)


def test_other_names_have_words_too() -> None:
    """Of the node alone, and of a node that is newer."""
    assert failures.of("reboot") == failures.KINDS["preempted"]
    assert failures.of("from the future") == failures.KINDS["unknown"]


def test_the_default_is_told_with_its_limit() -> None:
    """How often, where something is done by itself."""
    assert failures.default_line("nccl").endswith("; at most 3 times for one root cause")
    assert failures.default_line("cuda_fault").endswith("; at most once for one root cause")
    assert failures.default_line("preempted").endswith("; as often as there is progress")
    assert failures.default_line("shape") == "`stop`: stops and reports"
