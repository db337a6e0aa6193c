"""How names of metrics are read, for the rooms that may not look into `node`."""

from __future__ import annotations

from overnight.node.spellings import TEST, TRAIN, VAL, fold, same, spelled, split_of

__all__ = ["TEST", "TRAIN", "VAL", "fold", "same", "spelled", "split_of"]
