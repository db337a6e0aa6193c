"""A command together with the configuration files it reads: where a knob's number stands in it.

One number may stand on the command line and the other in a file; both are found and written alike.
"""

from __future__ import annotations

import dataclasses
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from overnight.core import command, config_text, knob_places, knobs, numbers
from overnight.core.knob_places import Place
from overnight.core.unclear import UnclearError

Read = Callable[[str], str]
"""The text of a file of the project, by its path there. Raises `UnclearError`."""


class NoFileError(UnclearError):
    """There is no such file in the project."""


class FilePlace(NamedTuple):
    """Characters `start` to `end` of `file` are the number `value`."""

    file: str
    start: int
    end: int
    value: numbers.Value


Site = Place | FilePlace


@dataclasses.dataclass(frozen=True, kw_only=True)
class Invocation:
    """`files` has the text of each file in which a number was looked for."""

    argv: tuple[str, ...]
    files: Mapping[str, str] = dataclasses.field(default_factory=lambda: MappingProxyType({}))


def no_files(path: str) -> str:
    """A `Read` of a project without files."""
    raise NoFileError(f"there is no file {command.visible(path)} in the project")


def locate(
    typed: Invocation, knob: knobs.AnyKnob, read: Read, *, beside: Sequence[Site] = ()
) -> tuple[Invocation, list[Site]]:
    """The invocation with the knob in it for certain, and the places of its number.

    `beside`: places of another knob, see `knob_places.locate`. Raises `UnclearError`.
    """
    if isinstance(knob, knobs.FileKnob):
        return _in_file(typed, knob, read)
    near = next((site for site in reversed(beside) if isinstance(site, Place)), None)
    argv, places = knob_places.locate(typed.argv, knob, beside=near)
    return dataclasses.replace(typed, argv=tuple(argv)), list(places)


def write(
    located: Invocation, values: Sequence[tuple[Sequence[Site], numbers.Value]]
) -> Invocation:
    """Each number at its places replaced; nothing else changes."""
    in_argv = [
        ([site for site in sites if isinstance(site, Place)], value) for sites, value in values
    ]
    edits = [
        (site, value) for sites, value in values for site in sites if isinstance(site, FilePlace)
    ]
    files = dict(located.files)
    for site, value in sorted(edits, key=lambda edit: edit[0][:3], reverse=True):
        text = files[site.file]
        files[site.file] = f"{text[: site.start]}{value}{text[site.end :]}"
    return Invocation(argv=tuple(knob_places.write(located.argv, in_argv)), files=files)


def shown(located: Invocation, knob: knobs.AnyKnob, sites: Sequence[Site]) -> str:
    """Where it stands, for people: `--batch-size`, `configs/exp1.yaml:3 train.batch_size`."""
    if isinstance(knob, knobs.Knob):
        return knobs.words(knob.template)[0].removesuffix(knobs.PLACE).removesuffix("=")
    lines = [
        located.files[site.file].count("\n", 0, site.start) + 1
        for site in sites
        if isinstance(site, FilePlace)
    ]
    return f"{knob.file}:{lines[-1]} {knob.key}"


# --- files -------------------------------------------------------------------------------------


def named_files(argv: Sequence[str]) -> list[str]:
    """The configuration files that the command names: `--config a.yaml`, `config=a.yaml`, `a.yaml`.

    Only those inside the project, in the order of the command.
    """
    words = argv[2].split() if knob_places.is_shell(argv) else argv[1:]
    values = (word.rpartition("=")[2].strip("\"'") for word in words)
    paths = (posixpath.normpath(value) for value in values if config_text.is_config(value))
    return list(dict.fromkeys(path for path in paths if not path.startswith(("/", "~", ".."))))


def _in_file(typed: Invocation, knob: knobs.FileKnob, read: Read) -> tuple[Invocation, list[Site]]:
    _refuse_other_file(typed.argv, knob)
    _refuse_override(typed.argv, knob)
    text = typed.files.get(knob.file)
    text = read(knob.file) if text is None else text
    place = file_place(knob, text)
    return dataclasses.replace(typed, files={**typed.files, knob.file: text}), [place]


def _refuse_other_file(argv: Sequence[str], knob: knobs.FileKnob) -> None:
    named = named_files(argv)
    if named and knob.file not in named:
        raise UnclearError(
            f"the command names {command.visible(named[0])}, not {command.visible(knob.file)}"
        )


def _refuse_override(argv: Sequence[str], knob: knobs.FileKnob) -> None:
    """`--batch-size 8` or `train.batch_size=8` beside the file: which of the two wins?"""
    last = knob.key.rpartition(".")[2]
    names = {each.replace("-", "_") for each in (knob.key, last)}
    words = argv[2].split() if knob_places.is_shell(argv) else argv[1:]
    for word in words:
        is_option = word.startswith("-") or re.match(r"\+{0,2}[\w.]+=", word)
        name = word.partition("=")[0].lstrip("-+")
        if is_option and name.replace("-", "_") in names:
            shown = command.visible(word.partition("=")[0])
            raise UnclearError(f"{shown} in the command may override {knob}")


def file_place(knob: knobs.FileKnob, text: str) -> FilePlace:
    """Where the value of `knob` stands in its file. Raises `UnclearError`."""
    document = config_text.read(knob.file, text)
    scalar = config_text.find(knob.file, document, knob.key)
    shown = f"{command.visible(str(knob))}"
    start, written = scalar.start, scalar.text
    if knob.number == "path":
        return FilePlace(
            knob.file, start, scalar.end, numbers.read("path", unquoted(written), shown)
        )
    if knob.number != "float" and re.fullmatch(r"0[0-9]+", written):
        raise UnclearError(f"the value of {shown} is not a plain number: {written!r}")
    value = numbers.read(knob.number, written, shown)
    _refuse_unverified(knob, document, text, scalar)
    return FilePlace(knob.file, start, scalar.end, value)


def unquoted(written: str) -> str:
    quoted = len(written) > 1 and written[0] == written[-1] and written[0] in "\"'"
    return written[1:-1] if quoted else written


def _refuse_unverified(
    knob: knobs.FileKnob, document: config_text.Document, text: str, scalar: config_text.Scalar
) -> None:
    """Tries a change: the file must read the same but for this one value."""
    tried = f"{text[: scalar.start]}7{text[scalar.end :]}"
    changed = set(config_text.matching(document, knob.key))
    if not config_text.is_same_but(knob.file, document, tried, changed):
        raise UnclearError(f"{command.visible(str(knob))} cannot be changed alone")
