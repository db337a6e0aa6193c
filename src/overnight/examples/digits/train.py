"""A small real training: a two-layer network in numpy on scikit-learn's handwritten digits.

It knows nothing of overnight. It prints its progress, writes metrics.jsonl and a checkpoint after
every epoch, and can resume. `--fault` breaks it on purpose, for the demo and the tests:
`oom:N` raises torch's out-of-memory message in epoch N while the micro-batch is above 32;
`kill:N` sends SIGKILL to itself in epoch N, once.
"""

import argparse
import json
import os
import signal
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--accum", type=int, default=1, help="micro-batches in one update")
    parser.add_argument("--lr", type=float, default=0.3)
    parser.add_argument("--hidden", type=int, default=1024)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", help="a checkpoint to go on from")
    parser.add_argument("--output", default="outputs")
    parser.add_argument("--fault", default="", help="oom:N or kill:N")
    return parser.parse_args()


def load_data():
    """Pixels in 0..1 and labels: 1,437 for training, 360 for validation."""
    digits = load_digits()
    order = np.random.default_rng(12345).permutation(len(digits.target))
    pixels, labels = digits.data[order] / 16.0, digits.target[order]
    return pixels[:1437], labels[:1437], pixels[1437:], labels[1437:]


def new_weights(rng, hidden):
    return {
        "w1": rng.normal(0, 0.125, (64, hidden)),
        "b1": np.zeros(hidden),
        "w2": rng.normal(0, hidden**-0.5, (hidden, 10)),
        "b2": np.zeros(10),
    }


def forward(weights, pixels):
    hidden = np.maximum(0.0, pixels @ weights["w1"] + weights["b1"])
    logits = hidden @ weights["w2"] + weights["b2"]
    logits -= logits.max(axis=1, keepdims=True)
    exponentials = np.exp(logits)
    return hidden, exponentials / exponentials.sum(axis=1, keepdims=True)


def gradients(weights, pixels, labels):
    """The mean cross-entropy of the batch, and the gradient of its sum."""
    hidden, chances = forward(weights, pixels)
    rows = np.arange(len(labels))
    loss = -np.log(chances[rows, labels] + 1e-12).mean()
    error = chances
    error[rows, labels] -= 1.0
    back = (error @ weights["w2"].T) * (hidden > 0)
    return loss, {
        "w1": pixels.T @ back,
        "b1": back.sum(axis=0),
        "w2": hidden.T @ error,
        "b2": error.sum(axis=0),
    }


def train_epoch(weights, pixels, labels, order, options):
    """One pass; an update follows every `accum` micro-batches. The mean loss."""
    losses = []
    total, seen = {}, 0
    for number, start in enumerate(range(0, len(order), options.batch_size), 1):
        chosen = order[start : start + options.batch_size]
        loss, found = gradients(weights, pixels[chosen], labels[chosen])
        losses.append(loss)
        total = {name: total.get(name, 0.0) + found[name] for name in found}
        seen += len(chosen)
        if number % options.accum == 0 or start + options.batch_size >= len(order):
            for name in weights:
                weights[name] -= options.lr * total[name] / seen
            total, seen = {}, 0
    return float(np.mean(losses))


def break_on_purpose(fault, epoch, batch_size, resumed):
    kind, _, number = fault.partition(":")
    if not kind or epoch != int(number):
        return
    if kind == "oom" and batch_size > 32:
        raise RuntimeError(
            "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.15 "
            "GiB of which 1.11 GiB is free. (this fault was injected by --fault)"
        )
    if kind == "kill" and not resumed:
        print("this fault was injected by --fault: SIGKILL to itself", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)


def save(folder, epoch, weights):
    """A checkpoint after each epoch; the last three are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / f"checkpoint-{epoch:03d}.npz", epoch=epoch, **weights)
    (folder / f"checkpoint-{epoch - 3:03d}.npz").unlink(missing_ok=True)


def main():
    options = parse_arguments()
    train_pixels, train_labels, test_pixels, test_labels = load_data()
    weights = new_weights(np.random.default_rng(options.seed), options.hidden)
    done = 0
    if options.resume:
        stored = dict(np.load(options.resume))
        done = int(stored.pop("epoch"))
        weights = stored
        print(f"resumed after epoch {done} from {options.resume}", flush=True)
    for epoch in range(done + 1, options.epochs + 1):
        break_on_purpose(options.fault, epoch, options.batch_size, bool(options.resume))
        order = np.random.default_rng([options.seed, epoch]).permutation(len(train_labels))
        loss = train_epoch(weights, train_pixels, train_labels, order, options)
        correct = forward(weights, test_pixels)[1].argmax(axis=1) == test_labels
        accuracy = 100.0 * float(correct.mean())
        save(Path(options.output), epoch, weights)
        with open("metrics.jsonl", "a") as file:
            for split, name, value in (("train", "loss", loss), ("val", "acc", accuracy)):
                row = {"epoch": epoch, "split": split, name: value}
                file.write(json.dumps(row) + "\n")
        line = f"epoch {epoch}/{options.epochs} loss {loss:.4f} val_acc {accuracy:.2f}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
