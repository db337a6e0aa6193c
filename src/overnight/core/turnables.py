"""The settings that a repair may turn in a variant, and where: loader workers, learning rate,
gradient clipping, rendezvous port, and the list of samples to leave out.

A place on the wire, in characters:

    {"word": n, "start": i, "end": j}                  in word n of the argv
    {"file": path, "start": i, "end": j}               in the text of a file
    {…, "add": ["--lr", "{}"]}                         these words are put in there
    {"file": path, "start": i, "end": i, "form": "lines"}   one line for each entry of a list
"""

from __future__ import annotations

import dataclasses
import posixpath
from collections.abc import Mapping, Sequence
from typing import Any

from overnight.core import command, invocation, knob_places, knobs, launchers, numbers
from overnight.core.invocation import Invocation, Read
from overnight.core.knob_places import Place
from overnight.core.unclear import UnclearError
from overnight.node import actions

LIST_FILE = "overnight-exclude.txt"
WirePlace = Mapping[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Turnables:
    """`values` as typed (None where not given), `places` by setting, `shown` where for people.

    `invocation` has the text of the files that the places are in. `refused`: why a declared
    setting cannot be turned. `at_start`: what every attempt gets at its places, found by the
    server when it starts (`node/preparation.py`).
    """

    invocation: Invocation
    values: Mapping[str, numbers.Value | None]
    places: Mapping[str, Sequence[WirePlace]]
    shown: Mapping[str, str]
    refused: Mapping[str, str]
    at_start: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class _Found:
    """One setting."""

    value: numbers.Value | None
    places: list[WirePlace]
    shown: str


def find(
    typed: Invocation, known: knobs.Knobs, read: Read, taken: Sequence[WirePlace] = ()
) -> Turnables:
    """`taken`: places that belong to the batch; a setting at one of them is refused."""
    found: dict[str, _Found] = {}
    refused: dict[str, str] = {}
    for name in knobs.SETTINGS:
        try:
            located, one = _setting(typed, name, getattr(known, name), read)
            if one is not None:
                _refuse_taken(one.places, taken)
                typed, taken, found[name] = located, [*taken, *one.places], one
        except UnclearError as reason:
            if getattr(known, name) is not None:
                refused[name] = str(reason)
    places = {name: one.places for name, one in found.items()}
    at_start = {}
    if known.port is None and "port" in found and found["port"].value is None:
        at_start["port"] = actions.FREE_PORT
    for name, place, wanted in (
        (launchers.RANK_LOGS, launchers.rank_logs(typed.argv), actions.ATTEMPT_FOLDER),
        (launchers.GPUS, launchers.gpu_numbers(typed.argv), actions.GPU_NUMBERS),
    ):
        if place is not None:
            places[name] = [place]
            at_start[name] = wanted
    return Turnables(
        invocation=typed,
        values={name: one.value for name, one in found.items()},
        places=places,
        shown={name: one.shown for name, one in found.items()},
        refused=refused,
        at_start=at_start,
    )


def _refuse_taken(places: Sequence[WirePlace], taken: Sequence[WirePlace]) -> None:
    if any("add" not in place and place in taken for place in places):
        raise UnclearError("another knob names the same place")


def _setting(
    typed: Invocation, name: str, knob: Any, read: Read
) -> tuple[Invocation, _Found | None]:
    if name == "port" and knob is None:
        launcher = launchers.port(typed.argv, read)
        return typed, launcher and _Found(launcher.value, [launcher.place], launcher.shown)
    if knob is None:
        return typed, None
    if name == "exclude":
        return _exclusion(typed, knob, read)
    if isinstance(knob, knobs.FileKnob):
        located, sites = invocation.locate(typed, knob, read)
        shown = invocation.shown(located, knob, sites)
        return located, _Found(sites[-1].value, [wire(each) for each in sites], shown)
    return typed, _flag(typed.argv, knob)


def _flag(argv: Sequence[str], knob: knobs.Knob) -> _Found:
    """The flag where it is typed; else the words that would be added."""
    template = knobs.words(knob.template)
    shown = invocation.shown(Invocation(argv=tuple(argv)), knob, ())
    places = knob_places.typed(argv, knob)
    if places:
        return _Found(places[-1].value, [wire(each) for each in places], shown)
    return _Found(knob.value, [added(argv, template)], shown)


def added(argv: Sequence[str], words: Sequence[str]) -> WirePlace:
    """A place at which `words` are put into the command. Raises `UnclearError`."""
    gap = knob_places.gap(argv, words)
    return {"word": gap.word, "start": gap.start, "end": gap.start, "add": list(words)}


def moved(
    places: Mapping[str, Sequence[WirePlace]],
    edits: Sequence[tuple[Sequence[invocation.Site], numbers.Value]],
) -> dict[str, list[WirePlace]]:
    """The places as they are after the numbers at `edits` were written."""
    changes = [(wire(site), len(str(value))) for sites, value in edits for site in sites]
    return {name: [_moved(place, changes) for place in each] for name, each in places.items()}


def _moved(place: WirePlace, changes: Sequence[tuple[WirePlace, int]]) -> WirePlace:
    shift = sum(
        length - (edit["end"] - edit["start"])
        for edit, length in changes
        if _target(edit) == _target(place) and edit["end"] <= place["start"]
    )
    return {**place, "start": place["start"] + shift, "end": place["end"] + shift}


def _target(place: WirePlace) -> object:
    return place.get("file", place.get("word"))


def wire(site: invocation.Site) -> WirePlace:
    """A place as it stands in spec.json."""
    if isinstance(site, Place):
        return {"word": site.word, "start": site.start, "end": site.end}
    return {"file": site.file, "start": site.start, "end": site.end}


# --- the list of samples to leave out ----------------------------------------------------------


def _exclusion(
    typed: Invocation, knob: knobs.AnyKnob | knobs.ListFile, read: Read
) -> tuple[Invocation, _Found]:
    """The file that the training reads the list from is lengthened, one path a line."""
    if isinstance(knob, knobs.ListFile):
        return _list_file(typed, knob.path, read)
    if isinstance(knob, knobs.FileKnob):
        _, sites = invocation.locate(typed, knob, read)
        return _list_file(typed, str(sites[-1].value), read)
    places = knob_places.typed(typed.argv, knob)
    if places:
        return _list_file(typed, str(places[-1].value), read)
    words = [word.replace(knobs.PLACE, LIST_FILE) for word in knobs.words(knob.template)]
    place = added(typed.argv, words)
    located, found = _list_file(typed, LIST_FILE, read)
    return located, dataclasses.replace(found, places=[place, *found.places])


def _list_file(typed: Invocation, path: str, read: Read) -> tuple[Invocation, _Found]:
    path = _inside(path)
    text = typed.files.get(path)
    if text is None:
        text = _lines(read, path)
    end = {"file": path, "start": len(text), "end": len(text), "form": "lines"}
    located = dataclasses.replace(typed, files={**typed.files, path: text})
    return located, _Found(None, [end], f"lines of {command.visible(path)}")


def _inside(path: str) -> str:
    normal = posixpath.normpath(path)
    if normal.startswith(("/", "~", "../")) or normal in (".", ".."):
        raise UnclearError(f"{command.visible(path)} is no file inside the project")
    return normal


def _lines(read: Read, path: str) -> str:
    """The list as it is, its last line ended; empty where there is none yet."""
    try:
        text = read(path)
    except invocation.NoFileError:
        return ""
    return text if not text or text.endswith("\n") else text + "\n"
