"""A distributed torch training over gloo, for torchrun."""

import argparse
import datetime
import os
import pathlib
import time

import torch
import torch.distributed as dist


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--hang", action="store_true", help="rank 1 falls asleep, once")
    parser.add_argument("--fail", action="store_true", help="rank 1 raises an error")
    parser.add_argument("--gate", default="", help="begins when this file is there")
    parser.add_argument("--timeout-s", type=float, default=8.0)
    parser.add_argument("--resume", default="")
    options = parser.parse_args()

    torch.set_num_threads(1)
    dist.init_process_group("gloo", timeout=datetime.timedelta(seconds=options.timeout_s))
    rank = dist.get_rank()
    pathlib.Path(f"rank{rank}.pid").write_text(str(os.getpid()))
    while options.gate and not os.path.exists(options.gate):
        time.sleep(0.01)
    model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(8, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    first = 1
    if options.resume:
        state = torch.load(options.resume)
        model.module.load_state_dict(state["model"])
        first = state["epoch"] + 1
    os.makedirs("outputs", exist_ok=True)
    for epoch in range(first, options.epochs + 1):
        if options.hang and rank == 1 and epoch == 4 and not options.resume:
            time.sleep(10_000)
        if options.fail and rank == 1 and epoch == 4:
            raise KeyError("sample 17 has no label")
        x = torch.randn(16, 8)
        loss = ((model(x) - x.sum(dim=1, keepdim=True)) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if rank == 0:
            print(f"epoch {epoch}/{options.epochs} loss {loss.item():.4f}", flush=True)
            torch.save({"model": model.module.state_dict(), "epoch": epoch}, f"outputs/e{epoch}.pt")
        dist.barrier()
        time.sleep(0.25)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
