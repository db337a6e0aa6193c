"""The ways to run the same experiment with less GPU memory, worked out before the night.

From micro-batch b and accumulation a: each next variant has the largest micro-batch that is at
most half of the last one and divides b x a exactly, so that the effective batch stays the same to
the sample. 64/1 gives 32/2, 16/4 … 1/64; 48/1 gives 24/2, 12/4, 6/8, 3/16, 1/48.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from overnight.core import knob_places, knobs
from overnight.core.knob_places import Place

# Flags whose meaning their framework documents; they need no declaration when typed.
_KNOWN_FLAGS = (
    (  # Hugging Face Trainer
        knobs.Knob(template="--per_device_train_batch_size {}"),
        knobs.Knob(template="--gradient_accumulation_steps {}"),
    ),
    (  # Lightning CLI
        knobs.Knob(template="--data.init_args.batch_size|--data.batch_size {}"),
        knobs.Knob(template="--trainer.accumulate_grad_batches {}"),
    ),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Variant:
    """A complete command line. `micro_batch` and `accumulation` are None where not known."""

    argv: tuple[str, ...]
    label: str
    micro_batch: int | None = None
    accumulation: int | None = None
    changes_science: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """`variants[0]` is the command as typed; `note` says why it is alone, or what is lost."""

    variants: tuple[Variant, ...]
    note: str = ""


def compute(argv: Sequence[str], declared: knobs.Knobs) -> Plan:
    """The variants of `argv`, from the largest micro-batch to 1.

    Without a known accumulation the smaller ones change the effective batch: they are marked, for
    use with consent. The templates in `declared` must be usable (`knobs.words`).
    """
    known = _with_known_flags(argv, declared)
    if known.micro_batch is None:
        return _only(argv, "no micro_batch flag is known: declare it under [knobs]")
    try:
        command, micro_places = knob_places.locate(argv, known.micro_batch)
    except knob_places.UnclearError as reason:
        return _only(argv, _advice(str(reason), "micro_batch", known.micro_batch))
    return _with_micro_batch(argv, command, micro_places, known)


def _only(argv: Sequence[str], note: str) -> Plan:
    return Plan(variants=(Variant(argv=tuple(argv), label="the batch as given"),), note=note)


def _advice(reason: str, key: str, knob: knobs.Knob) -> str:
    if not reason.endswith("is not in the command"):
        return reason
    return f'{reason}: write {key} = {{ flag = "{knob.template}", value = … }}, its default'


def _with_known_flags(argv: Sequence[str], declared: knobs.Knobs) -> knobs.Knobs:
    """`declared`, filled up from flags of well-known frameworks that are literally in `argv`."""
    micro_batch, accumulation = declared.micro_batch, declared.accumulation
    for micro, accumulate in _KNOWN_FLAGS:
        if micro_batch is None and _typed(argv, micro):
            micro_batch = micro
        if accumulation is None and _typed(argv, accumulate):
            accumulation = accumulate
    return knobs.Knobs(micro_batch=micro_batch, accumulation=accumulation, resume=declared.resume)


def _typed(argv: Sequence[str], knob: knobs.Knob) -> bool:
    try:
        return knob_places.present(argv, knob)
    except knob_places.UnclearError:
        return False


# --- the smaller batches -----------------------------------------------------------------------


def _with_micro_batch(
    argv: Sequence[str], command: list[str], micro: list[Place], known: knobs.Knobs
) -> Plan:
    """`command` is `argv` with the micro-batch in it at the places `micro`."""
    size = micro[-1].value  # the last one given wins
    if known.accumulation is None:
        return _shrunk(argv, command, micro, "no accumulation flag is known")
    try:
        command, accumulate = knob_places.locate(command, known.accumulation, beside=micro[-1])
    except knob_places.UnclearError as reason:
        note = _advice(str(reason), "accumulation", known.accumulation)
        return _shrunk(argv, command, micro, note)
    if set(micro) & set(accumulate):
        return _only(argv, "micro_batch and accumulation name the same flag in this command")
    steps = accumulate[-1].value
    smaller = [
        Variant(
            argv=tuple(
                knob_places.write(command, [(micro, each), (accumulate, size * steps // each)])
            ),
            label=_label(each, size * steps // each),
            micro_batch=each,
            accumulation=size * steps // each,
        )
        for each in _divisors_down(size * steps, size)
    ]
    return _plan(argv, size, steps, smaller, "")


def _shrunk(argv: Sequence[str], command: list[str], micro: list[Place], reason: str) -> Plan:
    """Half the micro-batch with nothing to make up for it: another experiment."""
    size = micro[-1].value
    smaller = [
        Variant(
            argv=tuple(knob_places.write(command, [(micro, each)])),
            label=_label(each, None),
            micro_batch=each,
            changes_science=True,
        )
        for each in _halves_down(size)
    ]
    return _plan(argv, size, None, smaller, f"{reason}; smaller batches change the effective batch")


def _plan(
    argv: Sequence[str], size: int, steps: int | None, smaller: list[Variant], note: str
) -> Plan:
    given = Variant(
        argv=tuple(argv), label=_label(size, steps), micro_batch=size, accumulation=steps
    )
    return Plan(
        variants=(given, *smaller), note=note if smaller else "the micro-batch is 1 already"
    )


def _label(size: int, steps: int | None) -> str:
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
