"""What is shown of this server's queue and of its GPUs.

Times are Unix times of this server's clock, memory is MiB.
"""

from __future__ import annotations

import os
import time
from typing import Any, Mapping

from overnight.node import cards, gpus, planning, sharing, turns
from overnight.node.slurm import listing


def view(root: str, told: Any = None) -> dict[str, Any]:
    """All projects of this root; what waits in the order in which it will start.

    `told`: the rules of sharing by which the cards are shown; None for those of the first run.
    """
    active = [turns.dated(each) for each in turns.survey(root, turns.Memory())]
    sight = cards.look(root, turns.common_rules(active))
    server = turns.here(sight)
    plan = planning.Planning(active, server)
    begins = plan.forecast()
    here_waits = [waiting(plan, each, begins.get(each.run)) for each in plan.line()]
    here_goes = [running(each) for each in active if not each.is_idle]
    in_slurm, in_jobs = listing.listed(root)
    return {
        "time": time.time(),
        "waiting": [*here_waits, *in_slurm],
        "running": [*here_goes, *in_jobs],
        "cards": brief_cards(plan, sight.table, told),
        "slots": plan.slots(),
        "problem": sight.table.problem,
    }


def missing_links(links: Mapping[str, str]) -> list[str]:
    """The targets of links that do not exist here."""
    return sorted(t for t in set(links.values()) if not os.path.exists(os.path.expanduser(t)))


def waiting(
    plan: planning.Planning, each: planning.Active, starts_at: float | None
) -> dict[str, Any]:
    wish = each.wish
    return {
        "project": each.run.project,
        "run": each.run.name,
        "gpus": plan.number(each),
        "priority": wish.priority,
        "queued_at": each.state.get("created_at"),
        "order": wish.order,
        "group": wish.group,
        "expected_s": wish.expected_s,
        "memory_mib": wish.memory_mib,
        "after": list(wish.after),
        "allowed": None if wish.allowed is None else list(wish.allowed),
        "avoid": list(each.state.get("avoid") or ()),
        "reason": plan.why(each),
        "starts_at": starts_at,
    }


def running(each: planning.Active) -> dict[str, Any]:
    place = planning.place_of(each.state)
    attempts = each.state.get("attempts") or [{}]
    return {
        "project": each.run.project,
        "run": each.run.name,
        "gpus": list(place["gpus"]),
        "share": place["share"],
        "memory_mib": each.wish.memory_mib,
        "since": attempts[0].get("started_at"),
        "ends_at": each.ends_at,
        "group": each.wish.group,
    }


def brief_cards(plan: planning.Planning, table: gpus.Table, told: Any) -> list[dict[str, Any]]:
    uses = plan.common_uses() if told is None else plan.uses_by(told)
    return [
        {
            "uuid": gpu.uuid,
            "index": gpu.index,
            "name": gpu.name,
            "memory_mib": gpu.memory_total_mib,
            "state": use.state if use else sharing.UNKNOWN,
            "why": use.why if use else "",
        }
        for gpu in table.gpus
        for use in [uses.get(gpu.uuid)]
    ]


def gpu_table(root: str, told: Any) -> dict[str, Any]:
    """Who uses each GPU. `told`: the rules of sharing, as `sharing.rules` reads them."""
    rules = sharing.rules(told)
    active = list(turns.survey(root, turns.Memory()))
    sight = cards.look(root, rules)
    uses = sight.uses(planning.held_by(active), rules, time.localtime())
    return {
        "time": time.time(),
        "driver": sight.table.driver,
        "problem": sight.table.problem,
        "gpus": [gpu_row(gpu, uses[gpu.uuid]) for gpu in sight.table.gpus],
    }


def gpu_row(gpu: gpus.Gpu, use: sharing.Use) -> dict[str, Any]:
    return {
        **gpu._asdict(),
        "apps": [app._asdict() for app in gpu.apps],
        "state": use.state,
        "why": use.why,
        "users": [user._asdict() for user in use.users],
        "runs": list(use.runs),
    }
