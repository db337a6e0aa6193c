"""The repairs: one function for each action of the policy. Pure.

What changes the experiment needs consent, given beforehand in overnight.toml or asked for (law 7).
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple

from overnight.node import causes, policy, states
from overnight.node.actions import FREE_PORT, NOTHING, Ask, Ended, Fail, Failure, Retry, Stop

LONGEST_BACKOFF_S = 600.0
FIRST_RETRY_S = 10.0
DEFAULT_LR_SCALE = 0.5
DEFAULT_CLIP = 1.0


class Case(NamedTuple):
    """All that a repair may look at."""

    state: states.State
    ended: Ended
    failure: Failure
    spec: dict[str, Any]
    wish: Any  # of overnight.toml for this class: None, an action, or a table

    @property
    def cause(self) -> str:
        return causes.clause(self.failure, self.ended)

    @property
    def name(self) -> str:
        return str(self.spec.get("run") or "RUN")

    @property
    def times(self) -> int:
        """How often this class was repaired already."""
        since = self.state.resumed_at_attempt
        repairs = [each for each in self.state.repairs if each["attempt"] > since]
        return sum(each["class"] == self.failure.kind for each in repairs)

    def setting(self, name: str) -> Any:
        """Its value now; None where it cannot be turned."""
        declared = self.spec.get("settings") or {}
        return {**declared, **self.state.settings}.get(name)

    def turnable(self, name: str) -> bool:
        return name in (self.spec.get("settings") or {})

    @property
    def shares(self) -> bool:
        """Whether it runs on a share of a GPU."""
        wanted = self.spec.get("gpus")
        return isinstance(wanted, float) and 0 < wanted < 1

    def retry(self, change: str, **more: Any) -> Retry:
        return Retry(change, more.pop("variant", self.state.variant), **more)


def repair(
    state: states.State, ended: Ended, failure: Failure, spec: dict[str, Any]
) -> Stop | Fail | Ask | Retry:
    """By the policy that holds for this class."""
    wishes = spec.get("policy") or {}
    rule = policy.rule(failure.kind, wishes)
    case = Case(state, ended, failure, spec, policy.wish_for(failure.kind, wishes))
    return ACTIONS[rule.action](case)


def stop(case: Case) -> Fail:
    said = policy.action_of(case.wish) == policy.STOP
    return Fail(case.cause + "; overnight.toml says to stop here" * said)


def meant(case: Case) -> Stop:
    return Stop(f"ended by {case.cause}")


# -- again, as it was -----------------------------------------------------------------------------


def resume(case: Case) -> Fail | Retry:
    if case.failure.kind == "host_oom" and case.times > 0:
        return fewer_workers(case)
    if case.failure.kind == "unknown" and not case.wish and not case.ended.position:
        return Fail(f"{case.cause}; it had made no progress, so another try would not help")
    return case.retry(f"resumed after {case.cause}", delay_s=backoff(case.state))


def retry(case: Case) -> Retry:
    """After a pause that grows. What the laptop cannot know is turned here: port, W&B mode."""
    if case.failure.kind == "port_in_use":
        return new_port(case)
    delay_s = min(LONGEST_BACKOFF_S, FIRST_RETRY_S * 3.0**case.times)
    if case.failure.facts.get("service") == "wandb":
        offline = {"WANDB_MODE": "offline"}
        return case.retry(f"{case.cause}: W&B goes offline", env=offline, delay_s=FIRST_RETRY_S)
    return case.retry(f"tried again after {case.cause}", delay_s=delay_s)


def new_port(case: Case) -> Retry:
    """Where no port is declared, the variable that torch's env:// rendezvous reads."""
    change = f"{case.cause}: a new rendezvous port"
    if case.turnable("port"):
        return case.retry(change, settings={"port": FREE_PORT})
    return case.retry(change, env={"MASTER_PORT": FREE_PORT})


def move(case: Case) -> Retry:
    """Waits for free GPUs; after a fault of a GPU on another one, where there is one."""
    if case.failure.kind == "gpu_contention":
        return case.retry(f"{case.cause}: moved to free GPUs", leaves=True)
    used = tuple(case.state.attempts[-1].gpus)
    where = " on another GPU, if there is one" if used else ""
    change = f"resumed after {case.cause}{where}"
    return case.retry(change, avoid=used, leaves=bool(used))


def backoff(state: states.State) -> float:
    """Seconds to wait: nothing at first, then longer while no attempt makes progress."""
    tried = state.attempts[state.resumed_at_attempt :]
    fruitless = 0
    for older, newer in zip(reversed(tried[:-1]), reversed(tried)):
        if (newer.position or []) > (older.position or []):
            break
        fruitless += 1
    return min(60.0, 5.0 * (2.0**fruitless - 1.0))


# -- with less, or without something --------------------------------------------------------------


def fewer_workers(case: Case) -> Retry:
    workers = case.setting("workers")
    if not isinstance(workers, int) or workers < 1:
        return case.retry(f"resumed after {case.cause}", delay_s=backoff(case.state))
    fewer = workers // 2
    return case.retry(
        f"{case.cause}: {workers} -> {fewer} loader workers", settings={"workers": fewer}
    )


def next_variant(case: Case) -> Fail | Ask | Retry:
    """A smaller micro-batch; one that changes the effective batch only with consent (law 7).

    Before that, a run that shares its GPU gets one for itself.
    """
    if case.shares and not case.state.alone:
        return case.retry(f"{case.cause}: a GPU of its own", leaves=True, alone=True)
    variants = case.spec["variants"]
    number = case.state.variant + 1
    if number >= len(variants):
        known = "it is the smallest" if len(variants) > 1 else "no smaller one is known"
        return Fail(f"{case.cause} with {variants[case.state.variant]['label']}; {known}")
    before, after = variants[case.state.variant], variants[number]
    science = bool(after.get("changes_science"))
    if science and policy.action_of(case.wish) != "shrink":
        return Ask(
            f"{case.cause}; the next batch ({after['label']}) would change the effective batch "
            "size",
            [f"overnight resume {case.name} --accept batch"],
        )
    return case.retry(
        f"{before['label']} -> {after['label']}", variant=number, changes_science=science
    )


def exclude(case: Case) -> Fail | Retry:
    """That the project declares an exclusion list is the consent to use it."""
    sample = case.failure.facts.get("sample")
    if not sample:
        return Fail(f"{case.cause}; which file it is was not said")
    if not case.turnable("exclude"):
        return Fail(f"{case.cause}; the project declares no exclusion list ([knobs] exclude)")
    left_out = list(case.setting("exclude") or [])
    if sample in left_out:
        return Fail(f"{case.cause}; it is on the exclusion list already, and was read again")
    return case.retry(
        f"left out {sample}", settings={"exclude": [*left_out, sample]}, changes_science=True
    )


# -- what a person has to want -------------------------------------------------------------------


def ask(case: Case) -> Ask:
    """The question, with each answer as the command to type."""
    answers = [f"overnight resume {case.name}"]
    if case.failure.kind == "nan":
        answers = [*consents(case), *answers]
    elif case.failure.kind == "cuda_oom":
        answers = [f"overnight resume {case.name} --accept batch"]
    return Ask(question(case), [*answers, f"overnight explain {case.name}"])


def question(case: Case) -> str:
    at = case.failure.facts.get("last_finite_step")
    finite = f"; the last finite value was at step {at}" if at is not None else ""
    return f"{case.cause}{finite}; how shall it go on?"


def consents(case: Case) -> list[str]:
    """What may be turned in this project when the loss is no longer finite."""
    base = f"overnight resume {case.name}"
    found = []
    if case.turnable("lr"):
        found.append(f"{base} --lr-scale {DEFAULT_LR_SCALE:g}")
    if case.turnable("clip"):
        found.append(f"{base} --accept clip={DEFAULT_CLIP:g}")
    return found


def rollback(case: Case) -> Fail | Retry:
    """With consent given beforehand: from before the loss went wrong, with what was allowed."""
    wish = case.wish if isinstance(case.wish, dict) else {}
    settings: dict[str, Any] = {}
    rate = case.setting("lr")
    if wish.get("lr_scale") is not None:
        if not isinstance(rate, (int, float)):
            return Fail(f"{case.cause}; the learning rate cannot be turned ([knobs] lr)")
        settings["lr"] = rate * float(wish["lr_scale"])
    if wish.get("clip") is not None:
        if not case.turnable("clip"):
            return Fail(f"{case.cause}; gradient clipping cannot be turned ([knobs] clip)")
        settings["clip"] = float(wish["clip"])
    turned = ", ".join(f"{name} = {value:g}" for name, value in settings.items())
    return case.retry(
        f"{case.cause}: rolled back" + (f", {turned}" if turned else ""),
        settings=settings or NOTHING,
        changes_science=bool(settings),
        before=case.failure.facts.get("last_finite_at"),
    )


ACTIONS: dict[str, Callable[[Case], Stop | Fail | Ask | Retry]] = {
    "next_variant": next_variant,
    "shrink": next_variant,
    "resume": resume,
    "retry": retry,
    "move": move,
    "exclude": exclude,
    "rollback": rollback,
    policy.ASK: ask,
    policy.STOP: stop,
    policy.NONE: meant,
}
