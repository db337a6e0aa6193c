"""Reading in bulk gives exactly what the careful parser gives, and in parts what it gives whole."""

from __future__ import annotations

import io
import json
import math
import re
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overnight.results.curves import Found, Mark
from overnight.results.formats import printed, printed_pieces

whole = st.integers(0, 10**13) | st.integers(0, 30)
decimals = st.builds(
    lambda value, places: f"{value:.{places}f}", st.floats(-1e6, 1e6), st.integers(0, 17)
)
number = st.one_of(
    decimals,
    st.floats(allow_nan=True).map(repr),
    whole.map(str),
    st.sampled_from(["nan", "NaN", "inf", "-inf", "1e-05", "2.5E+3", "1e400", ".5", "1.", "007"]),
    st.builds(
        "{}{}".format, decimals, st.sampled_from(["%", "s", "ms", " MB", "k", ",123", ":30"])
    ),
)
SHAPES = [
    "step {w}: train loss {n}, val loss {n}",
    "iter {w}: loss {n}, time {n}ms, mfu {n}%",
    "{{'loss': {n}, 'grad_norm': {n}, 'learning_rate': {n}, 'epoch': {n}}}",
    "{{'eval_loss': '{n}', 'eval_runtime': {n}, 'epoch': {w}}}",
    '{{"step": {w}, "loss": {n}, "acc": {n}}}',
    '2026-01-{w} 10:{w}:{w},{w} INFO {{"epoch": {w}, "loss": {n}}}',
    "step:{w}/{w} val_loss:{n} train_time:{w}ms step_avg:{n}ms",
    "epoch={w} step={w} loss={n} acc={n}",
    "Epoch {w}/{w}",
    "Epoch: {w}",
    "Epoch {w} | Train Loss: {n} | Valid Loss {n}",
    "Epoch: [{w}]  [  {w}/{w}]  eta: 0:{w}:{w}  lr: {n}  loss: {n} ({n})  acc1: {n} ({n})",
    "Test:  [ {w}/{w}]  loss: {n} ({n})  acc1: {n} ({n})",
    " * Acc@1 {n} Acc@5 {n}",
    "{w}/{w} [==========] - 2s {w}ms/step - loss: {n} - val_loss: {n}",
    "train Loss: {n} Acc: {n}",
    "Loss: {n}",
    "ep\x1b[3{w}moch {w} \x1b[32mloss\x1b[0m {n}",
    "\rEpoch {w}: {w}%|███▏     | {w}/{w} [00:{w}<00:{w}, {n}it/s, loss={n}, val_acc={n}]",
    "\r {w}%|#{w}        | {w}/{w} [00:{w}<00:{w}, {n}it/s, acc={n}]",
    "\rEpochs: {w}%|▉| {w}/{w} [00:{w}<00:{w}, {n}it/s, loss={n}]",
    "epoch     train_loss  valid_loss  accuracy  time",
    "{w}         {n}    {n}    {n}  00:{w}",
    "[{w}]\ttrain-auc:{n}\tvalid_0's auc: {n}",
    "I0101 10:00:{w}.{w} 77 solver.cpp:{w}] Iteration {w}, Testing net (#0)",
    "I0101 10:00:{w}.{w} 77 solver.cpp:{w}]     Test net output #0: accuracy = {n}",
    "{w}: {n}, {n} avg loss, {n} rate, {n} seconds, {w} images",
    "       Test metric             DataLoader 0",
    "        test_acc            {n}",
    "──────────────",
    "---",
    "val_bpb:          {n}",
    "| rollout/ep_rew_mean | {n} |",
    "layer{w}_loss: {n}, epoch{w} acc@{w} {n}",
    "best val acc {n} at epoch {w}",
    "epoch {w} train: loss={n} acc={n} | val: loss={n} acc={n}",
    "Average loss for epoch {w}: {n}",
    "Test set: Average loss: {n}, Accuracy: {w}/{w} ({w}%)",
    "Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets={w} ] = {n}",
    "validation loss at iteration {w} | lm loss value: {n}",
    "F1: {n}",
    "Config: {{'lr': {n}}}, Epoch {w}/9, Train Loss: {n}",
    "average_loss: {w}",
    "loading {w} of {n} files",
    "2026-01-{w} 10:{w}:{w},{w} - log/x.log - INFO - accuracy: {n}; FB1: {n}",
    "2026-01-01 10:00:{w},{w} TEST : loss {n} - score {n}",
    "val Loss: {n} Top-1 Acc: {n} Top-5 Acc: {n}",
    "Step {w}: improving ppl: {n} --> {n}",
    "Epoch {w} - New best model saved with BLEU-{w}: {n}",
    "trainer: mode=train, epochs={w}, time=None, iou={n}, amp=True, seed=None",
    "Validation WER  : {n}",
    "Epoch {w} val: {{'loss': {n}, 'acc': {n}}}",
    "      Class     Images  Instances      Box(P      R   mAP50  mAP50-95): 9%|#| {w}/{w} [0",
    "                   all        {w}        {w}      {n}       {n}     {n}    {n}",
    "| Epoch | Train Loss | Val Acc (%) |",
    "| {w} | {n} | {n}% |",
    "Round {w}, Global Loss: {n}",
    'json_stats: {{"_type": "val_epoch", "epoch": "{w}/{w}", "top1_acc": {n}}}',
    "ep={w}: loss={n} acc={n}%",
    "Epoch {w}, avg loss so far is {n}",
    "kept (val_loss={n})",
    "{w}/{w} ━━━━━━━━━━━━━━━━━━━━ 1s {w}ms/step - loss: {n} - val_acc: {n}",
    "",
]


@st.composite
def lines(draw: st.DrawFn) -> str:
    """One line of any family."""
    shape = draw(st.sampled_from(SHAPES))
    text = ""
    for part in shape.replace("{{", "\0").replace("}}", "\1").split("{"):
        kind, closed, rest = part.partition("}")
        if not closed:
            text += part
            continue
        text += str(draw(whole)) if kind == "w" else draw(number)
        text += rest
    return text.replace("\0", "{").replace("\1", "}")


def with_other_digits(line: str, chance: Random) -> str:
    return re.sub(r"\d", lambda _: chance.choice("0001234567899"), line)


@st.composite
def written(draw: st.DrawFn) -> bytes:
    """A log of a few kinds of lines, each of which comes again with other digits."""
    kinds = draw(st.lists(lines(), min_size=1, max_size=6))
    chance = draw(st.randoms(use_true_random=False))
    order = draw(st.lists(st.sampled_from(kinds), max_size=30))
    ends = ["\n", "\n", "\n", "\r\n", "\r"]
    return "".join(with_other_digits(each, chance) + chance.choice(ends) for each in order).encode()


def read(data: bytes, mark: Mark | None = None, *, worth: float = 1) -> Found:
    reading = printed.Reading(mark, worth=worth)
    file = io.BytesIO(data)
    start = reading.offset, reading.line
    for piece in printed_pieces.pieces(file, *start, was_cut=reading.was_cut):
        if piece.has_end:
            reading.take(piece)
    return reading.found()


Rows = dict[tuple[str, str | None], list[tuple[float, ...]]]


def rows(*parts: Found) -> Rows:
    """All values as tuples that compare equal, NaN as well."""
    joined: Rows = {}
    for found in parts:
        for curve in found.curves:
            columns = (curve.value, curve.step, curve.epoch, curve.line.astype(float))
            kept = np.column_stack(columns).tolist()
            joined.setdefault((curve.name, curve.split), []).extend(
                tuple(math.inf + 1j if math.isnan(each) else each for each in row)  # type: ignore[misc]
                for row in kept
            )
    return joined


@settings(max_examples=60, deadline=None)
@given(written())
def test_bulk_reads_what_the_careful_parser_reads(data: bytes) -> None:
    quick, careful = read(data), read(data, worth=math.inf)
    assert rows(quick) == rows(careful)
    assert list(rows(quick)) == list(rows(careful))
    assert quick.mark == careful.mark
    assert quick.skipped == careful.skipped


@settings(max_examples=60, deadline=None)
@given(written(), st.lists(st.floats(0, 1), max_size=4))
def test_a_growing_file_gives_what_the_whole_gives(data: bytes, shares: list[float]) -> None:
    mark, parts = None, []
    for end in [*sorted(int(share * len(data)) for share in shares), len(data)]:
        found = read(data[:end], mark)
        assert found.mark is not None
        mark = Mark(
            offset=found.mark.offset,
            line=found.mark.line,
            memory=json.loads(json.dumps(dict(found.mark.memory), allow_nan=False)),
        )
        parts.append(found)
    assert rows(*parts) == rows(read(data))
    assert mark == read(data).mark


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_raise(data: bytes) -> None:
    assert rows(read(data)) == rows(read(data, worth=math.inf))


JSON = '{{"step": {:02d}, "loss": 0.5}}\n'
FAR = "{} some words that stand before the record and move it about {{'loss': 0.5, 'epoch': {}}}\n"
TRAPS = {
    "a leading zero is no JSON": "".join(JSON.format(step) for step in (10, 11, 12, 13, 7, 14)),
    "a record far behind in the line is none": "".join(
        FAR.format("x" * 14 + " " + "9" * digits, 1) for digits in (5, 5, 5, 5, 5, 6, 7, 8, 9)
    ),
    "numbers become a table below a heading": "1  0.5  0.25  0.125\n" * 6
    + "epoch  train_loss  valid_loss  acc\n"
    + "2  0.25  0.5  0.75\n",
    "a power so small that only the sign is left": "".join(
        f"step {step} loss -1.5e-{400 + step} acc 2.5e-{500 + step}\n" for step in range(6)
    ),
    "an epoch bar that has not begun tells no epoch": "".join(
        f"Epochs:   6%|▌    | {epoch}/50 [01:00<15:40, 20.0s/it]\nval loss: 0.{epoch}\n"
        for epoch in (3, 4, 5, 6, 7, 0, 8)
    ),
    "digits of a name are no numbers": "".join(
        f"step {step} layer{step % 2}/loss 0.{step} acc@{step % 3} 0.5\n" for step in range(12)
    ),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_traps(trap: str) -> None:
    data = TRAPS[trap].encode()
    quick, careful = read(data), read(data, worth=math.inf)
    assert careful.curves
    assert repr(rows(quick)) == repr(rows(careful))
