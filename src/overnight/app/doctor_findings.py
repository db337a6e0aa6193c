"""A finding of doctor's."""

from __future__ import annotations

from dataclasses import dataclass

OK, NOTE, MEND = "ok", "note", "mend"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """`level`: ok, note (weaker but usable) or mend; `mend` is what to type or write."""

    check: str
    level: str
    text: str
    mend: str = ""

    def to_json(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}
