"""What can be set on the command line of a script, whichever library reads it."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Literal

from overnight.code import syntax
from overnight.core import knobs

Kind = Literal["int", "float", "text", "bool", "switch"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Option:
    """`spellings` are flags (`-b`, `--batch-size`), or one key (`data.batch_size`) for Hydra.

    `glue` stands between flag and value. `default` is `syntax.UNKNOWN` where only running the
    script would tell. `place` is file:line. `destination` is the name that the code reads it by.
    """

    spellings: tuple[str, ...]
    kind: Kind = "text"
    default: Any = syntax.UNKNOWN
    glue: Literal[" ", "="] = " "
    required: bool = False
    help: str = ""
    place: str
    destination: str = ""

    @property
    def flag(self) -> str:
        """The spelling to show and to use: the first long one."""
        long = (each for each in self.spellings if each.startswith("--"))
        return next(long, self.spellings[0])

    @property
    def name(self) -> str:
        """`batch_size` of `--batch-size` and of `data.batch_size`."""
        return normal(self.flag.rpartition(".")[2])

    @property
    def names(self) -> frozenset[str]:
        return frozenset(normal(each.rpartition(".")[2]) for each in self.spellings)

    @property
    def number(self) -> int | None:
        """The default, where it is a whole number above 0."""
        return self.default if type(self.default) is int and self.default > 0 else None

    def number_template(self) -> str:
        """`-b|--batch-size {}`, for `knobs`."""
        others = [each for each in self.spellings if each != self.flag]
        return "|".join([*others, self.flag]) + self.glue + knobs.PLACE

    def words(self, value: str) -> list[str]:
        """The argv words that set the option."""
        return [self.flag, value] if self.glue == " " else [f"{self.flag}={value}"]


def normal(name: str) -> str:
    """`BatchSize`, `--batch-size` and `batch_size` are one name."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.lstrip("-+"))
    return snake.replace("-", "_").lower()
