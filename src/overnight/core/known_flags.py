"""Flags whose meaning their framework documents; they need no declaration when typed."""

from __future__ import annotations

from collections.abc import Container, Sequence

from overnight.core import knob_places, knobs
from overnight.core.unclear import UnclearError

_PAIRS = (
    (  # Hugging Face Trainer
        knobs.Knob(template="--per_device_train_batch_size {}"),
        knobs.Knob(template="--gradient_accumulation_steps {}"),
    ),
    (  # Lightning CLI
        knobs.Knob(template="--data.init_args.batch_size|--data.batch_size {}"),
        knobs.Knob(template="--trainer.accumulate_grad_batches {}"),
    ),
)
_SETTINGS = {
    "workers": knobs.Knob(template="--dataloader_num_workers {}", number="count"),
    "lr": knobs.Knob(template="--learning_rate {}", number="float"),
    "clip": knobs.Knob(template="--max_grad_norm|--trainer.gradient_clip_val {}", number="float"),
}


def added(argv: Sequence[str], declared: knobs.Knobs, doubtful: Container[str] = ()) -> knobs.Knobs:
    """`declared`, filled up with the flags that are in `argv`, without `doubtful` ones."""
    micro_batch, accumulation = declared.micro_batch, declared.accumulation
    for micro, accumulate in _PAIRS:
        if micro_batch is None and "micro_batch" not in doubtful and _typed(argv, micro):
            micro_batch = micro
        if accumulation is None and "accumulation" not in doubtful and _typed(argv, accumulate):
            accumulation = accumulate
    recognised = knobs.Knobs(micro_batch=micro_batch, accumulation=accumulation)
    for name, knob in _SETTINGS.items():
        if name not in doubtful and _typed(argv, knob):
            recognised = recognised.having(name, knob)
    return declared.over(recognised)


def _typed(argv: Sequence[str], knob: knobs.Knob) -> bool:
    try:
        return bool(knob_places.typed(argv, knob))
    except UnclearError:
        return False
