"""The classes of failure in words: what each means, looks like, and how a person mends it.

What is done about them stands in `node/policy.py`. `docs/failures.md` is written from both.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from overnight.node import policy


class Kind(NamedTuple):
    """`meaning` is a sentence, `looks` what is seen of it, `mend` what a person does about it."""

    meaning: str
    looks: str
    mend: str


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "cuda_oom": Kind(
            "CUDA ran out of memory while the run was alone on the GPU.",
            "`CUDA out of memory. Tried to allocate …`, `CUBLAS_STATUS_ALLOC_FAILED`, "
            "`RESOURCE_EXHAUSTED` of JAX, `OOM when allocating tensor` of TensorFlow.",
            "a smaller batch, sequence or image, or gradient checkpointing; [knobs] micro_batch "
            "and "
            "accumulation where no smaller variant was known",
        ),
        "gpu_contention": Kind(
            "CUDA ran out of memory because somebody else's process holds it.",
            "The same messages, while the driver's table or the message itself shows memory of "
            "processes that are not the run's.",
            "another GPU or server (`overnight gpus`), or a word with who uses this one",
        ),
        "host_oom": Kind(
            "The machine ran out of memory.",
            "The kernel's `oom_kill` counters; a loader worker that was killed; `MemoryError`; "
            "`DefaultCPUAllocator: can't allocate memory`; Slurm's `oom_kill event`.",
            "fewer loader workers ([knobs] workers lets a repair do it), a smaller cache, or more "
            "memory",
        ),
        "nccl": Kind(
            "Communication between GPUs failed.",
            "A collective that failed or timed out on a rank while no rank says why. Where another "
            "rank says why, that is the class.",
            'set variables = { NCCL_DEBUG = "INFO" } for the next time, and look at the first rank '
            "that fell silent",
        ),
        "bad_sample": Kind(
            "A file of the data set cannot be read.",
            "`cannot identify image file`, `image file is truncated`, a decoder's error inside a "
            "loader worker that names a file.",
            "repair or remove the file; [knobs] exclude lets a repair leave it out",
        ),
        "nan": Kind(
            "The loss is no longer finite.",
            "Several training losses on end that are NaN or infinite, as printed or in "
            "`metrics.jsonl`; an assertion about them.",
            "a lower learning rate, gradient clipping, or a look at the batch at the step named",
        ),
        "hang": Kind(
            "No progress for much longer than usual.",
            "Neither a step, nor output, nor growing files for several times what was learnt of "
            "this run; stacks and wait channels of all ranks are kept before it is ended.",
            "look at processes.txt and last-lines.txt in the attempt's folder for who waited where",
        ),
        "preempted": Kind(
            "Ended from outside: a signal, preemption, a reboot, lost processes.",
            "SIGTERM or SIGKILL that the kernel's memory counters do not explain, a time limit, a "
            "boot id that has changed (`reboot`), processes gone without a record (`lost`).",
            "declare checkpoints and how to resume, so that little is lost",
        ),
        "network": Kind(
            "A download or a tracking service failed.",
            "Timed-out or refused connections, HTTP 5xx and 429, a name that does not resolve, "
            "outputs that grow more slowly than [watch] min_growth_mib_s.",
            "fetch what is needed once and work offline, or log in where a node has internet",
        ),
        "cuda_fault": Kind(
            "Illegal access, ECC, Xid, or the GPU is gone.",
            "`an illegal memory access was encountered`, `uncorrectable ECC error`, `GPU has "
            "fallen "
            "off the bus`, device-side asserts, Xid lines of the driver.",
            "tell the administrator which GPU it was; on every GPU alike it is the code: "
            "CUDA_LAUNCH_BLOCKING=1 names the line",
        ),
        "port_in_use": Kind(
            "The rendezvous port is taken.",
            "`EADDRINUSE`, `Address already in use` when a process group or server starts.",
            "another port, or [knobs] port so that a repair can turn it",
        ),
        "disk_full": Kind(
            "No space left, or the quota is used up.",
            "`No space left on device`, `Disk quota exceeded`, a torn write of a checkpoint on a "
            "full disk.",
            "free some space: `overnight doctor` says how much is there",
        ),
        "shm": Kind(
            "Shared memory (`/dev/shm`) is too small.",
            "`Bus error` of a loader worker, `insufficient shared memory (shm)`, a full "
            "`/dev/shm`.",
            "fewer loader workers, or a larger --shm-size of the container",
        ),
        "permission": Kind(
            "A file may not be read or written.",
            "`Permission denied`, `Read-only file system`.",
            "change the file's mode or the path, then resume",
        ),
        "auth": Kind(
            "A login or token was refused.",
            "HTTP 401 and 403, gated models, a missing API key.",
            "set the token in your shell and name it in secrets under [project]; `overnight login` "
            "brings it to the server",
        ),
        "missing_file": Kind(
            "A file does not exist.",
            "`FileNotFoundError`, `No such file or directory`.",
            "links under [project] leads a name of the project to data on the server",
        ),
        "missing_module": Kind(
            "A Python module does not exist.",
            "`ModuleNotFoundError`, `cannot import name`.",
            "install it in the environment that env under [project] names",
        ),
        "config": Kind(
            "The training does not accept its arguments.",
            "`unrecognized arguments`, errors of Hydra and of configuration files, an environment "
            "that does not activate.",
            "mend the command or the file named",
        ),
        "shape": Kind(
            "Tensors of different shapes met.",
            "`mat1 and mat2 shapes cannot be multiplied`, `size of tensor a must match`.",
            "mend the model or the data; another attempt would end alike",
        ),
        "checkpoint": Kind(
            "A checkpoint cannot be loaded.",
            "`PytorchStreamReader failed`, `Error(s) in loading state_dict`, a file that ends "
            "early.",
            "resume from another one, or mend the model it belongs to",
        ),
        "driver": Kind(
            "The driver and CUDA do not fit together.",
            "`CUDA driver version is insufficient`, `no kernel image is available`, "
            "`Driver/library version mismatch`.",
            "a build for this driver; after an update of the driver, a reboot by the administrator",
        ),
        "code": Kind(
            "An ordinary Python error.",
            "A traceback that none of the other classes explains; a segmentation fault.",
            "mend the code, then the same command again: a new snapshot is a new run",
        ),
        "interrupted": Kind(
            "Somebody pressed Ctrl-C or stopped it.",
            "`KeyboardInterrupt`, SIGINT.",
            "nothing went wrong",
        ),
        "unknown": Kind(
            "None of the others.",
            "An end without words that tell.",
            "read the end of the output",
        ),
    }
)

ACTIONS: Mapping[str, str] = MappingProxyType(
    {
        "next_variant": "the next batch variant computed before the launch, with the same "
        "effective "
        "batch size, from the newest valid checkpoint; where only a batch is left that would "
        "change it, a person is asked",
        "resume": "goes on from the newest valid checkpoint",
        "retry": "tries the same again after a pause that grows from 10 s to 10 min",
        "move": "goes on with other GPUs of the same server, or waits until some are free",
        "exclude": "adds the file to the exclusion list that the project declares, then "
        "resumes; the "
        "result says so",
        "shrink": "like next_variant, also with a batch that changes the effective batch size",
        "rollback": "goes back to a checkpoint from before the loss went wrong, with the learning "
        "rate or clipping consented to",
        policy.ASK: "waits for a person, with the question and the commands that answer it",
        policy.STOP: "stops and reports",
        policy.NONE: "nothing",
    }
)


def of(name: str) -> Kind:
    """Also of the names that overnight.toml does not know, and of those of a newer node."""
    return KINDS.get(policy.SPOKEN_OF_AS.get(name, name), KINDS["unknown"])


def default_line(name: str) -> str:
    """What the default policy does about a class, and how often."""
    rule = policy.DEFAULTS[name]
    said = f"`{rule.action}`: {ACTIONS[rule.action]}"
    if rule.action not in policy.AUTOMATIC:
        return said
    if rule.limit is None:
        return f"{said}; as often as there is progress"
    times = {1: "once", 2: "twice"}.get(rule.limit, f"{rule.limit} times")
    return f"{said}; at most {times} for one root cause"
