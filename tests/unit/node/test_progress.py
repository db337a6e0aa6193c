from __future__ import annotations

import itertools
import json
import math
import time
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overnight.node import lines, progress
from overnight.node.progress import Sample


def read(text: str) -> list[Sample]:
    return [sample for _, sample in progress.samples(text.split("\n"))]


def follow(*chunks: str, every_s: float = 1.0) -> progress.Tracker:
    """A tracker that was fed one chunk per tick, from time 0 on."""
    tracker = progress.Tracker()
    for tick, chunk in enumerate(chunks):
        tracker.feed(chunk.encode(), tick * every_s)
    return tracker


def told(*chunks: str) -> dict[str, Any]:
    tracker = follow(*chunks)
    tracker.finish(float(len(chunks)))
    return tracker.to_dict(float(len(chunks)))


LINES: Sequence[tuple[str, Sample]] = [
    (
        "Epoch 3:  45%|████▌     | 45/100 [00:10<00:12,  4.53it/s, loss=0.23, lr=1e-3, acc=91.2]",
        Sample(45, 100, 3, None, None, {"loss": 0.23, "acc": 91.2}, 12, True),
    ),
    (
        "train: 7it [00:10, 4.53it/s, loss=2.5]",
        Sample(7, split="train", metrics={"loss": 2.5}),
    ),
    (
        "  6%|▊         | 12.1k/200k [2:00:00<1 day, 3:00:01, 1.4it/s]",
        Sample(12100, 200_000, eta_s=97201),
    ),
    (
        "Epochs:   6%|▌    | 3/50 [01:00<15:40, 20.0s/it]",
        Sample(epoch=3, epochs=50, eta_s=940),
    ),
    (
        "Epoch: [0]  [  10/500]  eta: 0:03:43  lr: 0.1000  loss: 6.9123 (7.0123)  acc1: 1.5 (1.2)"
        "  time: 0.5042  data: 0.0001  max mem: 11664",
        Sample(10, 500, 0, None, None, {"loss": 6.9123, "acc1": 1.5}, 223, True),
    ),
    (
        "Epoch: [3][ 100/5005]\tTime  0.512 ( 0.601)\tData  0.001\tLoss 6.9e+00 (7.0e+00)\t"
        "Acc@1   0.78 (  0.51)",
        Sample(100, 5005, 3, metrics={"loss": 6.9, "acc@1": 0.78}, nested=True),
    ),
    ("iters: 10/90 || task loss: 0.5", Sample(10, 90, metrics={"task_loss": 0.5})),
    ("epoch 3 finished. loss: 0.5", Sample(epoch=3, metrics={"loss": 0.5})),
    (
        "DEV : loss 0.5 - f1-score (micro avg)  0.75",
        Sample(split="val", metrics={"loss": 0.5, "f1-score": 0.75}),
    ),
    (
        "Test:  [ 10/100]  eta: 0:00:03  loss: 0.9 (0.8)  acc1: 70.1 (69.0)",
        Sample(split="test", metrics={"loss": 0.9, "acc1": 70.1}),
    ),
    (
        "{'loss': 1.94, 'grad_norm': 2.5, 'learning_rate': 3.8e-05, 'epoch': 0.68}",
        Sample(epoch=0.68, metrics={"loss": 1.94, "grad_norm": 2.5}),
    ),
    (
        "{'loss': '1.107', 'grad_norm': '0.7443', 'learning_rate': '4.8e-05', 'epoch': '0.125'}",
        Sample(epoch=0.125, metrics={"loss": 1.107, "grad_norm": 0.7443}),
    ),
    (
        "{'loss': nan, 'learning_rate': 0.0, 'epoch': 1.0}",
        Sample(epoch=1, metrics={"loss": math.nan}),
    ),
    (
        "{'eval_loss': 0.57, 'eval_accuracy': 0.61, 'eval_runtime': 38.9, "
        "'eval_samples_per_second': 139.8, 'epoch': 3.0}",
        Sample(epoch=3, split="val", metrics={"eval_loss": 0.57, "eval_accuracy": 0.61}),
    ),
    (
        "step 250: train loss 2.1034, val loss 2.1501",
        Sample(250, metrics={"train_loss": 2.1034, "val_loss": 2.1501}),
    ),
    (
        "iter 250: loss 2.0912, time 12.30ms, mfu -100.00%",
        Sample(250, metrics={"loss": 2.0912}),
    ),
    (
        "step:125/5100 val_loss:4.1234 train_time:12345ms step_avg:98.76ms",
        Sample(125, 5100, split="val", metrics={"val_loss": 4.1234}),
    ),
    ('{"step":1,"loss":2.3,"lr":0.001}', Sample(1, metrics={"loss": 2.3})),
    (
        '2026-11-23 19:08:37 | INFO | train | {"epoch": 1, "loss": "10.1", "num_updates": "7"}',
        Sample(7, epoch=1, metrics={"loss": 10.1}),
    ),
    (
        '{"epoch": 2, "split": "val", "loss": 0.5, "acc": NaN}',
        Sample(epoch=2, split="val", metrics={"loss": 0.5, "acc": math.nan}),
    ),
    (
        "epoch 3/50 loss 0.213 acc=0.91 lr 1e-3",
        Sample(epoch=3, epochs=50, metrics={"loss": 0.213, "acc": 0.91}),
    ),
    ("Epoch 3: loss: .5", Sample(epoch=3, metrics={"loss": 0.5})),
    (
        "2026-11-23 19:08:37,123 INFO trainer: Epoch [12/50], Step [100/600], Loss: 0.45",
        Sample(100, 600, 12, 50, None, {"loss": 0.45}, None, True),
    ),
    (
        "[2026-11-23 19:00:02,848][rank0] INFO: epoch 0 step 5/16 loss 0.7223 lr 1.00e-03",
        Sample(5, 16, 0, metrics={"loss": 0.7223}, nested=True),
    ),
    (
        "Train Epoch: 3 [6400/60000 (11%)]\tLoss: 0.283411",
        Sample(6400, 60000, 3, None, "train", {"loss": 0.283411}, None, True),
    ),
    ("[1,  2000] loss: 2.234", Sample(2000, epoch=1, metrics={"loss": 2.234}, nested=True)),
    (
        "[0/25][3/1583] Loss_D: 1.67 Loss_G: 5.01",
        Sample(3, 1583, 0, 25, None, {"loss_d": 1.67, "loss_g": 5.01}, None, True),
    ),
    ("[12/50] loss=0.5", Sample(12, 50, metrics={"loss": 0.5})),
    (
        "step 00001 (20.00%) | loss: nan | dt: 2894.52ms | tok/sec: 1,353 | mfu: 0.00 | epoch: 1",
        Sample(1, epoch=1, metrics={"loss": math.nan}),
    ),
    (
        "Epoch 2/9  ━━━━━━━━━━━━ 16/16 0:00:00 • 0:00:03 81.07it/s v_num: 0.000 train_loss: 1.026",
        Sample(16, 16, 2, 9, "train", {"train_loss": 1.026}, 3, True),
    ),
    (
        "Epoch: 1, Val Loss: 0.320585, Val Accuracy: 89.8148%, Val F1 Score: 0.9465",
        Sample(
            epoch=1,
            split="val",
            metrics={"val_loss": 0.320585, "val_accuracy": 89.8148, "val_f1_score": 0.9465},
        ),
    ),
    (
        "Test set: Average loss: 0.0466, Accuracy: 9845/10000 (98%)",
        Sample(split="test", metrics={"average_loss": 0.0466, "accuracy": 98.45}),
    ),
    (
        "Test set: Average loss: 0.0466, Accuracy: 0/0 (0%)",
        Sample(split="test", metrics={"average_loss": 0.0466}),
    ),
    (
        "Epoch 10 evaluated with loss: 0.00037",
        Sample(epoch=10, split="val", metrics={"loss": 0.00037}),
    ),
    (
        "Epoch(val) [24][449]\tbbox_mAP: 0.2440",
        Sample(epoch=24, split="val", metrics={"bbox_map": 0.244}),
    ),
    (
        "update 140 | mean_reward 1.000 | policy_loss inf",
        Sample(140, metrics={"mean_reward": 1, "policy_loss": math.inf}),
    ),
    ("|    total_timesteps   | 2000        |", Sample(2000)),
    ("|    ep_rew_mean       | -0.203      |", Sample(metrics={"ep_rew_mean": -0.203})),
    ("***** Num Epochs = 3", Sample(epochs=3)),
    ("  Total optimization steps = 75", Sample(steps=75)),
    (
        " train acc: 0.8285, test acc: 0.8171",
        Sample(metrics={"train_acc": 0.8285, "test_acc": 0.8171}),
    ),
    (
        "| epoch   1 |   200/ 2928 batches | lr 5.00 | ms/batch 12.34 | loss  8.12 | ppl  3357.51",
        Sample(200, 2928, 1, metrics={"loss": 8.12, "ppl": 3357.51}, nested=True),
    ),
    (
        "I0101 10:00:00.1 140 test.py:55] step 300, loss tensor(0.5, device='cuda:0')",
        Sample(300, metrics={"loss": 0.5}),
    ),
    (
        "loss: 2.303494  [   64/60000]",
        Sample(64, 60000, metrics={"loss": 2.303494}, nested=True),
    ),
]


@pytest.mark.parametrize(("line", "expected"), LINES)
def test_line(line: str, expected: Sample) -> None:
    """Each framework's line gives its counters and metrics, and nothing else."""
    [sample] = read(line)
    assert sample.metrics == pytest.approx(expected.metrics, nan_ok=True)
    assert sample._replace(metrics={}) == expected._replace(metrics={})


@pytest.mark.parametrize(
    "line",
    [
        "Namespace(epochs=2, epoch=7, batch_size=16, lr=0.01, loss=1.5, resume=None)",
        "config: {'optimizer': {'name': 'adam'}, 'epoch': 3, 'loss': 1.5}",
        "{'lr': 0.1, 'epoch': 100, 'loss_weight': 0.5}",
        '{"epochs": 300, "lr": 0.1, "loss_scale": 512.0}',
        "    loss_weight: 1.0",
        "warmup_epochs: 10",
        "epoch: 300",
        "step: 30",
        "Loading checkpoint shards:  50%|█████     | 2/4 [00:03<00:03,  1.10it/s]",
        "Downloading data:  45%|████▌     | 45.1M/100M [00:10<00:12, 4.53MB/s]",
        "Map (num_proc=8):  45%|████▌     | 45/100 [00:10<00:12, 4.53 examples/s]",
        "Generating train split: 100%|█████| 833/833 [00:00<00:00, 1493.65 examples/s]",
        "Validation DataLoader 0:  50%|█████     | 2/4 [00:03<00:03,  1.10it/s]",
        "Sanity Checking DataLoader 0:   0%|          | 0/2 [00:00<?, ?it/s]",
        "loaded pretrained encoder from epoch 299 with msg: <All keys matched>",
        "Resuming training from step 4000",
        "Best model saved at epoch: 10",
        "Saving model checkpoint to out/epoch=0-step=16.ckpt",
        "Loading model from /models/base with step 50, loss 2.5",
        "FileNotFoundError: no such file: 'runs/model_epoch_100.pth'",
        "[skip] non-finite loss nan at step 3, reducing loss scale to 32768.0",
        "Loss is nan, stopping training",
        "Sample: 208, Validation loss: 0.030",
        "Step 1/5: preparing the data, 3 files",
        "[1/3] c++ -MMD -c loss.cpp -o loss.o -std=c++17",
        "torch 2.13.0, accelerate 1.2.3",
        "*** STEP 2179.0 ON hgx CANCELLED AT 2026-06-14T15:29:42 ***",
        "tokens per iteration will be: 512",
        "wandb:      loss 0.00934",
        '  File "train.py", line 34, in step 3',
        '    print(f"epoch {epoch} train_loss {loss:.4f}")',
        "Trainer.train_iteration: 0.0441",
        "the loss of 17 samples",
        "in step 20 new best eval_acc: 0.5, saving the model",
        "Acceleration error: 0.907 mm/s^2",
        "Monitored metric val_loss = nan is not finite. Signaling Trainer to stop.",
    ],
)
def test_line_without_progress(line: str) -> None:
    """Configuration, mentions, other bars, paths, sizes and versions are no progress."""
    assert read(line) == []


def test_a_parser_goes_on_with_the_memory_of_another() -> None:
    first, second = progress.Parser(), progress.Parser()
    for line in (
        "Epoch 4/9",
        "      Epoch    GPU_mem   box_loss",
        "20%|##        | 2/10 [00:02<00:08, 1.0it/s]",
    ):
        first.line(line)
    second.recall(json.loads(json.dumps(first.memory())))
    assert second.memory() == first.memory() != progress.Parser().memory()
    for line in ("val loss: 0.5", "5/9  2.3G  1.25: 50%|#####     | 5/10 [00:02<00:02, 1.0it/s]"):
        assert second.line(line) == first.line(line) != progress.Parser().line(line)


def test_keras() -> None:
    """Keras' bars belong to the epoch named on the line before; backspaces do no harm."""
    text = (
        "Epoch 4/200\n\x1b[1m 1/29\x1b[0m \x1b[32m━━━━\x1b[0m \x1b[1m34s\x1b[0m 1s/step"
        " - accuracy: 0.3750 - loss: 1.2282\x08\x08\x08\r"
        "29/29 ━━━━━━━━ 4s 92ms/step - accuracy: 0.3692 - loss: 1.2377 - val_loss: 1.1701\n"
        "29/29 - 4s - 92ms/step - loss: 1.2\n"
        "Epoch 5/200\n - 2s - loss: 55.80 - val_loss: 26.44\n"
    )
    samples = read(text)
    assert [(s.epoch, s.epochs, s.step, s.steps) for s in samples] == [
        (4, 200, None, None),
        (4, 200, 1, 29),
        (4, 200, 29, 29),
        (4, 200, 29, 29),
        (5, 200, None, None),
        (5, 200, None, None),
    ]
    assert samples[2].metrics == {"accuracy": 0.3692, "loss": 1.2377, "val_loss": 1.1701}
    assert samples[5].metrics == {"loss": 55.8, "val_loss": 26.44}


def test_ultralytics() -> None:
    """The columns of the header name the values in front of the bar."""
    head = "      Epoch    GPU_mem   box_loss   cls_loss  Instances       Size\n"
    row = "      2/100      2.31G      1.234      2.345         45        640:  50%|█████     | 4/8"
    [sample] = read(head + row + " [00:03<00:03,  2.3it/s]")
    assert sample == Sample(
        4, 8, 2, 100, None, {"box_loss": 1.234, "cls_loss": 2.345}, None, nested=True
    )


def test_metrics_under_an_epoch_heading() -> None:
    """`Epoch 3/10` on a line of its own holds for the lines that follow, each with its split."""
    progress_now = told(
        "Epoch 3/10\n----------\ntrain Loss: 0.28 Acc: 0.88\nval Loss: 0.21 Acc: 0.93\n"
    )
    assert (progress_now["epoch"], progress_now["epochs"], progress_now["loss"]) == (3, 10, 0.28)
    assert progress_now["metrics"]["val_loss"] == 0.21
    assert progress_now["metrics"]["val_acc"] == 0.93


def test_bare_epochs_must_count_on() -> None:
    """`epoch: 34` alone could be configuration; followed by 35 it is progress."""
    assert read("epoch: 34") == []
    assert [s.epoch for s in read("Epoch 34\nloss: 0.5\nEpoch 35\n") if s.epoch] == [35]


def test_bars_of_preparation_and_evaluation() -> None:
    """Among bars without a name, the preparation is forgotten and the evaluation passed over."""

    def bar(step: int, steps: int) -> str:
        return f"\r {100 * step // steps}%|███ | {step}/{steps} [00:10<00:12, 4.5it/s]"

    preparation = bar(0, 9000) + bar(9000, 9000) + "\n"
    training = bar(1, 300) + bar(50, 300) + "\n{'loss': 1.5, 'epoch': 0.5}\n"
    evaluation = bar(1, 40) + bar(40, 40) + "\n{'eval_loss': 1.4, 'epoch': 0.5}\n"
    now = told(preparation, training, evaluation, bar(51, 300))
    assert (now["step"], now["steps"], now["position"]) == (51, 300, [0, 51])
    assert now["loss"] == 1.5


def test_tracker_in_short() -> None:
    """A plain training: place, losses, step time and the time left."""
    steps = [f"epoch 1/2 step {n}/10 loss {2 - n / 10:.2f} val_acc 0.5\n" for n in range(1, 9)]
    assert follow(*steps, every_s=0.5).to_dict(3.5) == {
        "step": 8,
        "steps": 10,
        "epoch": 1,
        "epochs": 2,
        "loss": 1.2,
        "metrics": {"loss": 1.2, "val_acc": 0.5},
        "nonfinite": None,
        "loss_n": 8,
        "loss_first": pytest.approx(1.7),
        "loss_last": pytest.approx(1.4),
        "step_time_s": 0.5,
        "eta_s": pytest.approx(6.0),
        "position": [1, 8],
        "flags": [],
    }


def test_first_nonfinite_loss_is_kept() -> None:
    """The first NaN of the training loss is told with its place; JSON carries no NaN."""
    now = told("step 1 loss 2.5\nstep 2 loss nan\nstep 3 loss inf\nstep 4 val_loss nan loss 2\n")
    assert now["nonfinite"] == {"name": "loss", "step": 2, "epoch": None}
    assert now["metrics"] == {"loss": 2.0, "val_loss": None}
    assert (now["loss_n"], now["loss_first"]) == (4, 2.25)
    json.dumps(now, allow_nan=False)


def test_validation_nan_is_no_nan_loss() -> None:
    """NaN in a validation value is common in healthy runs and no sign of divergence."""
    now = told("epoch 1 train_loss 0.5 val_loss nan\nTest: [1/9] loss: nan (nan)\nbpb: nan ms\n")
    assert now["nonfinite"] is None


def test_surer_loss_wins() -> None:
    """The training's own loss replaces a mean squared error and is not replaced by a mean."""
    now = told("step 1 mse 9\nstep 2 loss 2\nstep 3 loss 1\nmean loss 7\nd_loss: 8\n")
    assert (now["loss"], now["loss_n"], now["loss_first"]) == (1, 2, 1.5)


def test_trace_is_bounded_and_monotone() -> None:
    """A long training leaves at most 256 points, in order, over its whole length."""
    tracker = follow(
        "".join(f"epoch {n // 100} step {n % 100}/100 loss {n}\n" for n in range(3000))
    )
    trace = tracker.loss_trace()
    assert 100 <= len(trace) <= progress.MAX_TRACE
    assert trace == sorted(trace)
    assert trace[0][1] == 0
    assert trace[-1][0] > 2900


def test_step_time_leaves_out_the_first_step_and_outliers() -> None:
    """Compilation before the first step and a long evaluation do not spoil the step time."""
    tracker = progress.Tracker()
    for step, now in [(0, 0.0), (1, 60.0), (2, 61.0), (3, 62.0), (4, 500.0), (5, 501.0)]:
        tracker.feed(f"step {step}/100 loss 1\n".encode(), now)
    assert tracker.step_time_s() == 1.0
    assert tracker.eta_s(501.0) == 95.0
    assert tracker.eta_s(511.0) == 85.0


def test_many_steps_in_one_look() -> None:
    """Steps that come in bursts, many per look, have the pace of the looks."""
    chunks = ["".join(f"step {10 * t + n} loss 1\n" for n in range(10)) for t in range(5)]
    assert follow(*chunks).step_time_s() == pytest.approx(0.1)


def test_clock_set_back() -> None:
    """A clock that is set back costs the intervals learnt so far, no more."""
    tracker = progress.Tracker()
    for step, now in [(1, 100.0), (2, 101.0), (3, 102.0), (4, 5.0), (5, 7.0)]:
        tracker.feed(f"step {step}/100 loss 1\n".encode(), now)
    assert tracker.step_time_s() == 2.0


def test_time_left_from_epochs() -> None:
    """With steps that restart, the time left is that of the epochs."""
    chunks = [f"Epoch: [{n // 4}/5] [{n % 4}/4] loss: 1.0\n" for n in range(13)]
    tracker = follow(*chunks)
    assert tracker.to_dict(12.0)["epoch"] == 3
    assert tracker.eta_s(12.0) == pytest.approx(8.0)


def test_time_left_unknown() -> None:
    """Without a length of the training there is no time left, not a wrong one."""
    assert follow(*[f"step {n} loss 1\n" for n in range(9)]).eta_s(9.0) is None
    assert follow(*[f"Epoch 3: 9%|█| {n}/90 [0<9, 1it/s]\n" for n in range(9)]).eta_s(9.0) is None


def test_position_orders_attempts() -> None:
    """A resumed attempt that got further compares greater; garbage later does not lower it."""
    first = follow("epoch 3/9 step 5/10 loss 1\n")
    second = follow("epoch 3/9 step 1/10 loss 1\n", "epoch 4/9 step 1/10 loss 1\n")
    started = follow("Epoch 1/9: 0%|  | 0/10 [00:00<?, ?it/s]\n")
    a, b, c = first.position(), second.position(), started.position()
    assert a and b and c and c < a < b
    second.feed(b"epoch 1/9 step 1/10 loss 1\n", 9.0)
    assert second.position() == b
    assert follow("hello\n").position() is None


@pytest.mark.parametrize(
    "text",
    [
        "Epoch 2/5\n 30/60 [====>...] - 3s 100ms/step - loss: 0.5000\n",
        '{"step": 30, "loss": 0.5, "epoch": 2}\n',
        "epoch 2/5 step 30/60 loss 0.5\n",
    ],
)
def test_the_mark_of_a_rank_changes_nothing(text: str) -> None:
    """`torchrun --tee` puts it in front of whatever a framework prints."""
    plain, marked = progress.Tracker(), progress.Tracker()
    plain.feed(text.encode(), 1.0)
    marked.feed("".join(f"[default0]:{each}\n" for each in text.splitlines()).encode(), 1.0)
    assert plain.to_dict(2.0)["loss"] == 0.5
    assert marked.to_dict(2.0) == plain.to_dict(2.0)


def test_late_line_of_another_rank() -> None:
    """Ranks that print the same steps a little apart do not look like restarts."""
    chunks = [f"[rank0] step {n} loss 1\n[rank1] step {n - 1} loss 1\n" for n in range(10, 20)]
    tracker = follow(*chunks)
    assert tracker.step_time_s() == 1.0
    assert tracker.position() == [0, 19]


def test_metrics_jsonl_is_believed() -> None:
    """Once metrics.jsonl told loss and step, the output's are not mixed in."""
    tracker = follow("epoch 1/3 step 5/10 loss 9\n")
    tracker.feed_jsonl(b'{"step":15,"epoch":0,"split":"train","loss":2.5}\n', 1.0)
    tracker.feed_jsonl(b'{"step":15,"epoch":0,"split":"val","loss":NaN,"acc":0.5}\n{"ste', 1.0)
    tracker.feed(b"epoch 1/3 step 6/10 loss 8\n", 2.0)
    now = tracker.to_dict()
    assert (now["step"], now["epoch"], now["epochs"]) == (15, 0, 3)
    assert (now["loss"], now["loss_n"], now["nonfinite"]) == (2.5, 1, None)
    assert now["metrics"]["val_acc"] == 0.5
    tracker.feed_jsonl(b'p":20,"loss":"NaN"}\nnot json\n[1]\n{}\n', 3.0)
    assert tracker.to_dict()["nonfinite"] == {"name": "loss", "step": 20, "epoch": 0}


def test_advanced_at_is_the_last_step_forward() -> None:
    """Output that repeats the place, as a bar that is drawn again, is no progress."""
    tracker = follow("step 1 loss 1\n", "step 2 loss 1\n", "step 2 loss 1\n", "hello\n")
    assert tracker.advanced_at == 1.0


def test_last_line_without_newline() -> None:
    """What stands in an unfinished line is read when the process has ended."""
    tracker = follow("step 1 loss 1\nstep 2 loss 0.5")
    assert tracker.loss == 1
    tracker.finish(2.0)
    assert tracker.loss == 0.5


def test_endless_line_is_bounded() -> None:
    """Output without a newline, of any size, is kept only up to one line's length."""
    tracker = progress.Tracker()
    for _ in range(64):
        tracker.feed(b"\xff\x00loss 1 " * 8192, 1.0)
    assert len(tracker._output._partial) <= lines.MAX_LINE
    tracker.feed(b"\nstep 7 loss 0.25\n", 2.0)
    assert tracker.loss == 0.25


def test_many_names_are_bounded() -> None:
    """A run that invents names without end does not fill the memory."""
    text = "".join(f"step {n} loss_{chr(97 + n % 26)}{n}x_acc=0.5\n" for n in range(500))
    assert len(told(text)["metrics"]) == 64


@pytest.mark.parametrize(
    "line",
    [
        "epoch" + " " * 4000,
        "loss " + "1.5e" * 1000,
        "loss " + "a.b/" * 1000,
        "epoch " + "1" * 4000 + "x",
        "step " + "11it [" * 600,
        "epoch 1 " + "a=1.5 " * 600,
        "loss 5%|" + "1/1 [<" * 600,
        "━ " * 2000 + "loss",
        '{"step":' * 500,
        "{'loss': " + "'a': " * 900 + "}",
        "│ iter " + "[  " * 1300,
    ],
)
def test_odd_lines_are_quick(line: str) -> None:
    """The patterns do not run away on the oddest of lines: far from it in 50 ms of CPU each."""
    parser = progress.Parser()
    begin = time.process_time()
    parser.line(line)
    assert time.process_time() - begin < 0.05


def test_typical_output_is_quick() -> None:
    """A thousand lines of a bar and of prose take less than a tenth of a second each."""
    bars = "".join(
        f"\rEpoch 3: {n // 10:3d}%|██| {n}/1000 [00:10<00:12, 4.5it/s, loss=0.{n}]"
        for n in range(1000)
    )
    prose = "".join(f"INFO: epoch 3/50 step {n}/1000 loss 0.{n} acc=0.91\n" for n in range(1000))
    begin = time.process_time()
    assert follow(bars, prose).to_dict()["step"] == 999
    assert time.process_time() - begin < 0.2


TEXT = st.sampled_from(
    [line for line, _ in LINES]
    + ["Epoch 4/200", "29/29 - 4s - loss: 1.5", "\x1b[1m", "Epoch 7", ""]
)
ENDS = st.sampled_from(["\n", "\r", "\r\n", ""])
OUTPUT = st.one_of(
    st.binary(max_size=300),
    st.lists(st.tuples(TEXT, ENDS), max_size=12).map(
        lambda pairs: "".join(text + end for text, end in pairs).encode()
    ),
    st.integers(4000, 4200).map(lambda n: b"loss 1 " + b"x" * n + b" loss 2\nstep 3 loss 4\n"),
)


@settings(max_examples=60, deadline=None)
@given(OUTPUT, st.lists(st.integers(0, 4300), max_size=6))
def test_chunks_do_not_matter(output: bytes, cuts: list[int]) -> None:
    """The same bytes at the same time give the same progress, wherever they were cut."""
    whole, parts = progress.Tracker(), progress.Tracker()
    whole.feed(output, 1.0)
    places = [0, *sorted(cuts), len(output)]
    for begin, end in itertools.pairwise(places):
        parts.feed(output[begin : max(begin, end)], 1.0)
    whole.finish(2.0)
    parts.finish(2.0)
    assert whole.to_dict(3.0) == parts.to_dict(3.0)
    assert whole.loss_trace() == parts.loss_trace()
    json.dumps(whole.to_dict(3.0), allow_nan=False)


@settings(max_examples=60, deadline=None)
@given(st.lists(OUTPUT, max_size=6))
def test_position_never_falls_once_a_loss_was_seen(chunks: list[bytes]) -> None:
    """Within an attempt, the place that is compared only rises, whatever is printed."""
    tracker = progress.Tracker()
    tracker.feed(b"epoch 1 step 1/10 loss 1\n", 0.0)
    before = tracker.position() or []
    for now, chunk in enumerate(chunks):
        tracker.feed(chunk, float(now))
        after = tracker.position() or []
        assert before <= after
        before = after
