"""What the records of a run (state.json, spec.json) say, as columns of the store. Pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

Row = tuple[Any, ...]
_COUNTED = ("started_at", "ended_at", "exit_code", "signal", "cause", "checkpoint")


def columns(
    state: Mapping[str, Any], spec: Mapping[str, Any], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """`settings`: the hyperparameters that the files told; what the sweep set counts more."""
    launched, sweep = _object(spec, "provenance"), _object(spec, "sweep")
    attempts = _objects(state, "attempts")
    point = {**settings, **_object(spec, "settings"), **_object(sweep, "point")}
    return {
        "state": _text(state.get("state")),
        "server": _text(launched.get("server")),
        "sweep": _text(sweep.get("name")),
        "seed": _whole(sweep.get("seed", point.get("seed"))),
        "snapshot": _text(spec.get("snapshot")),
        "git_commit": _text(launched.get("commit")),
        "dirty": _whole(launched.get("dirty")),
        "command": _command(spec),
        "created_at": _number(launched.get("created_at")),
        "started_at": _number(attempts[0].get("started_at")) if attempts else None,
        "ended_at": _number(attempts[-1].get("ended_at")) if attempts else None,
        "altered": int(any(each.get("changes_science") for each in _objects(state, "repairs"))),
        "settings": json.dumps(point, default=str),
    }


def attempts(state: Mapping[str, Any]) -> list[Row]:
    """Number, `_COUNTED`, label and GPUs of each attempt."""
    rows = []
    for place, each in enumerate(_objects(state, "attempts"), 1):
        number = _whole(each.get("n"))
        told = (_plain(each.get(name)) for name in _COUNTED)
        label = _text(each.get("label") or each.get("variant_label"))
        gpus = json.dumps(each.get("gpus"), default=str) if each.get("gpus") else None
        rows.append((place if number is None else number, *told, label, gpus))
    return rows


def repairs(state: Mapping[str, Any]) -> list[Row]:
    return [
        (
            place,
            _whole(each.get("attempt")),
            _number(each.get("at")),
            _text(each.get("class")),
            _text(each.get("change")),
            int(bool(each.get("changes_science"))),
        )
        for place, each in enumerate(_objects(state, "repairs"), 1)
    ]


def _command(spec: Mapping[str, Any]) -> str | None:
    argv = next((each.get("argv") for each in _objects(spec, "variants")), None)
    return _text(shlex.join(map(str, argv))) if isinstance(argv, list) else None


def _object(value: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _objects(value: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    found = value.get(key)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _text(value: object) -> str | None:
    """Text that any encoding can hold: JSON may have half characters."""
    if value is None:
        return None
    return str(value).encode("utf-8", "backslashreplace").decode()


def _number(value: object) -> float | None:
    try:
        return float(value) if isinstance(value, (int, float)) else None
    except OverflowError:
        return None


def _whole(value: object) -> int | None:
    """What fits into the store; None for anything else."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return int(value) if isinstance(value, int) and abs(value) < 1 << 63 else None


def _plain(value: object) -> Any:
    if isinstance(value, float):
        return value
    return _whole(value) if isinstance(value, int) else _text(value)
