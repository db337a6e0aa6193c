"""A torch training on image files with loader workers, as people write them."""

import argparse
import os
import pathlib
import time

import torch
from PIL import Image


class Images(torch.utils.data.Dataset):
    def __init__(self, folder):
        left_out = pathlib.Path("exclude.txt")
        excluded = set(left_out.read_text().split("\n")) if left_out.exists() else set()
        self.paths = [str(p) for p in sorted(pathlib.Path(folder).glob("*.png"))]
        self.paths = [path for path in self.paths if path not in excluded]

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        with Image.open(self.paths[index]) as image:
            pixels = torch.tensor(list(image.convert("L").tobytes()), dtype=torch.float32) / 255
        return pixels, pixels.mean().unsqueeze(0)


def note_pid(number):
    pathlib.Path("worker.pid").write_text(str(os.getpid()))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--pause-s", type=float, default=0.02)
    parser.add_argument("--eat", action="store_true", help="memory, once, until somebody minds")
    parser.add_argument("--resume", default="")
    options = parser.parse_args()

    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = torch.nn.Linear(64, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=options.lr)
    first = 1
    if options.resume:
        state = torch.load(options.resume)
        model.load_state_dict(state["model"])
        first = state["epoch"] + 1
    loader = torch.utils.data.DataLoader(
        Images("data"),
        batch_size=options.batch_size,
        num_workers=options.workers,
        worker_init_fn=note_pid,
        persistent_workers=options.workers > 0,
    )
    os.makedirs("outputs", exist_ok=True)
    pathlib.Path("main.pid").write_text(str(os.getpid()))
    for epoch in range(first, options.epochs + 1):
        for step, (x, y) in enumerate(loader, 1):
            loss = torch.nn.functional.mse_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            place = f"epoch {epoch}/{options.epochs} step {step}/{len(loader)}"
            print(f"{place} loss {loss.item():.5g}", flush=True)
            time.sleep(options.pause_s)
        torch.save({"model": model.state_dict(), "epoch": epoch}, f"outputs/ckpt_{epoch}.pt")
        if options.eat and epoch == 2 and not options.resume:
            eaten = []
            while True:
                eaten.append(bytearray(8 << 20))
                time.sleep(0.01)


if __name__ == "__main__":
    main()
