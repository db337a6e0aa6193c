"""An ordinary torch training, as people write them: it knows nothing of overnight."""

import argparse
import os
import signal

import torch


def batches(batch_size, generator):
    inputs = torch.randn(512, 16, generator=generator)
    targets = inputs.sum(dim=1, keepdim=True)
    for start in range(0, len(inputs), batch_size):
        yield inputs[start : start + batch_size], targets[start : start + batch_size]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--accumulation-steps", type=int, default=1)
    parser.add_argument("--resume", default="")
    parser.add_argument("--output-dir", default="outputs")
    parser.add_argument("--break", dest="fault", default="")
    options = parser.parse_args()

    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(16, 32), torch.nn.ReLU(), torch.nn.Linear(32, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    first = 1
    if options.resume:
        state = torch.load(options.resume)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        first = state["epoch"] + 1
    os.makedirs(options.output_dir, exist_ok=True)
    for epoch in range(first, options.epochs + 1):
        if options.fault == "kill" and epoch == 4 and not options.resume:
            os.kill(os.getpid(), signal.SIGKILL)
        if options.fault == "oom" and epoch == 3 and options.batch_size > 16:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        total = 0.0
        for number, (x, y) in enumerate(batches(options.batch_size, torch.Generator()), 1):
            loss = torch.nn.functional.mse_loss(model(x), y)
            (loss / options.accumulation_steps).backward()
            if number % options.accumulation_steps == 0:
                optimizer.step()
                optimizer.zero_grad()
            total += loss.item()
        print(f"Epoch {epoch}/{options.epochs} - loss: {total / number:.4f}", flush=True)
        torch.save(
            {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch},
            f"{options.output_dir}/ckpt_{epoch}.pt",
        )


if __name__ == "__main__":
    main()
