"""The ways to run the same experiment with less GPU memory, worked out before the night.

From micro-batch b and accumulation a: each next variant has the largest micro-batch that is at
most half of the last one and divides b x a exactly, so that the effective batch stays the same to
the sample. 64/1 gives 32/2, 16/4 … 1/64; 48/1 gives 24/2, 12/4, 6/8, 3/16, 1/48.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from overnight.core import invocation, knobs, known_flags, numbers, turnables
from overnight.core.invocation import Invocation, Read, Site
from overnight.core.unclear import UnclearError

MAX_FILES_CHARACTERS = 1_000_000  # all edited files of all variants together


@dataclasses.dataclass(frozen=True, kw_only=True)
class Change:
    """One number that differs from the command as typed. `added`: it was not said there."""

    where: str
    old: int
    new: int
    added: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Variant:
    """A complete command line. `micro_batch` and `accumulation` are None where not known.

    `files`: the full text of each configuration file that any variant or setting changes, by its
    path in the project. `places`: where a setting stands in `argv` and `files`, see `turnables`.
    """

    argv: tuple[str, ...]
    label: str
    micro_batch: int | None = None
    accumulation: int | None = None
    changes_science: bool = False
    files: Mapping[str, str] = dataclasses.field(default_factory=dict)
    places: Mapping[str, Sequence[Mapping[str, Any]]] = dataclasses.field(default_factory=dict)
    changes: tuple[Change, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """`variants[0]` is the command as typed; `note` says why it is alone, or what is lost.

    `settings`: the values as typed, None where not given, of what can be turned. `shown`: where
    each of them stands, and the batch. `refused`: the declared knobs that cannot be used, each
    with the reason. `at_start`: see `turnables.Turnables`.
    """

    variants: tuple[Variant, ...]
    note: str = ""
    settings: Mapping[str, numbers.Value | None] = dataclasses.field(default_factory=dict)
    shown: Mapping[str, str] = dataclasses.field(default_factory=dict)
    refused: Mapping[str, str] = dataclasses.field(default_factory=dict)
    at_start: Mapping[str, str] = dataclasses.field(default_factory=dict)


def compute(
    argv: Sequence[str],
    declared: knobs.Knobs,
    read: Read = invocation.no_files,
    doubtful: Mapping[str, str] = MappingProxyType({}),
) -> Plan:
    """The variants of `argv`, from the largest micro-batch to 1, with what can be turned in each.

    Without a known accumulation the smaller ones change the effective batch: they are marked, for
    use with consent. The templates in `declared` must be usable (`knobs.words`). `read` gives the
    text of a file of the project. `doubtful`: the knobs that only a declaration may name, and why.
    """
    known = known_flags.added(argv, declared, doubtful)
    typed = Invocation(argv=tuple(argv))
    batch = _batch(typed, known, read)
    for name in ("accumulation", "micro_batch"):
        if getattr(known, name) is None and name in doubtful:
            batch = dataclasses.replace(batch, note=f"{doubtful[name]}: declare it under [knobs]")
    return _with_settings(typed, batch, known, read)


# --- the batch ---------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Batch:
    """The invocation with both numbers in it, and where. `steps` None: no accumulation is known."""

    base: Invocation
    micro: Sequence[Site] = ()
    accumulate: Sequence[Site] = ()
    size: int | None = None
    steps: int | None = None
    where: tuple[str, str] = ("", "")
    typed_steps: bool = True
    typed_size: bool = True
    note: str = ""
    refused: Mapping[str, str] = dataclasses.field(default_factory=dict)


def _batch(typed: Invocation, known: knobs.Knobs, read: Read) -> _Batch:
    if known.micro_batch is None:
        return _Batch(base=typed, note="no micro_batch flag is known: declare it under [knobs]")
    try:
        base, micro = invocation.locate(typed, known.micro_batch, read)
    except UnclearError as reason:
        note = _advice(str(reason), "micro_batch", known.micro_batch)
        return _Batch(base=typed, note=note, refused={"micro_batch": note})
    found = _Batch(
        base=base,
        micro=micro,
        size=int(micro[-1].value),  # the last one given wins
        where=(invocation.shown(base, known.micro_batch, micro), ""),
        typed_size=base.argv == typed.argv,
    )
    return _with_accumulation(found, known, read)


def _with_accumulation(found: _Batch, known: knobs.Knobs, read: Read) -> _Batch:
    lost = "smaller batches change the effective batch"
    if known.accumulation is None:
        return dataclasses.replace(found, note=f"no accumulation flag is known; {lost}")
    try:
        base, sites = invocation.locate(found.base, known.accumulation, read, beside=found.micro)
    except UnclearError as reason:
        note = _advice(str(reason), "accumulation", known.accumulation)
        return dataclasses.replace(found, note=f"{note}; {lost}", refused={"accumulation": note})
    if set(found.micro) & set(sites):
        what = "flag in this command" if isinstance(known.accumulation, knobs.Knob) else "key"
        return _Batch(base=base, note=f"micro_batch and accumulation name the same {what}")
    return dataclasses.replace(
        found,
        base=base,
        accumulate=sites,
        steps=int(sites[-1].value),
        where=(found.where[0], invocation.shown(base, known.accumulation, sites)),
        typed_steps=base.argv == found.base.argv,
    )


def _advice(reason: str, key: str, knob: knobs.AnyKnob) -> str:
    if isinstance(knob, knobs.FileKnob) or not reason.endswith("is not in the command"):
        return reason
    return f'{reason}: write {key} = {{ flag = "{knob.template}", value = … }}, its default'


# --- the variants ------------------------------------------------------------------------------


def _with_settings(typed: Invocation, batch: _Batch, known: knobs.Knobs, read: Read) -> Plan:
    taken = [turnables.wire(site) for site in (*batch.micro, *batch.accumulate)]
    # the files of the base belong to the command as typed too: going back to it must undo an edit
    given = turnables.find(dataclasses.replace(typed, files=batch.base.files), known, read, taken)
    smaller = turnables.find(batch.base, known, read, taken)
    first = Variant(
        argv=typed.argv,
        label=_label(batch.size, batch.steps),
        micro_batch=batch.size,
        accumulation=batch.steps,
        files=given.invocation.files,
        places=given.places,
    )
    made = [first, *_smaller(batch, smaller)]
    if sum(len(text) for each in made for text in each.files.values()) > MAX_FILES_CHARACTERS:
        return _too_large(typed, batch)
    return Plan(
        variants=tuple(made),
        note=_note(batch, made),
        settings=given.values,
        shown={**_shown(batch), **given.shown},
        refused={**batch.refused, **given.refused},
        at_start=given.at_start,
    )


def _shown(batch: _Batch) -> dict[str, str]:
    names = ("micro_batch", "accumulation")
    return {name: where for name, where in zip(names, batch.where, strict=True) if where}


def _smaller(batch: _Batch, settings: turnables.Turnables) -> Iterator[Variant]:
    for size, steps in _sizes(batch):
        values: list[tuple[Sequence[Site], numbers.Value]] = [(batch.micro, size)]
        if steps is not None:
            values.append((batch.accumulate, steps))
        written = invocation.write(settings.invocation, values)
        yield Variant(
            argv=written.argv,
            label=_label(size, steps),
            micro_batch=size,
            accumulation=steps,
            changes_science=steps is None,
            files=written.files,
            places=turnables.moved(settings.places, values),
            changes=tuple(_changes(batch, size, steps)),
        )


def _sizes(batch: _Batch) -> Iterator[tuple[int, int | None]]:
    if batch.size is None:
        return
    if batch.steps is None:  # nothing makes up for a smaller batch: another experiment
        yield from ((each, None) for each in _halves_down(batch.size))
        return
    product = batch.size * batch.steps
    yield from ((each, product // each) for each in _divisors_down(product, batch.size))


def _changes(batch: _Batch, size: int, steps: int | None) -> Iterator[Change]:
    assert batch.size is not None  # only then are there sizes
    added = not batch.typed_size
    yield Change(where=batch.where[0], old=batch.size, new=size, added=added)
    if steps is not None and batch.steps is not None:
        added = not batch.typed_steps
        yield Change(where=batch.where[1], old=batch.steps, new=steps, added=added)


def _too_large(typed: Invocation, batch: _Batch) -> Plan:
    note = "the configuration files of all variants together are larger than 1 MB"
    alone = Variant(argv=typed.argv, label=_label(batch.size, batch.steps))
    return Plan(variants=(alone,), note=f"{note}: give the batch as flags of the command")


def _note(batch: _Batch, made: Sequence[Variant]) -> str:
    return "the micro-batch is 1 already" if batch.size == 1 and len(made) == 1 else batch.note


def _label(size: int | None, steps: int | None) -> str:
    if size is None:
        return "the batch as given"
    return f"batch {size}" if steps in (None, 1) else f"batch {size} x {steps}"


def _divisors_down(product: int, size: int) -> Iterator[int]:
    """From `size`: each time the largest divisor of `product` that is at most half of the last."""
    while size > 1:
        size = next(each for each in range(size // 2, 0, -1) if product % each == 0)
        yield size


def _halves_down(size: int) -> Iterator[int]:
    while size > 1:
        size //= 2
        yield size
