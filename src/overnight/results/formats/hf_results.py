"""`all_results.json`, `train_results.json`, `eval_results.json` of the HF Trainer's scripts.

One value for each metric. `train_loss` is a mean over the run, called `train_loss_mean`.
"""

from __future__ import annotations

from pathlib import Path

from overnight.results import curves
from overnight.results.curves import Found, Mark
from overnight.results.parsing import documents, sniffing
from overnight.results.parsing.conventions import Convention

FORMAT = "hf_results"
_NAMES = frozenset(
    f"{each}_results.json" for each in ("all", "train", "eval", "predict", "test", "validation")
)


def _rename(name: str) -> str:
    return "train_loss_mean" if name == "train_loss" else name


_CONVENTION = Convention(format=FORMAT, rename=_rename)


def claims(path: Path, head: bytes) -> int:
    if path.name not in _NAMES:
        return curves.NO
    has_numbers = bool(sniffing.metrics_of_document(head))
    return curves.SURE if has_numbers or not head.strip() else curves.NO


def read(path: Path, mark: Mark | None = None) -> Found:
    document = documents.opened(path)
    documents.take_values(document, _CONVENTION)
    return documents.found(document, _CONVENTION)
