"""Making the story of a violation short: whatever can be left out of the plan is left out."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from tests.simulation import night


def shrunken(plan: night.Plan, law: int, tries: int = 250) -> night.Plan:
    """The smallest plan found in which the same law is broken."""
    left = [tries]

    def still_breaks(candidate: night.Plan) -> bool:
        if left[0] <= 0:
            return False
        left[0] -= 1
        result = night.live(copy.deepcopy(candidate))
        return any(each.law == law for each in result.violations[:1])

    before = -1
    while weight(plan) != before and left[0] > 0:
        before = weight(plan)
        plan = without_launches(plan, still_breaks)
        plan = without(plan, "faults", still_breaks)
        plan = without(plan, "wishes", still_breaks)
        plan = without_slips(plan, still_breaks)
        plan = simpler_scripts(plan, still_breaks)
    return plan


def weight(plan: night.Plan) -> int:
    slips = sum(len(script.slips) for script in plan.scripts.values())
    return len(plan.faults) + len(plan.wishes) + len(plan.launches) + slips


Test = Callable[[night.Plan], bool]


def changed(plan: night.Plan, **parts: Any) -> night.Plan:
    new = copy.deepcopy(plan)
    for name, value in parts.items():
        setattr(new, name, copy.deepcopy(value))
    return new


def without(plan: night.Plan, name: str, still_breaks: Test) -> night.Plan:
    """Leaves out halves, then quarters, … then single ones, as long as it still breaks."""
    size = max(1, len(getattr(plan, name)) // 2)
    while size >= 1:
        at = 0
        while at < len(getattr(plan, name)):
            items = getattr(plan, name)
            candidate = changed(plan, **{name: items[:at] + items[at + size :]})
            if still_breaks(candidate):
                plan = candidate
            else:
                at += size
        size //= 2
    return plan


def without_launches(plan: night.Plan, still_breaks: Test) -> night.Plan:
    for launch in list(plan.launches):
        kept = [each for each in plan.launches if each.key != launch.key]
        wishes = [pair for pair in plan.wishes if pair[1].key != launch.key]
        candidate = changed(plan, launches=kept, wishes=wishes)
        if kept and still_breaks(candidate):
            plan = candidate
    return plan


def without_slips(plan: night.Plan, still_breaks: Test) -> night.Plan:
    for key in list(plan.scripts):
        for slip in list(plan.scripts[key].slips):
            candidate = copy.deepcopy(plan)
            candidate.scripts[key].slips = [s for s in plan.scripts[key].slips if s != slip]
            if still_breaks(candidate):
                plan = candidate
    return plan


def simpler_scripts(plan: night.Plan, still_breaks: Test) -> night.Plan:
    for key in list(plan.scripts):
        for name, value in (("fits", 64), ("workers", 0), ("on_term", "dies"), ("epochs", 3)):
            candidate = copy.deepcopy(plan)
            if getattr(candidate.scripts[key], name) == value:
                continue
            setattr(candidate.scripts[key], name, value)
            if still_breaks(candidate):
                plan = candidate
    return plan


def story(plan: night.Plan) -> str:
    """What the plan says, and the night as it went, for people."""
    result = night.live(copy.deepcopy(plan))
    lines = [f"seed {plan.seed}, {plan.gpus} GPUs"]
    for launch in plan.launches:
        script = plan.scripts[launch.key]
        name = launch.name or "no name"
        lines.append(
            f"  {launch.key} ({name}, gpus {launch.gpus}): {script.epochs} epochs of "
            f"{script.epoch_s:.0f} s, fits {script.fits}, SIGTERM {script.on_term}, "
            f"workers {script.workers}"
        )
        lines += [f"    fails: {s.kind} before epoch {s.epoch}, x {s.times}" for s in script.slips]
    lines += [
        f"  laptop {'AB'[number]} {wish.verb} {wish.key} at {wish.at:.3f}"
        for number, wish in plan.wishes
    ]
    lines += [f"  {fault.told()}" for fault in plan.faults]
    lines += ["", *result.story, ""]
    lines += [f"LAW {v.law} BROKEN at {v.at:.3f}: {v.text}" for v in result.violations[:3]]
    return "\n".join(lines)
