"""An ordinary training of nothing but the standard library, for servers that have no packages.

It counts instead of learning: it prints epochs and losses, keeps checkpoints (zip files, as torch
writes them), resumes from one, and breaks where it is told to. `--count` records every start.
"""

import argparse
import os
import signal
import time
import zipfile


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--epoch-s", type=float, default=0.05)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--accum", type=int, default=1)
    parser.add_argument("--resume", default="")
    parser.add_argument("--die", type=int, default=0, help="SIGKILL to itself in this epoch")
    parser.add_argument("--oom", type=int, default=0, help="out of memory above this batch size")
    parser.add_argument("--wait-for", default="", help="hold at epoch 2 until this file is there")
    return parser.parse_args()


def save(epoch):
    os.makedirs("outputs", exist_ok=True)
    path = f"outputs/ckpt_{epoch}.pt"
    with zipfile.ZipFile(path + ".tmp", "w") as file:
        file.writestr("epoch", str(epoch))
    os.replace(path + ".tmp", path)


def main():
    options = parse()
    with open("starts", "a") as file:
        file.write(f"{os.getpid()}\n")
    first = 1
    if options.resume:
        with zipfile.ZipFile(options.resume) as file:
            first = int(file.read("epoch")) + 1
    for epoch in range(first, options.epochs + 1):
        if options.oom and options.batch_size > options.oom:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        if epoch == options.die and not options.resume:
            os.kill(os.getpid(), signal.SIGKILL)
        while epoch == 2 and options.wait_for and not os.path.exists(options.wait_for):
            time.sleep(0.02)
        time.sleep(options.epoch_s)
        print(f"epoch {epoch}/{options.epochs} loss {1.0 / epoch:.4f}", flush=True)
        save(epoch)


if __name__ == "__main__":
    main()
