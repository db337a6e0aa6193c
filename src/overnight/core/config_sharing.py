"""What [servers.NAME] may say about GPUs that others use too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from overnight.core import config_kinds as kinds
from overnight.core import config_words as words
from overnight.node import hours

_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]*\$?")
_HOURS_ADVICE = 'write hours such as "09:00-18:00", "22:00-06:00" or "mon-fri 09:00-18:00"'


def _hours_problems(name: str, value: str | list[Any]) -> Iterator[kinds.Problem]:
    if isinstance(value, str):
        if hours.parse(value) is None:
            yield (), f"{name} = {words.toml(value)}: {_HOURS_ADVICE}"
        return
    for index, each in enumerate(value):
        if not isinstance(each, str) or hours.parse(each) is None:
            yield (index,), f"{words.toml(each)} in {name}: {_HOURS_ADVICE}"


def _user_advice(value: str) -> str | None:
    return None if _USER.fullmatch(value) else 'write the name of a user there, such as "bob"'


def _percent_problems(name: str, value: int) -> Iterator[kinds.Problem]:
    if not 1 <= value <= 100:
        yield (), f"{name} = {value}: write a percentage, 1 to 100"


HOURS = kinds.Kind(
    "hours or a list of hours",
    (str, list),
    _hours_problems,
    lambda value: (value,) if isinstance(value, str) else tuple(value),
)
EXCLUDED = kinds.Kind("a list of GPU indices or UUIDs", (list,), kinds.gpu_problems, tuple)
USERS = kinds.Kind("a list of users", (list,), kinds.list_of_text(_user_advice), tuple)
PERCENT = kinds.Kind("a whole number", (int,), _percent_problems)
