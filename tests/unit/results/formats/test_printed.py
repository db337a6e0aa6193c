"""What is read from the output of trainings of many kinds. All lines are made up."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from overnight.results import curves, reading
from overnight.results.curves import Found
from overnight.results.formats import printed

NAN = math.nan


def read(tmp_path: Path, text: str | bytes) -> Found:
    path = tmp_path / "train.log"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return printed.read(path)


def told(found: Found) -> dict[tuple[str, str | None], list[tuple[float, ...]]]:
    """(value, step, epoch, line) of each curve; -1 where the log does not tell."""
    return {
        (curve.name, curve.split): [
            tuple(-1 if math.isnan(each) else each for each in row)
            for row in zip(curve.value, curve.step, curve.epoch, curve.line, strict=True)
        ]
        for curve in found.curves
    }


FAMILIES = {
    "tqdm": (
        "Epoch 2:  50%|#####     | 1/2 [00:01<00:01, 1.0it/s, loss=0.9, val_acc=0.5]\r"
        "Epoch 2: 100%|##########| 2/2 [00:02<00:00, 1.0it/s, loss=0.8, val_acc=0.5]\r"
        "Epoch 2: 100%|##########| 2/2 [00:02<00:00, 1.0it/s, loss=0.8, val_acc=0.7]\n",
        {
            ("loss", None): [(0.9, 1, 2, 1), (0.8, 2, 2, 1)],
            ("val_acc", "val"): [(0.5, 1, 2, 1), (0.7, 2, 2, 1)],
        },
    ),
    "hugging face": (
        "{'loss': 1.5, 'grad_norm': nan, 'learning_rate': 2e-05, 'epoch': 0.5}\n"
        "{'eval_loss': '1.25', 'eval_runtime': '3.2', 'epoch': '1.0'}\n"
        "{'train_runtime': 9.0, 'train_loss': 1.4, 'epoch': 1.0}\n",
        {
            ("loss", None): [(1.5, -1, 0.5, 1)],
            ("grad_norm", None): [(-1, -1, 0.5, 1)],
            ("eval_loss", "val"): [(1.25, -1, 1, 2)],
        },
    ),
    "keras": (
        "Epoch 3/9\n"
        "10/10 - 2s - loss: 0.75 - accuracy: 0.5 - val_loss: 0.875 - 20ms/epoch\n"
        "Epoch 4/9\n"
        "\r 5/10 [=====>....] - ETA: 0s - loss: 0.5"
        "\r10/10 [==========] - 1s 9ms/step - loss: 0.25 - val_loss: 0.5\n",
        {
            ("loss", None): [(0.75, 10, 3, 2), (0.5, 5, 4, 4), (0.25, 10, 4, 4)],
            ("accuracy", None): [(0.5, 10, 3, 2)],
            ("val_loss", "val"): [(0.875, 10, 3, 2), (0.5, 10, 4, 4)],
        },
    ),
    "torchvision": (
        "Epoch: [1]  [ 10/500]  eta: 0:04:00  lr: 0.1  loss: 6.5 (7.25)  acc1: 12.5 (9.0)"
        "  time: 0.50  data: 0.01  max mem: 900\n"
        "Test:  [ 0/50]  eta: 0:00:10  loss: 2.5 (2.5)  acc1: 40.0 (40.0)  time: 0.2\n"
        " * Acc@1 41.5 Acc@5 70.25\n",
        {
            ("loss", None): [(6.5, 10, 1, 1)],
            ("acc1", None): [(12.5, 10, 1, 1)],
            ("loss", "test"): [(2.5, -1, 1, 2)],
            ("acc1", "test"): [(40, -1, 1, 2)],
            ("Acc@1", "test"): [(41.5, -1, 1, 3)],
            ("Acc@5", "test"): [(70.25, -1, 1, 3)],
        },
    ),
    "nanoGPT": (
        "step 250: train loss 2.5, val loss 2.75\niter 250: loss 2.25, time 9.50ms, mfu -100.00%\n",
        {
            ("train loss", "train"): [(2.5, 250, -1, 1)],
            ("val loss", "val"): [(2.75, 250, -1, 1)],
            ("loss", None): [(2.25, 250, -1, 2)],
        },
    ),
    "modded nanoGPT": (
        "step:125/5100 val_loss:4.125 train_time:9000ms step_avg:nanms\n",
        {("val_loss", "val"): [(4.125, 125, -1, 1)]},
    ),
    "final block": (
        "done\n---\nval_bpb:                     0.75\ntraining_seconds: 300.1\ndepth:   8\n",
        {("val_bpb", "val"): [(0.75, -1, -1, 3)]},
    ),
    "pairs": (
        "epoch=1 step=20 train/loss=0.5 lr=1e-3 time=3.2s mem=4GB\n",
        {("train/loss", "train"): [(0.5, 20, 1, 1)]},
    ),
    "JSON in a log": (
        '2026-01-01 10:00:00 INFO {"step": 7, "val_acc": 0.5, "lr": 0.1}\n',
        {("val_acc", "val"): [(0.5, 7, -1, 1)]},
    ),
    "prose": (
        "Epoch 3/10 | Train Loss: 0.5 | Valid Loss 0.625 | mDice=12.5%\n",
        {
            ("Train Loss", "train"): [(0.5, -1, 3, 1)],
            ("Valid Loss", "val"): [(0.625, -1, 3, 1)],
            ("mDice", None): [(12.5, -1, 3, 1)],
        },
    ),
    "one name in two splits": (
        "epoch 3 train: loss=0.5 acc=0.75 | val: loss=0.625 acc=0.5\n"
        "Epoch 4 Loss 0.25, val loss 0.5, acc 0.75, test loss 0.625, acc 0.5\n",
        {
            ("loss", "train"): [(0.5, -1, 3, 1)],
            ("acc", "train"): [(0.75, -1, 3, 1)],
            ("loss", "val"): [(0.625, -1, 3, 1)],
            ("acc", "val"): [(0.5, -1, 3, 1), (0.75, -1, 4, 2)],
            ("Loss", None): [(0.25, -1, 4, 2)],
            ("val loss", "val"): [(0.5, -1, 4, 2)],
            ("test loss", "test"): [(0.625, -1, 4, 2)],
            ("acc", "test"): [(0.5, -1, 4, 2)],
        },
    ),
    "counter and value in a sentence": (
        "Average loss for epoch 3: 0.5\n"
        "Training loss (for one batch) at step 100: 0.25\n"
        " validation loss at iteration 200 | lm loss: 2.5E+00 |\n"
        "Test set: Average loss: 0.125, Accuracy: 7500/10000 (75%)\n"
        "INFO:tensorflow:Saving dict for global step 90: accuracy = 0.5, global_step = 90\n",
        {
            ("Average loss", None): [(0.5, -1, 3, 1)],
            ("Training loss", "train"): [(0.25, 100, -1, 2)],
            ("lm loss", "val"): [(2.5, 200, 3, 3)],
            ("Average loss", "test"): [(0.125, -1, 3, 4)],
            ("Accuracy", "test"): [(75, -1, 3, 4)],
            ("accuracy", "val"): [(0.5, 90, -1, 5)],
        },
    ),
    "COCO": (
        " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.250\n"
        " Average Precision  (AP) @[ IoU=0.50:0.95 | area= small | maxDets=100 ] = -1.000\n",
        {("AP IoU=0.50:0.95 area=all maxDets=100", None): [(0.25, -1, -1, 1)]},
    ),
    "metrics alone": (
        "F1: 0.5\nMean IoU: 0.25\n",
        {("F1", None): [(0.5, -1, -1, 1)], ("Mean IoU", None): [(0.25, -1, -1, 2)]},
    ),
    "under a heading": (
        "Epoch 1/25\n----------\ntrain Loss: 0.5 Acc: 0.75\nval Loss: 0.625 Acc: 0.5\n",
        {
            ("train Loss", "train"): [(0.5, -1, 1, 3)],
            ("Acc", "train"): [(0.75, -1, 1, 3)],
            ("val Loss", "val"): [(0.625, -1, 1, 4)],
            ("Acc", "val"): [(0.5, -1, 1, 4)],
        },
    ),
    "behind a configuration": (
        "12:00 INFO Config: {'lr': 0.1, 'loss_type': 'ls'}, Epoch 4/9, Train Loss: 1.5\n",
        {("Train Loss", "train"): [(1.5, -1, 4, 1)]},
    ),
    "table with columns": (
        "epoch     train_loss  valid_loss  accuracy  time\n"
        "0         0.75        0.5         0.25      00:12\n"
        "1         0.5         nan         0.5       00:11\n",
        {
            ("train_loss", "train"): [(0.75, -1, 0, 2), (0.5, -1, 1, 3)],
            ("valid_loss", "val"): [(0.5, -1, 0, 2), (-1, -1, 1, 3)],
            ("accuracy", None): [(0.25, -1, 0, 2), (0.5, -1, 1, 3)],
        },
    ),
    "table with rulers": (
        "  epoch    train_loss    valid_acc     dur\n"
        "-------  ------------  -----------  ------\n"
        "      1        0.6905       0.6150  0.0451\n",
        {
            ("train_loss", "train"): [(0.6905, -1, 1, 3)],
            ("valid_acc", "val"): [(0.615, -1, 1, 3)],
        },
    ),
    "lightning's test table": (
        "─────────────────────────────\n"
        "       Test metric             DataLoader 0\n"
        "─────────────────────────────\n"
        "        test_acc            0.75\n"
        "────────────────────────────────\n"
        "        other_acc            0.5\n",
        {("test_acc", "test"): [(0.75, -1, -1, 4)]},
    ),
    "lightning's checkpoints": (
        "Epoch 2, global step 90: 'val_acc' reached 0.75 (best 0.75), saving model to"
        " '/x/epoch=2-val_acc=0.7500.ckpt' as top 1\n"
        "Epoch 3, global step 120: 'val_acc' was not in top 1\n",
        {("val_acc", "val"): [(0.75, 90, 2, 1)]},
    ),
    "caffe": (
        "I0101 10:00:00.5 77 solver.cpp:330] Iteration 400, Testing net (#0)\n"
        "I0101 10:00:01.5 77 solver.cpp:397]     Test net output #0: accuracy = 0.5\n"
        "I0101 10:00:02.5 77 solver.cpp:218] Iteration 420, loss = 2.5\n"
        "I0101 10:00:02.5 77 solver.cpp:237]     Train net output #0: loss = 2 (* 1 = 2 loss)\n",
        {
            ("accuracy", "test"): [(0.5, 400, -1, 2)],
            ("loss", None): [(2.5, 420, -1, 3)],
        },
    ),
    "boosting": (
        "[0]\ttrain-logloss:0.5\tvalid-logloss:0.75\n"
        "[10]\ttraining's auc: 0.5\tvalid_1's auc: 0.25\n"
        "7:\tlearn: 0.5\ttest: 0.75\tbest: 0.5 (3)\ttotal: 1s\n",
        {
            ("train-logloss", "train"): [(0.5, 0, -1, 1)],
            ("valid-logloss", "val"): [(0.75, 0, -1, 1)],
            ("training's auc", "train"): [(0.5, 10, -1, 2)],
            ("valid_1's auc", "val"): [(0.25, 10, -1, 2)],
            ("learn", "train"): [(0.5, 7, -1, 3)],
            ("test", "test"): [(0.75, 7, -1, 3)],
        },
    ),
    "darknet": (
        " 12: 3.5, 4.25 avg loss, 0.001 rate, 2.5 seconds, 768 images\n",
        {("loss", "train"): [(3.5, 12, -1, 1)], ("avg loss", "train"): [(4.25, 12, -1, 1)]},
    ),
    "fairseq": (
        "2026-01-01 10:00:00 | INFO | train | epoch 002:  10 / 90 loss=5.5, ppl=34.5, wps=900\n"
        "2026-01-01 10:00:00 | INFO | valid | epoch 002 | valid | loss 5.25 | ppl 33.5\n",
        {
            ("loss", "train"): [(5.5, -1, 2, 1)],
            ("ppl", "train"): [(34.5, -1, 2, 1)],
            ("loss", "val"): [(5.25, -1, 2, 2)],
            ("ppl", "val"): [(33.5, -1, 2, 2)],
        },
    ),
    "behind the name of a logger": (
        "2026-01-01 10:00:00,250 - runs\\train.log - INFO - accuracy:  12.50%; precision:   5.25%;"
        " recall:   7.50%; FB1:   6.25\n",
        {
            ("accuracy", None): [(12.5, -1, -1, 1)],
            ("precision", None): [(5.25, -1, -1, 1)],
            ("recall", None): [(7.5, -1, -1, 1)],
            ("FB1", None): [(6.25, -1, -1, 1)],
        },
    ),
    "beside a clear name": (
        "2026-01-01 10:00:00,250 DEV : loss 0.75 - score 0.5\nLoss: 0.875, MeanIU:  0.25\n",
        {
            ("loss", "val"): [(0.75, -1, -1, 1)],
            ("score", "val"): [(0.5, -1, -1, 1)],
            ("Loss", None): [(0.875, -1, -1, 2)],
            ("MeanIU", None): [(0.25, -1, -1, 2)],
        },
    ),
    "two names of one kind": (
        "val Loss: 2.5 Top-1 Acc: 37.5 Top-5 Acc: 72.25\n",
        {
            ("val Loss", "val"): [(2.5, -1, -1, 1)],
            ("Top-1 Acc", "val"): [(37.5, -1, -1, 1)],
            ("Top-5 Acc", "val"): [(72.25, -1, -1, 1)],
        },
    ),
    "three splits": (
        "Epoch: 2, Steps: 9 | Train Loss: 0.5 Vali Loss: 0.75 Test Loss: 0.625\n",
        {
            ("Train Loss", "train"): [(0.5, -1, 2, 1)],
            ("Vali Loss", "val"): [(0.75, -1, 2, 1)],
            ("Test Loss", "test"): [(0.625, -1, 2, 1)],
        },
    ),
    "speech": (
        "Epoch : 1\nValidation CER  : 0.5\nValidation WER  : 1.25\n",
        {
            ("Validation CER", "val"): [(0.5, -1, 1, 2)],
            ("Validation WER", "val"): [(1.25, -1, 1, 3)],
        },
    ),
    "a validation that stays where it was": (
        "Epoch 1/9\n9/9 ━━━━━━━━━━━━━━━━━━━━ 1s 9ms/step - loss: 0.5 - val_acc: 0.75\n"
        "Epoch 2/9\n9/9 ━━━━━━━━━━━━━━━━━━━━ 1s 9ms/step - loss: 0.25 - val_acc: 0.75\n",
        {
            ("loss", None): [(0.5, 9, 1, 2), (0.25, 9, 2, 4)],
            ("val_acc", "val"): [(0.75, 9, 1, 2), (0.75, 9, 2, 4)],
        },
    ),
    "SlowFast": (
        'json_stats: {"_type": "val_epoch", "epoch": "2/90", "RAM": "14/31G", "top1_acc": 19.5}\n'
        'json_stats: {"_type": "train_epoch", "epoch": "3/90", "eta": "5:14:13", "loss": 2.5}\n',
        {
            ("top1_acc", "val"): [(19.5, -1, 2, 1)],
            ("loss", "train"): [(2.5, -1, 3, 2)],
        },
    ),
    "short words and verbs": (
        "  [tune] ep=2: loss=2.5 acc=75.5% lr=0.01\n"
        "Epoch 3, Step 50, total used time 14.5 (s), avg loss so far is 0.125\n"
        "Epoch 4, test mse is 0.25.\n",
        {
            ("loss", None): [(2.5, -1, 2, 1)],
            ("acc", None): [(75.5, -1, 2, 1)],
            ("avg loss", None): [(0.125, 50, 3, 2)],
            ("test mse", "test"): [(0.25, -1, 4, 3)],
        },
    ),
    "yolo's classes": (
        "      Epoch    GPU_mem   box_loss   cls_loss  Instances       Size\n"
        "        1/9      1.25G       1.5       2.25         12        640: 100%|##| 9/9"
        " [00:02<00:00,  4.5it/s]\n"
        "                 Class     Images  Instances      Box(P          R      mAP50"
        "  mAP50-95): 100%|##| 2/2 [00:01<00:00,  1.5it/s]\n"
        "                   all        452        526      0.875        0.5       0.75  0.625\n"
        "                  cats        452        300      0.125        0.5       0.75    0.5\n",
        {
            ("box_loss", None): [(1.5, 9, 1, 2)],
            ("cls_loss", None): [(2.25, 9, 1, 2)],
            ("P", "val"): [(0.875, -1, 1, 4)],
            ("R", "val"): [(0.5, -1, 1, 4)],
            ("mAP50", "val"): [(0.75, -1, 1, 4)],
            ("mAP50-95", "val"): [(0.625, -1, 1, 4)],
        },
    ),
    "table in percent": (
        "| Epoch | Train Loss | Train Acc (%) | Val Acc |\n|-----|-----|-----|-----|\n"
        "|     3 | 2.5        | 12.5          | 10.25%  |\n",
        {
            ("Train Loss", "train"): [(2.5, -1, 3, 3)],
            ("Train Acc (%)", "train"): [(12.5, -1, 3, 3)],
            ("Val Acc", "val"): [(10.25, -1, 3, 3)],
        },
    ),
    "rounds": (
        "Round 7, Global Loss: 0.25\n",
        {("Global Loss", None): [(0.25, 7, -1, 1)]},
    ),
    "records with a name": (
        "Epoch 2 val: {'loss': 0.5, 'acc': 0.75}\ntest {'loss': 0.25}\n"
        "done {'train_runtime': 9.5, 'train_loss': 0.125}\n",
        {
            ("loss", "val"): [(0.5, -1, 2, 1)],
            ("acc", "val"): [(0.75, -1, 2, 1)],
            ("loss", "test"): [(0.25, -1, 2, 2)],
        },
    ),
    "two ranks": (
        "[default0]:step 5 loss 0.5\n[default1]:step 5 loss 0.75\n",
        {("loss", None): [(0.5, 5, -1, 1), (0.75, 5, -1, 2)]},
    ),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_family(tmp_path: Path, family: str) -> None:
    text, expected = FAMILIES[family]
    assert told(read(tmp_path, text)) == expected


SAYS_NOTHING = [
    "Namespace(epochs=10, lr=0.1, loss='ce', val_acc=0.5)",
    "average_loss: 20",
    "cfg.OPTIMIZER.LOSS_WEIGHT: 2.0",
    "  'loss_weight': 1.0,",
    "saved to /data/run/epoch=3-val_loss=0.25.ckpt",
    "Best val acc: 0.93",
    "new best eval_acc: 0.6, save model to best.pt",
    "Sample: 3, Validation pixAcc: 0.9, mIoU: 0.1",
    "time: 3.2s, 12.5 it/s, 4 GB",
    "wandb: train/loss 0.25",
    "2026-01-01 10:00:00 INFO] Model is improving ppl: inf --> 1.25",
    "2026-01-01 10:00:00,250 - INFO - Epoch 2 - New best model saved with BLEU-2: 65.5",
    "  modèle enregistré (val_loss=2.75)",
    "trainer: task=x, mode=train, batch=9, time=None, iou=0.75, lrf=0.5, amp=True, box=7.5",
]


@pytest.mark.parametrize("line", SAYS_NOTHING)
def test_what_looks_like_a_metric_and_is_none(tmp_path: Path, line: str) -> None:
    found = read(tmp_path, line + "\n")
    assert found.curves == ()
    assert [each.why for each in found.skipped] == ["no line tells a metric"]


def test_best_so_far_is_no_new_value(tmp_path: Path) -> None:
    text = "epoch 1 val acc 0.5 best val acc 0.75\nin step 20 new best val_acc: 0.75\n"
    assert told(read(tmp_path, text)) == {("val acc", "val"): [(0.5, -1, 1, 1)]}


def test_values_that_are_no_single_number_are_listed(tmp_path: Path) -> None:
    found = read(tmp_path, "epoch 1 loss: 0.5\nloss: tensor([0.5, 0.25])\n")
    assert [(each.line, each.why) for each in found.skipped] == [(2, "loss is no single number")]


@pytest.mark.parametrize("wide", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16(tmp_path: Path, wide: str) -> None:
    path = tmp_path / "train.log"
    path.write_bytes(
        "epoch 1 loss 0.5 größer \U0001d4b3\r\nepoch 2 loss 0.25\r\nepoch 3".encode(wide)
    )
    found = printed.read(path)
    assert told(found) == {("loss", None): [(0.5, -1, 1, 1), (0.25, -1, 2, 2)]}
    assert printed.claims(path, path.read_bytes()) == curves.PERHAPS
    with path.open("ab") as file:
        file.write(" loss 0.125\r\n".encode("utf-16-be" if wide == "utf-16-be" else "utf-16-le"))
    assert told(printed.read(path, found.mark)) == {("loss", None): [(0.125, -1, 3, 3)]}


def test_latin1_colours_and_nul(tmp_path: Path) -> None:
    text = b"\xe9poque epoch 1 \x1b[32mVal Loss\x1b[0m: 0.5\n\x00\x00epoch 2 Val Loss: 0.25\n"
    assert told(read(tmp_path, text)) == {("Val Loss", "val"): [(0.5, -1, 1, 1), (0.25, -1, 2, 2)]}


def test_binary_and_empty_files_are_refused(tmp_path: Path) -> None:
    for data, why in ((bytes(range(32)) * 40, "the file is binary"), (b"", "the file is empty")):
        found = read(tmp_path, data)
        assert (found.curves, [each.why for each in found.skipped]) == ((), [why])
        assert printed.claims(tmp_path / "train.log", data) == curves.NO


def test_a_hole_in_a_log_is_passed(tmp_path: Path) -> None:
    text = b"epoch 1 loss 0.5\n" + bytes(5000) + b"epoch 2 loss 0.25\n"
    assert [row[0] for row in told(read(tmp_path, text))["loss", None]] == [0.5, 0.25]
    assert printed.claims(tmp_path / "train.log", text) == curves.PERHAPS
    assert printed.claims(tmp_path / "train.log", bytes(5000)) == curves.NO


def test_claims(tmp_path: Path) -> None:
    said = b"step 5 loss 0.5\n"
    assert printed.claims(tmp_path / "train.log", said) == curves.PERHAPS
    assert printed.claims(tmp_path / "train.py", said) == curves.NO
    assert printed.claims(tmp_path / "train.log", b"nothing here\n") == curves.NO
    long = b"nothing here\n" * 2000
    assert printed.claims(tmp_path / "train.log", long[: curves.HEAD_BYTES]) == curves.PERHAPS
    assert printed.claims(tmp_path / "notes", long[: curves.HEAD_BYTES]) == curves.NO


def test_a_log_is_found_by_the_registry(tmp_path: Path) -> None:
    path = tmp_path / "output.log"
    path.write_text("step 5 loss 0.5\n")
    found = reading.read(path)
    assert found is not None
    assert found.format == "text_log"


def test_a_line_without_any_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    text = b"step 1 loss 0.5\n" + b"x" * (5 << 20) + b" step 2 loss 0.25\nstep 3 loss 0.125\n"
    assert told(read(tmp_path, text)) == {("loss", None): [(0.5, 1, -1, 1), (0.125, 3, -1, 3)]}


def test_an_endless_bar_is_read_at_its_carriage_returns(tmp_path: Path) -> None:
    bar = "\r {0}%|##| {0}/90 [00:01<00:09, 9.0it/s, loss=0.{0}]" + " " * 40_000
    found = read(tmp_path, "".join(bar.format(step) for step in range(10, 90)) + "\r")
    assert [row[:2] for row in told(found)["loss", None]] == [
        (step / 100, step) for step in range(10, 90)
    ]


def test_last_line_without_an_end(tmp_path: Path) -> None:
    fixed = "".join(f"epoch {n} loss 0.{n}00\n" for n in range(1, 4))
    complete = read(tmp_path, fixed + "epoch 4 loss 0.400")
    assert told(complete)["loss", None][-1] == (0.4, -1, 4, 4)
    assert complete.mark is not None
    with (tmp_path / "train.log").open("a") as file:
        file.write("\nepoch 5 loss 0.500\n")
    assert told(printed.read(tmp_path / "train.log", complete.mark)) == {
        ("loss", None): [(0.5, -1, 5, 5)]
    }


def test_last_line_that_ends_with_the_same_whole_number(tmp_path: Path) -> None:
    log = "".join(f"epoch {n} loss 0.{n}, samples 90\n" for n in range(1, 4))
    assert told(read(tmp_path, log + "epoch 4 loss 0.4, samples 90"))["loss", None][-1][0] == 0.4
    assert len(told(read(tmp_path, log + "epoch 4 loss 0.4, samples 9"))["loss", None]) == 3


def test_last_line_of_a_log_that_was_left_alone(tmp_path: Path) -> None:
    """May be the only one of its form; a number that is shorter than all others is still torn."""
    for text, count in (
        ("epoch 1 loss 0.5\nepoch 2 loss 0.25\ndone, test loss 0.125", 1),
        ("loss 0.125\nloss 0.250\ntest loss 0.125 at", 1),
        ("test loss 0.125\ntest loss 0.250\ntest loss 0.3", 2),
        ("test loss 0.125 acc 0.5\nepoch 2\ntest loss 0.3", 1),
    ):
        path = tmp_path / "train.log"
        path.write_text(text)
        os.utime(path, (1.7e9, 1.7e9))
        assert len(told(printed.read(path))["test loss", "test"]) == count


def test_last_line_that_may_be_torn_is_left(tmp_path: Path) -> None:
    for begin, end in (
        ("epoch 1 loss 0.500\nepoch 2 loss 0.400\n", "epoch 3 loss 0.3"),
        ("epoch 1 loss 0.5\nepoch 2 loss 0.25\n", "epoch 3 loss 0.3"),
        ("epoch 1 loss 0.5 acc 0.5\nepoch 2 loss 0.4 acc 0.5\n", "epoch 3 loss 0.3"),
        ("loss 0.5 step 1\nloss 0.4 step 2\n", "loss 0.3 step 3"),
        ("", "epoch 1 loss 0.5"),
    ):
        found = read(tmp_path, begin + end)
        assert [row[3] for row in told(found).get(("loss", None), [])] == [1, 2][
            : begin.count("\n")
        ]
        assert (3 if begin else 1, "the line has no end yet") in [
            (each.line, each.why) for each in found.skipped
        ]
        assert found.mark is not None
        assert found.mark.offset == len(begin)


def test_many_lines_of_one_shape_keep_their_places(tmp_path: Path) -> None:
    lines = []
    for epoch in range(1, 40):
        lines.append(f"Epoch {epoch}/40")
        lines += [f"step {step} loss {epoch}.{step:02d}" for step in range(10)]
        lines.append(f"val acc: 0.{epoch:02d}")
    found = told(read(tmp_path, "\n".join(lines) + "\n"))
    assert found["val acc", "val"] == [
        (epoch / 100, -1, epoch, 12 * epoch) for epoch in range(1, 40)
    ]
    assert found["loss", None][:2] == [(1.0, 0, -1, 2), (1.01, 1, -1, 3)]
    assert len(found["loss", None]) == 390
