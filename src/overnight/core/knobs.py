"""What a training lets us turn: the batch, how it resumes, and a few settings.

A knob is a flag of the command, or a key in a configuration file that the command reads.

A template is a flag with `{}` where the number goes. A flag that has several spellings gives them
all, so that each is found in a command; the last one is used where we add the flag ourselves:

    --batch-size {}      --batch-size={}      trainer.batch_size={}      -b|--batch-size {}

A key of a file is the file's path in the project, a colon, and the key with dots:

    configs/exp1.yaml:train.batch_size

The resume template is a piece of a command line too, with `{checkpoint}` where the path goes
(`--resume {checkpoint}`), without it for a plain switch (`--resume`), or the word `auto` for a
training that finds its own last checkpoint.
"""

from __future__ import annotations

import dataclasses
import posixpath
import re
import shlex
from collections.abc import Mapping
from typing import Any, Literal

PLACE = "{}"
CHECKPOINT_PLACE = "{checkpoint}"

Number = Literal["batch", "count", "float", "port", "path"]
"""What stands at a knob's place: a batch to halve, a whole number, any number, a port, a file."""

SETTINGS: Mapping[str, Number] = {
    "workers": "count",
    "lr": "float",
    "clip": "float",
    "port": "port",
    "exclude": "path",
}
"""The knobs beside the batch that a repair may turn."""

_FILE_KEY = re.compile(r"(?P<file>[^{}:]+\.(?:ya?ml|json|toml)):(?P<key>[^{}]+)", re.IGNORECASE)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Knob:
    """A value on the command line. `value` is what the script takes when not told."""

    template: str
    value: float | None = None
    number: Number = "batch"


@dataclasses.dataclass(frozen=True, kw_only=True)
class FileKnob:
    """A value in a configuration file: path inside the project, and key with dots."""

    file: str
    key: str
    number: Number = "batch"

    def __str__(self) -> str:
        return f"{self.file}:{self.key}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ListFile:
    """A text file of the project with one path a line, those that the training leaves out."""

    path: str


AnyKnob = Knob | FileKnob


@dataclasses.dataclass(frozen=True, kw_only=True)
class Knobs:
    """The knobs of one project; None where nothing is declared."""

    micro_batch: AnyKnob | None = None
    accumulation: AnyKnob | None = None
    resume: str | None = None
    workers: AnyKnob | None = None
    lr: AnyKnob | None = None
    clip: AnyKnob | None = None
    port: AnyKnob | None = None
    exclude: AnyKnob | ListFile | None = None

    def over(self, recognised: Knobs) -> Knobs:
        """These, and the recognised ones where nothing is said."""
        given = {name: value for name, value in _fields(self).items() if value is not None}
        return dataclasses.replace(recognised, **given)

    def having(self, name: str, knob: AnyKnob | ListFile) -> Knobs:
        """These with one more."""
        return dataclasses.replace(self, **{name: knob})  # type: ignore[arg-type]  # by name


def _fields(value: Knobs) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def spellings(template: str) -> tuple[str, ...]:
    """The flags of a template, without `=` and `{}`: `("-b", "--batch-size")`.

    Raises ValueError, with a message that says what to write, where the template is unusable.
    """
    flag = _split(template)[0].removesuffix(PLACE).removesuffix("=")
    return tuple(flag.split("|"))


def words(template: str) -> list[str]:
    """The argv words to add, `{}` still in its place: `["--batch-size", "{}"]`.

    Raises ValueError like `spellings`.
    """
    parts = _split(template)
    return [parts[0].rsplit("|", 1)[-1], *parts[1:]]


def _split(template: str) -> list[str]:
    parts = shlex.split(template)
    alone = len(parts) == 2 and parts[1] == PLACE and "=" not in parts[0]
    attached = len(parts) == 1 and parts[0].endswith(PLACE)
    names = parts[0].removesuffix(PLACE).removesuffix("=").split("|") if parts else [""]
    if template.count(PLACE) != 1 or not (alone or attached) or not all(names):
        raise ValueError(
            "write one flag that ends in {}, as in --batch-size {} or batch_size={}: "
            f"not {template!r}"
        )
    return parts


def file_key(text: str, number: Number = "batch") -> FileKnob | None:
    """`configs/exp1.yaml:train.batch_size`; None where `text` is something else.

    Raises ValueError, with what to write instead, where the path leaves the project.
    """
    match = _FILE_KEY.fullmatch(text.strip())
    if match is None:
        return None
    path, key = posixpath.normpath(match["file"].strip()), match["key"].strip()
    if path.startswith(("/", "~", "../")) or "\\" in path or not key.strip("."):
        raise ValueError("write a file inside the project and a key, as in configs/a.yaml:train.lr")
    return FileKnob(file=path, key=key, number=number)


def parse(text: str, number: Number = "batch") -> AnyKnob:
    """A flag template or the key of a file. Raises ValueError with what to write instead."""
    found = file_key(text, number) if PLACE not in text else None
    if found is not None:
        return found
    words(text)
    return Knob(template=text, number=number)


def resume_argv(template: str | None) -> list[str] | Literal["auto"] | None:
    """What is appended to the command on resume; `{checkpoint}` stays as the placeholder.

    Raises ValueError where the quotes in `template` do not close.
    """
    if template is None:
        return None
    return "auto" if template.strip() == "auto" else shlex.split(template)
