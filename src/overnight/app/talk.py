"""How the program talks to whoever runs it, while it works. Data never goes this way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Talk(Protocol):
    def say(self, text: str) -> None:
        """One line for a person."""
        ...

    def output(self, data: bytes) -> None:
        """Output of a training, as it comes."""
        ...

    def busy(self, text: str) -> AbstractContextManager[None]:
        """Shows that something is under way, from two seconds on, where somebody looks."""
        ...

    def progress(self, text: str, done: int, total: int) -> None:
        """How far a transfer is, in bytes."""
        ...


class Silent:
    """Says nothing: for agents that read `--json`, and for tests."""

    def say(self, text: str) -> None:
        pass

    def output(self, data: bytes) -> None:
        pass

    @contextmanager
    def busy(self, text: str) -> Iterator[None]:
        yield

    def progress(self, text: str, done: int, total: int) -> None:
        pass
