"""What a night may bring, before it: the variants, what can be turned, the policy that holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from overnight.core import spec, variants
from overnight.node import policy

if TYPE_CHECKING:
    from overnight.app.preparing import Prepared


def to_json(plan: Prepared) -> dict[str, Any]:
    """The value of `run --dry-run --json`, see docs/json.md."""
    pairs = zip(plan.spec.variants, plan.plan.variants, strict=True)
    return {
        "variants": [{**spec.plain(wire), **_told(each)} for wire, each in pairs],
        "settings": [
            {"name": name, "value": value, "where": plan.plan.shown[name]}
            for name, value in plan.plan.settings.items()
        ],
        "at_start": dict(plan.spec.at_start),
        "policy": dict(rules(plan.spec.policy)),
        "resume": spec.plain(plan.spec.resume),
        "smoke": list(plan.smoke_argv),
        "environment": spec.plain(plan.spec.environment),
        "gpus": plan.spec.gpus,
        "processes": plan.spec.processes,
        "note": plan.note,
        "refused": dict(plan.plan.refused),
        "assumed": list(plan.assumed),
    }


def _told(variant: variants.Variant) -> dict[str, Any]:
    return {
        "effective_batch": effective(variant),
        "changes": [dataclasses.asdict(each) for each in variant.changes],
    }


def effective(variant: variants.Variant) -> int | None:
    """Samples of one update in each process; None where a number is not known."""
    if variant.micro_batch is None or variant.accumulation is None:
        return None
    return variant.micro_batch * variant.accumulation


def rules(wishes: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is done about each class of failure, how often at most, and whether that is `own`:
    said in overnight.toml.
    """
    for kind in policy.DEFAULTS:
        own = wishes.get(kind, "default") != "default"
        holds = policy.rule(kind, dict(wishes)) if own else policy.DEFAULTS[kind]
        limit = holds.limit if holds.action in policy.AUTOMATIC else None
        yield kind, {"action": holds.action, "limit": limit, "own": own}
