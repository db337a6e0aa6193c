"""`trainer_log.jsonl` of LLaMA-Factory and its relatives: a row for each log of the HF Trainer."""

from __future__ import annotations

from pathlib import Path

from overnight.results import curves
from overnight.results.curves import Found, Mark
from overnight.results.parsing import rows, sniffing
from overnight.results.parsing.conventions import Convention

FORMAT = "hf_trainer_log_jsonl"
_CONVENTION = Convention(format=FORMAT)


def claims(path: Path, head: bytes) -> int:
    first = sniffing.first_row(head)
    is_ours = "current_steps" in first and "total_steps" in first
    return curves.SURE if is_ours else curves.NO


def read(path: Path, mark: Mark | None = None) -> Found:
    return rows.read_lines(path, mark, _CONVENTION)
