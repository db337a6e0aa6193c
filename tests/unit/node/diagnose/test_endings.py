"""Ends that are no failure, and those that somebody wanted."""

from __future__ import annotations

import pytest

from tests.unit.node.diagnose import logs

OOM = "RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB\n"


@pytest.mark.parametrize(
    "last",
    [
        "Training complete in 3m 10s\n",
        "{'train_runtime': 20.2, 'train_loss': 0.4, 'epoch': 3.0}\n",
        "`Trainer.fit` stopped: `max_epochs=3` reached.\n",
        "wandb: Run summary:\nwandb: loss 0.5\nwandb: Find logs at: ./wandb/run-1/logs\n",
        "20 epochs completed in 1.234 hours.\nResults saved to runs/train/exp\n",
        "[INFO] [launch.py:347:main] Process 42 exits successfully.\n",
        "Final test accuracy: 0.91\n",
        "epoch 20/20 step 99/100 loss 0.1\nepoch 20/20 step 100/100 loss 0.1\n",
    ],
)
def test_finished(last: str) -> None:
    """What frameworks print at a good end, with no exit code known."""
    assert logs.kind(logs.progress() + last) == "finished"


@pytest.mark.parametrize(
    "log",
    [
        logs.progress(),
        "Epoch 3:  45%|####5     | 45/100 [00:10<00:12,  4.4it/s, loss=1.2]\r",
        logs.progress() + "Saved checkpoint to outputs/3.pt\n",
        "Loading data\nnumber of parameters: 12M\n",
        logs.progress(1, 1) + "epoch 1 done\n",
    ],
)
def test_running(log: str) -> None:
    """It just stops, as a log does that is read while it grows."""
    assert logs.kind(log) == "running"


@pytest.mark.parametrize(
    "frightening",
    [
        OOM,
        logs.raising(OOM),
        "error rate 0.76  failed predictions: 121  fatal errors: 0\n",
        "wandb: Network error (ConnectionError), entering retry loop.\n",
        "WARNING: cannot identify image file 'a.png', skipping\n",
        "NCCL WARN Call to connect failed: Connection refused\n",
        "Detected 1 oom_kill event, said nobody\n",
        logs.raising("ConnectionError: Max retries exceeded with url: /graphql"),
    ],
)
def test_a_healthy_training_that_frightens(frightening: str) -> None:
    """It prints what looks like a failure, and goes on."""
    log = logs.progress(1, 3) + frightening + logs.progress(4, 6)
    assert logs.kind(log, exit_code=0) == "finished"
    assert logs.kind(log) == "running"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2024-01-01 DUE TO TIME LIMIT ***",
            "preempted",
        ),
        (
            "slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2024-01-01 DUE TO PREEMPTION ***",
            "preempted",
        ),
        ("=>> PBS: job killed: walltime 3600 exceeded limit 3600", "preempted"),
        ("run.sh: line 3: 42 Terminated              python train.py", "preempted"),
        ("[rank: 0] Received SIGTERM: 15", "preempted"),
        ("^C", "interrupted"),
        ("Detected KeyboardInterrupt, attempting graceful shutdown ...", "interrupted"),
    ],
)
def test_ends_that_come_from_outside(line: str, expected: str) -> None:
    """Schedulers, shells and people, with no exit code known."""
    assert logs.kind(f"{logs.progress()}{line}\n") == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Received SIGTERM, saving a checkpoint and leaving", "preempted"),
        ("Interrupted by user (Ctrl+C), saving", "interrupted"),
    ],
)
def test_a_handler_may_end_with_exit_code_0(line: str, expected: str) -> None:
    """Such a run is not finished."""
    assert logs.kind(f"{logs.progress()}{line}\nSaved a.pt\n", exit_code=0) == expected
    assert logs.kind(f"{logs.progress()}{line}\n{logs.progress(4, 9)}", exit_code=0) == "finished"
