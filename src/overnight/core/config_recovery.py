"""What [recovery] and [watch] may say: the policy's lines, and how patiently is looked."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from overnight.core import config_kinds as kinds
from overnight.core import config_words as words
from overnight.core import failures
from overnight.core.config_kinds import Key
from overnight.node import policy, seeing

# What a table may hold beside action and max, and the action that it goes with.
SETTINGS = {"nan": ("lr_scale", "clip")}
SETTINGS_GO_WITH = "rollback"


# --- [recovery] --------------------------------------------------------------------------------


def kind(name: str) -> kinds.Kind:
    """A line for one class: an action, or `{ action = …, max = … }`."""
    actions = kinds.choice("default", *policy.DEFAULTS[name].choices)

    def problems(label: str, value: str | dict[str, Any]) -> Iterator[kinds.Problem]:
        if isinstance(value, str):
            yield from actions.problems(label, value)
        else:
            yield from _table_problems(name, label, value, actions)

    return kinds.Kind(f"{actions.label}, or a table", (str, dict), problems)


def _table_problems(
    name: str, label: str, table: Mapping[str, Any], actions: kinds.Kind
) -> Iterator[kinds.Problem]:
    known = ("action", "max", *SETTINGS.get(name, ()))
    for key in sorted(table.keys() - set(known)):
        near = words.did_you_mean(key, known)
        yield (key,), f"unknown key {words.toml(key)} in {label}{near}"
    action = table.get("action", "default")
    if not isinstance(action, str):
        yield ("action",), words.expected(f"{label}.action", action, "text", '"ask"')
        return
    wrong = list(actions.problems(f"{label}.action", action))
    yield from ((("action", *at), what) for at, what in wrong)
    if not wrong:
        resolved = policy.DEFAULTS[name].action if action == "default" else action
        yield from _max_problems(label, table, resolved)
        yield from _setting_problems(name, label, table, resolved)


def _max_problems(label: str, table: Mapping[str, Any], action: str) -> Iterator[kinds.Problem]:
    if "max" not in table:
        return
    times = table["max"]
    if type(times) is not int or times < 1:
        expected = words.expected(f"{label}.max", times, "a whole number above 0", "3")
        yield ("max",), f"{expected}; to repair nothing write action = {words.toml(policy.STOP)}"
    elif action not in policy.AUTOMATIC:
        what = f"says how often, but {words.toml(action)} repairs nothing; leave max out"
        yield ("max",), f"{label}.max = {times}: {what}"


def _setting_problems(
    name: str, label: str, table: Mapping[str, Any], action: str
) -> Iterator[kinds.Problem]:
    for key in SETTINGS.get(name, ()):
        if key not in table:
            continue
        value = table[key]
        if not _is_number(value) or value <= 0 or (key == "lr_scale" and value >= 1):
            form = "a number between 0 and 1" if key == "lr_scale" else "a number above 0"
            yield (key,), words.expected(f"{label}.{key}", value, form, "0.5")
        elif action != SETTINGS_GO_WITH:
            advice = (
                f"goes with action = {words.toml(SETTINGS_GO_WITH)}; write that, or leave it out"
            )
            yield (key,), f"{label}.{key}: {advice}"


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


RECOVERY: Mapping[str, Key] = {
    name: Key(
        kind(name),
        '"default"' if name == "interrupted" else '"ask"',
        failures.KINDS[name].meaning,
        default=f'`"{policy.DEFAULTS[name].action}"`',
    )
    for name in failures.KINDS
}


# --- [watch] -----------------------------------------------------------------------------------


def _amount_problems(name: str, value: float) -> Iterator[kinds.Problem]:
    if not (math.isfinite(value) and value > 0):
        yield (), f"{name} = {words.toml(value)}: write a number above 0"


AMOUNT = kinds.Kind("a number", (int, float), _amount_problems, float)
YES_NO = kinds.Kind("true or false", (bool,))


def _key(name: str, shape: kinds.Kind, example: str, meaning: str) -> Key:
    default = getattr(seeing.DEFAULT, name)
    return Key(
        shape, example, meaning, default="never" if default is None else f"`{words.toml(default)}`"
    )


WATCH: Mapping[str, Key] = {
    name: _key(name, shape, example, meaning)
    for name, shape, example, meaning in (
        (
            "floor_s",
            kinds.SECONDS,
            "600",
            "No silence between two steps shorter than this is a hang. The other floors and the "
            "ceiling keep their distance to it where they are not set.",
        ),
        (
            "pause_floor_s",
            kinds.SECONDS,
            "1800",
            "The same where an evaluation or a checkpoint may be under way.",
        ),
        (
            "setup_floor_s",
            kinds.SECONDS,
            "3600",
            "The same before the first steps and after the last one.",
        ),
        (
            "ceiling_s",
            kinds.SECONDS,
            "43200",
            "However long the silences so far were, this is a hang; but never less than twice the "
            "longest one.",
        ),
        (
            "factor",
            AMOUNT,
            "5",
            "Between floor and ceiling: so many times the longest silence learnt is a hang.",
        ),
        (
            "mute_s",
            kinds.SECONDS,
            "86400",
            "A run that works but has never shown any progress is ended after this.",
        ),
        ("end_hung", YES_NO, "false", "Whether a hang is ended, or only noticed."),
        (
            "end_suspended",
            YES_NO,
            "true",
            "Whether a training that somebody has stopped with SIGSTOP counts as hung.",
        ),
        (
            "end_nan",
            YES_NO,
            "false",
            "Whether a training whose loss stays NaN or infinite is ended, or only noticed.",
        ),
        (
            "nan_values",
            kinds.POSITIVE,
            "5",
            "So many such losses on end count as lost.",
        ),
        (
            "min_growth_mib_s",
            AMOUNT,
            "1",
            "For downloads: outputs that grow more slowly than so many MiB/s have stalled.",
        ),
        (
            "gpu_idle_s",
            kinds.SECONDS,
            "900",
            "A GPU that does nothing for so long is noticed.",
        ),
    )
}
_ORDER = (
    ("floor_s", "pause_floor_s"),
    ("floor_s", "ceiling_s"),
    ("pause_floor_s", "ceiling_s"),
    ("setup_floor_s", "ceiling_s"),
)


def contradictions(data: Mapping[str, Any]) -> Iterator[kinds.Problem]:
    """Lines of one file that are right alone and not together."""
    watch = data.get("watch")
    if not isinstance(watch, dict):
        return
    for low, high in _ORDER:
        least, most = watch.get(low), watch.get(high)
        if least is not None and most is not None and least > most:
            what = f"{low} = {words.toml(least)} is above {high} = {words.toml(most)}"
            yield ("watch", low), f"{what}; lower the one or raise the other"
    recovery = data.get("recovery")
    wish = recovery.get("nan") if isinstance(recovery, dict) else None
    if watch.get("end_nan") is False and policy.action_of(wish) == SETTINGS_GO_WITH:
        what = 'recovery.nan = "rollback" needs the training to be ended; leave end_nan out'
        yield ("watch", "end_nan"), f"end_nan = false: {what}"
