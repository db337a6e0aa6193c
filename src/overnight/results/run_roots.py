"""Which folders of a tree are runs, by where their metric files lie, and their names. Pure.

Paths have the form of `Path.parts` relative to the imported folder; () is that folder itself.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from overnight.core import spec

Parts = tuple[str, ...]

# Folders inside a run, in which its loggers write.
_INSIDE = re.compile(
    r"checkpoint-[0-9]+|(?i:metrics|plots|files|logs?|events|train(ing)?|val(id|idation)?|eval|test"
    r"|tensorboard|tb(_logs)?|tf_logs|csv(_logs)?|dvclive|params|results|work)|\.hydra"
)
# What a logger names by the moment of its start; inside a run of the Hugging Face Trainer.
_MOMENT = re.compile(r"[A-Z][a-z]{2}[0-9]{2}_[0-9]{2}-[0-9]{2}-[0-9]{2}_.+")
# Names that tell nothing beside that of the folder above.
_GENERIC = frozenset(("lightning_logs", "runs", "outputs", "output", "multirun", "wandb", "mlruns"))
_ODD = re.compile(r"[^A-Za-z0-9_-]+")
LONGEST = 56


def roots(files: Iterable[Parts], settings: Iterable[Parts]) -> dict[Parts, list[Parts]]:
    """Each run's folder with its metric files. `settings`: files of hyperparameters."""
    configured = {_climbed(each[:-1]) for each in settings}
    found: dict[Parts, list[Parts]] = {}
    for file in sorted(files):
        found.setdefault(_climbed(file[:-1]), []).append(file)
    for root in sorted(found, key=len, reverse=True):
        above = _belongs_to(root, found, configured)
        if above is not None:
            found.setdefault(above, []).extend(found.pop(root))
    return {root: sorted(found[root]) for root in sorted(found)}


def _climbed(folder: Parts) -> Parts:
    while folder and _INSIDE.fullmatch(folder[-1]):
        folder = folder[:-1]
    return folder


def _belongs_to(
    root: Parts, found: Mapping[Parts, Sequence[Parts]], configured: Collection[Parts]
) -> Parts | None:
    """The run above of which this folder is only a part; None where it is a run itself."""
    if len(root) >= 2 and root[-2] == "runs" and _MOMENT.fullmatch(root[-1]):
        above = root[:-2]
        if above in found:  # its trainer wrote there, too
            return above
    above = root[:-1]
    if root and root not in configured and above in configured and above not in found:
        others = [each for each in found if each[: len(above)] == above and each != root]
        return None if others else above
    return None


def name(root: Parts, top: str, *, prefix: str | None = None) -> str:
    """What a run is called: the folders on the way to it, or `prefix` and those."""
    telling = [each for each in root if each not in _GENERIC] or list(root[-1:])
    parts = [prefix] if prefix else []
    words = [_ODD.sub("-", each).strip("-_") for each in (*parts, *telling)]
    told = "-".join(word for word in words if word)
    if not told:
        told = _ODD.sub("-", top).strip("-_")
    if len(told) > LONGEST:
        told = told[-LONGEST:].lstrip("-_")
    return told if spec.NAME.match(told) else "imported"


def distinct(wanted: str, taken: Collection[str]) -> str:
    """`wanted`, or with the first number behind it that nobody has."""
    number, found = 1, wanted
    while found in taken:
        number += 1
        found = f"{wanted}-{number}"
    return found
