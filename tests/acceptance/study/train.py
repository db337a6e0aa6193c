"""An ordinary torch training on scikit-learn's handwritten digits: it knows nothing of overnight.

The images are noisy and few, so that seeds differ and a wide network can learn them by heart.
`--fault oom:N` raises torch's out-of-memory error in epoch N while the batch is above 32.
"""

import argparse
import csv
import os

import torch
from sklearn.datasets import load_digits


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--accum", type=int, default=1)
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--subset", type=int, default=600, help="training images")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", default="")
    parser.add_argument("--output-dir", default="outputs")
    parser.add_argument("--fault", default="")
    return parser.parse_args()


def load_data(subset):
    """Pixels with noise and labels; the split and the noise are the same for all seeds."""
    digits = load_digits()
    fixed = torch.Generator().manual_seed(1234)
    order = torch.randperm(len(digits.target), generator=fixed)
    pixels = torch.tensor(digits.data, dtype=torch.float32)[order] / 16.0
    pixels += 0.35 * torch.randn(pixels.shape, generator=fixed)
    labels = torch.tensor(digits.target)[order]
    return (pixels[:subset], labels[:subset]), (pixels[1000:], labels[1000:])


def train_epoch(model, optimizer, pixels, labels, options):
    model.train()
    order, losses = torch.randperm(len(labels)), []
    for number, rows in enumerate(order.split(options.batch_size), 1):
        loss = torch.nn.functional.cross_entropy(model(pixels[rows]), labels[rows])
        (loss / options.accum).backward()
        losses.append(loss.item())
        if number % options.accum == 0:
            optimizer.step()
            optimizer.zero_grad()
    return sum(losses) / len(losses)


@torch.no_grad()
def evaluate(model, pixels, labels):
    model.eval()
    logits = model(pixels)
    loss = torch.nn.functional.cross_entropy(logits, labels).item()
    return loss, 100.0 * (logits.argmax(dim=1) == labels).float().mean().item()


def main():
    options = parse_arguments()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    train, val = load_data(options.subset)
    model = torch.nn.Sequential(
        torch.nn.Linear(64, options.hidden),
        torch.nn.ReLU(),
        torch.nn.Dropout(options.dropout),
        torch.nn.Linear(options.hidden, 10),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=options.lr, momentum=0.9)
    done = 0
    if options.resume:
        state = torch.load(options.resume)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        done = state["epoch"]
    os.makedirs(options.output_dir, exist_ok=True)
    fault, _, at = options.fault.partition(":")
    with open(f"{options.output_dir}/log.csv", "a", newline="") as file:
        table = csv.writer(file)
        if not done:
            table.writerow(["epoch", "train_loss", "val_loss", "val_acc"])
        for epoch in range(done + 1, options.epochs + 1):
            if fault == "oom" and epoch == int(at) and options.batch_size > 32:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            loss = train_epoch(model, optimizer, *train, options)
            val_loss, val_acc = evaluate(model, *val)
            table.writerow([epoch, loss, val_loss, val_acc])
            file.flush()
            print(
                f"epoch {epoch}/{options.epochs} loss {loss:.4f} "
                f"val_loss {val_loss:.4f} val_acc {val_acc:.2f}",
                flush=True,
            )
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            torch.save({**state, "epoch": epoch}, f"{options.output_dir}/ckpt_{epoch}.pt")


if __name__ == "__main__":
    main()
