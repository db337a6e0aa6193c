"""How a training's output is read, for the rooms that may not look into `node`."""

from __future__ import annotations

from overnight.node.progress import Sample, samples

__all__ = ["Sample", "samples"]
