"""The values of a configuration file as options, so that their roles are found by name.

`train.batch_size` of a file is looked at like `--train.batch_size`; its place is file:line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from overnight.code import options
from overnight.code.options import Option
from overnight.core import command, config_text

_DEEPSPEED = {"train_micro_batch_size_per_gpu", "zero_optimization"}
_TOTAL = "train_batch_size"  # DeepSpeed's name for the effective batch


def read(path: str, text: str) -> tuple[Option, ...]:
    """Raises `core.unclear.UnclearError` where the file cannot be read for certain."""
    document = config_text.read(path, text)
    first_names = {key[0] for key in document.scalars if key}
    is_deepspeed = bool(first_names & _DEEPSPEED) or path.endswith(".json")
    return tuple(
        option
        for option in _options(path, text, document)
        if not (is_deepspeed and option.destination == _TOTAL)
    )


def is_deepspeed(option: Option) -> bool:
    return option.name == "train_micro_batch_size_per_gpu"


def _options(path: str, text: str, document: config_text.Document) -> Iterator[Option]:
    for key, scalar in document.scalars.items():
        name = config_text.dotted(key)
        if name:
            value = _value(scalar.text)
            kinds: dict[type, options.Kind] = {int: "int", float: "float"}
            yield Option(
                spellings=(name,),
                kind=kinds.get(type(value), "text"),
                default=value,
                glue="=",
                place=f"{command.visible(path)}:{text.count(chr(10), 0, scalar.start) + 1}",
                destination=name,
            )


def _value(written: str) -> Any:
    if re.fullmatch(r"[+-]?[0-9]{1,12}", written, re.ASCII):
        return int(written)
    try:
        return float(written)
    except ValueError:
        return written
