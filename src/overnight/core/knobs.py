"""What a training lets us turn: micro-batch, gradient accumulation, and how it resumes.

A template is a flag with `{}` where the number goes. A flag that has several spellings gives them
all, so that each is found in a command; the last one is used where we add the flag ourselves:

    --batch-size {}      --batch-size={}      trainer.batch_size={}      -b|--batch-size {}

The resume template is a piece of a command line too, with `{checkpoint}` where the path goes
(`--resume {checkpoint}`), without it for a plain switch (`--resume`), or the word `auto` for a
training that finds its own last checkpoint.
"""

from __future__ import annotations

import dataclasses
import shlex
from typing import Literal

PLACE = "{}"
CHECKPOINT_PLACE = "{checkpoint}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Knob:
    """A whole number on the command line. `value` is what the script takes when not told."""

    template: str
    value: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Knobs:
    """The knobs of one project; None where nothing is declared."""

    micro_batch: Knob | None = None
    accumulation: Knob | None = None
    resume: str | None = None


def spellings(template: str) -> tuple[str, ...]:
    """The flags of a template, without `=` and `{}`: `("-b", "--batch-size")`.

    Raises ValueError, with a message that says what to write, where the template is unusable.
    """
    flag = _split(template)[0].removesuffix(PLACE).removesuffix("=")
    return tuple(flag.split("|"))


def words(template: str) -> list[str]:
    """The argv words to add, `{}` still in its place: `["--batch-size", "{}"]`.

    Raises ValueError like `spellings`.
    """
    parts = _split(template)
    return [parts[0].rsplit("|", 1)[-1], *parts[1:]]


def _split(template: str) -> list[str]:
    parts = shlex.split(template)
    alone = len(parts) == 2 and parts[1] == PLACE and "=" not in parts[0]
    attached = len(parts) == 1 and parts[0].endswith(PLACE)
    names = parts[0].removesuffix(PLACE).removesuffix("=").split("|") if parts else [""]
    if template.count(PLACE) != 1 or not (alone or attached) or not all(names):
        raise ValueError(
            "write one flag that ends in {}, as in --batch-size {} or batch_size={}: "
            f"not {template!r}"
        )
    return parts


def resume_argv(template: str | None) -> list[str] | Literal["auto"] | None:
    """What is appended to the command on resume; `{checkpoint}` stays as the placeholder.

    Raises ValueError where the quotes in `template` do not close.
    """
    if template is None:
        return None
    return "auto" if template.strip() == "auto" else shlex.split(template)
