"""The one error of everything that looks for a number to change."""

from __future__ import annotations


class UnclearError(ValueError):
    """The number cannot be found for certain; the message says why, for a person."""
