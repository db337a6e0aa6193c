"""Hyperparameters in the files that trainings and loggers leave beside their metrics."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from overnight.results.parsing import hparams

# By name, the most certain last: later ones win.
NAMES = (
    "config.yaml", "config.yml", "config.json", "params.yaml", "params.json", "args.yaml",
    "args.json", "hparams.yaml", "hparams.json",
)  # fmt: skip
HYDRA = ".hydra"
OVERRIDES = "overrides.yaml"
MOST_KEYS = 2000
_OF_WANDB = frozenset(("_wandb", "wandb_version"))


def is_settings(parts: tuple[str, ...]) -> bool:
    """Whether a file, by its path, holds hyperparameters. Hydra's own settings are none."""
    if len(parts) > 1 and parts[-2] == HYDRA:
        return parts[-1] in ("config.yaml", OVERRIDES)
    return parts[-1] in NAMES


def order(path: Path) -> tuple[int, int, str]:
    """Files nearer to the top of a run count less than those of its loggers; names as in NAMES."""
    name = path.name
    sure = NAMES.index(name) if name in NAMES else len(NAMES)
    return (len(path.parts), sure, name)


def read(path: Path) -> dict[str, Any]:
    """`{"optimizer.lr": 0.1}`; empty for what cannot be read."""
    if path.name == OVERRIDES and path.parent.name == HYDRA:
        return dict(_overrides(path))
    found = _json(path) if path.suffix == ".json" else hparams.read(path)
    if path.parent.name == "files" or _OF_WANDB & found.keys():
        found = {key: _unwrapped(each) for key, each in found.items() if key not in _OF_WANDB}
    flat = dict(_flat(found, ""))
    return dict(list(flat.items())[:MOST_KEYS])


def _unwrapped(value: Any) -> Any:
    """W&B keeps `{"lr": {"desc": null, "value": 0.1}}`."""
    return value["value"] if isinstance(value, dict) and "value" in value else value


def _flat(value: Mapping[str, Any], before: str) -> Iterator[tuple[str, Any]]:
    for key, each in value.items():
        if isinstance(each, Mapping):
            yield from _flat(each, f"{before}{key}.")
        else:
            yield f"{before}{key}", each


def _json(path: Path) -> dict[str, Any]:
    try:
        if path.is_symlink() or path.stat().st_size > hparams.MOST_BYTES:
            return {}
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return hparams.simple(found) if isinstance(found, dict) else {}


def _overrides(path: Path) -> Iterator[tuple[str, Any]]:
    """Hydra keeps what was typed as a list of `key=value`."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        key, equals, value = line.strip().removeprefix("- ").strip("'\"").partition("=")
        if equals and key:
            yield key.lstrip("+~"), _typed(value)


def _typed(value: str) -> Any:
    """Numbers and true, false, null as such."""
    try:
        found = json.loads(value)
    except ValueError:
        return value
    return found if isinstance(found, (int, float, bool)) or found is None else value
