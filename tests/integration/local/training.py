"""A training without torch, written into the tests' projects: epochs, checkpoints, --resume.

What it does is steered by words on its command line, so that no test has to wait for a clock: at
`--gate N` it waits at the start of epoch N until the file `go-N` lies beside its diary. The diary
(outside of the run, so that nothing of ours touches it) has a line for each process and epoch.
"""

import argparse
import fcntl
import os
import signal
import sys
import time
import zipfile

OOM = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total"


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--diary", required=True)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--accum", type=int, default=1)
    parser.add_argument("--resume")
    parser.add_argument("--gate", type=int, action="append", default=[])
    parser.add_argument("--oom-above", type=int, default=10**9, help="batch sizes that do not fit")
    parser.add_argument("--die", default="", help="EPOCH:SIGNAL or EPOCH:exit-CODE, each time")
    parser.add_argument("--torn", type=int, default=0, help="dies while it writes this checkpoint")
    parser.add_argument("--ignore-term", action="store_true")
    return parser.parse_args()


def note(options, text):
    with open(os.path.join(options.diary, "diary"), "a") as diary:
        diary.write(f"{os.getpid()} {text}\n")


def alone(options):
    """Two processes of one run at a time: the worst that can happen."""
    lock = open(os.path.join(options.diary, "alone"), "w")  # noqa: SIM115 - held to the end
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        note(options, "SECOND PROCESS")
    return lock


def wait_at_gate(options, epoch):
    while epoch in options.gate and not os.path.exists(f"{options.diary}/go-{epoch}"):
        time.sleep(0.01)


def save(options, epoch):
    path = f"checkpoint-{epoch}.npz"
    torn = epoch == options.torn and not os.path.exists(f"{options.diary}/torn")
    with zipfile.ZipFile(path if torn else path + ".tmp", "w") as archive:
        archive.writestr("epoch", str(epoch))
        if torn:
            open(f"{options.diary}/torn", "w").close()
            archive.fp.flush()
            os.kill(os.getpid(), signal.SIGKILL)
    os.replace(path + ".tmp", path)


def resumed_epoch(options):
    if not options.resume:
        return 0
    with zipfile.ZipFile(options.resume) as archive:
        return int(archive.read("epoch"))


def die(options, epoch):
    at, _, how = options.die.partition(":")
    if how and int(at) == epoch:
        if how.startswith("exit-"):
            sys.exit(int(how[5:]))
        os.kill(os.getpid(), getattr(signal, how))


def main():
    options = arguments()
    if options.ignore_term:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    lock = alone(options)
    done = resumed_epoch(options)
    note(options, f"starts after {done} batch {options.batch_size} x {options.accum}")
    for epoch in range(done + 1, options.epochs + 1):
        wait_at_gate(options, epoch)
        die(options, epoch)
        if epoch > 1 and options.batch_size > options.oom_above:
            print(OOM, file=sys.stderr)
            sys.exit(1)
        print(f"epoch {epoch}/{options.epochs} loss {1 / epoch:.4f}", flush=True)
        save(options, epoch)
        note(options, f"epoch {epoch}")
    note(options, "ends")
    lock.close()


main()
