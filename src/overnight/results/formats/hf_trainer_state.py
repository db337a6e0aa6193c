"""`trainer_state.json` of the HF Trainer: `log_history`, train and evaluation on rows of their own.

The last row tells of the whole run: its `train_loss` is a mean over all steps, and is called
`train_loss_mean` here, so that it does not become the last loss. Which way the best metric is
better, follows from `best_metric` where it is the extreme of one evaluated metric only.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from overnight.results import curves
from overnight.results.curves import Found, Mark
from overnight.results.parsing import documents, rows
from overnight.results.parsing.conventions import Convention
from overnight.results.parsing.json_walk import Object


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FORMAT = "hf_trainer_state"
_CONVENTION = Convention(format=FORMAT)
_SETTINGS = _words(
    "max_steps num_train_epochs train_batch_size logging_steps eval_steps save_steps "
    "trial_params is_hyper_param_search"
)


def claims(path: Path, head: bytes) -> int:
    if path.name == "trainer_state.json" or b'"log_history"' in head:
        return curves.SURE if head.lstrip()[:1] == b"{" or not head else curves.NO
    return curves.NO


def read(path: Path, mark: Mark | None = None) -> Found:
    document = documents.opened(path)
    taker = rows.Rows(_CONVENTION, document.gather, document.passed)
    logged = [each for each in document.walked.objects if each.path[:1] == ("log_history",)]
    for each in logged:
        taker.one(each.values, each.line)
    top = next((each.values for each in document.walked.objects if each.path == ()), {})
    document.settings.update({name: top[name] for name in _SETTINGS if top.get(name) is not None})
    _aim(document, logged, top)
    return documents.found(document, _CONVENTION)


def _aim(document: documents.Document, logged: list[Object], top: dict[str, Any]) -> None:
    best = top.get("best_metric")
    if not isinstance(best, float) or not math.isfinite(best):
        return
    goals = {}
    for name in {name for each in logged for name in each.values if name.startswith("eval_")}:
        told = [each.values[name] for each in logged if isinstance(each.values.get(name), float)]
        if told and min(told) < max(told) and best in (min(told), max(told)):
            goals[name] = "min" if best == min(told) else "max"
    if len(goals) == 1:
        for name, goal in goals.items():
            document.gather.aim(name, goal)
