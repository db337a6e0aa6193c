"""A training of nothing but the standard library: gradient descent on a bowl, with a warm-up.

It reads its configuration, writes checkpoints (zip files, as torch does) and metrics, resumes from
a checkpoint, and dies once, in the sixth epoch of the smallest learning rate.
"""

import argparse
import json
import os
import random
import re
import signal
import time
import zipfile


def read_config(path):
    with open(path) as file:
        return dict(re.findall(r"^\s*(\w+): ([\d.e+-]+)", file.read(), re.MULTILINE))


def save(epoch, weight):
    path = f"outputs/epoch_{epoch}.pt"
    with zipfile.ZipFile(path + ".tmp", "w") as file:
        file.writestr("state.json", json.dumps({"epoch": epoch, "weight": weight}))
    os.replace(path + ".tmp", path)


def load(path):
    with zipfile.ZipFile(path) as file:
        state = json.loads(file.read("state.json"))
    return state["epoch"], state["weight"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", required=True)
    parser.add_argument("--resume", default="")
    options = parser.parse_args()
    config = read_config(options.config)
    epochs, warmup = int(config["epochs"]), int(config["warmup"])
    os.makedirs("outputs", exist_ok=True)
    noise = random.Random(config["seed"])
    epoch, weight = load(options.resume) if options.resume else (0, 1.0)
    while epoch < epochs:
        epoch += 1
        for step in range((epoch - 1) * 500, epoch * 500):
            rate = float(config["lr"]) * min(1.0, (step + 1) / warmup)
            weight -= rate * (weight + noise.gauss(0.0, 0.01))
        accuracy = 100.0 * (1.0 - abs(weight))
        time.sleep(0.2)
        print(f"epoch {epoch}/{epochs} loss {weight**2:.5f} val_acc {accuracy:.3f}", flush=True)
        with open("outputs/metrics.jsonl", "a") as file:
            file.write(json.dumps({"epoch": epoch, "loss": weight**2, "val_acc": accuracy}) + "\n")
        save(epoch, weight)
        if epoch == 6 and float(config["lr"]) == 3e-4 and not options.resume:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
