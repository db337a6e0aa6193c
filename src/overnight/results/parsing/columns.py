"""What the columns of a table (the keys of a row) are, by their names: axes, metrics, or neither.

Pure. Only names are looked at, so that the same row means the same wherever a file was cut.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# In this order: where a file has several, the first one is the axis.
_STEPS = _words(
    "global_step step iteration iter current_steps steps iterations iters timestep timesteps "
    "total_timesteps time_total_timesteps trainer_global_step globalstep current_step "
    "train_step training_step itr it timesteps_total total_num_steps num_env_steps env_steps "
    "env_step num_timesteps agent_timesteps_total total_steps_trained update updates n_updates "
    "nupdates num_updates num_steps n_iter n_step frames frame batch_idx minibatch"
)
# Counts of something else than optimizer steps, where nothing better is there.
_ROUNDS = _words("episode episodes ep round rounds generation gen trial_number unnamed_0 index")
_EPOCHS = _words(
    "epoch epochs current_epoch trainer_epoch epoch_num epoch_number epoch_idx epoch_index "
    "epoch_id n_epoch num_epoch ep_num"
)
_TIMES = _words(
    "time timestamp wall_time walltime unix_time unixtime created_at datetime date_time date "
    "logged_at ts"
)
_SPLITS = ["split", "mode", "phase", "subset", "stage", "partition"]

_IDS = frozenset(
    _words(
        "id uid uuid run run_id run_name experiment exp exp_name name trial trial_id trial_name "
        "rank local_rank world_size pid host hostname node_ip hash commit sha git_hash date tag "
        "job_id checkpoint file path version"
    )
)
_CONFIGURATION = frozenset(
    _words(
        "seed random_seed total_steps max_steps max_iters num_epochs total_epochs max_epochs "
        "num_train_epochs n_epochs epochs_total batch_size train_batch_size micro_batch_size bs "
        "num_workers hidden_size hidden_dim n_layers num_layers patience config args num_params "
        "params n_params total_params percentage progress img_size image_size imgsz world_size "
        "logging_steps save_steps eval_steps warmup_steps n_parameters num_parameters"
    )
)
_TIME_WORDS = frozenset(
    [
        "time",
        "runtime",
        "eta",
        "elapsed",
        "duration",
        "seconds",
        "secs",
        "sec",
        "ms",
        "hours",
        "minutes",
        "fps",
        "flos",
        "flops",
        "walltime",
        "timestamp",
        "remaining",
    ]
)
_MEMORY = frozenset(
    _words(
        "memory mem gpu_mem gpu_memory max_mem max_memory memory_gb memory_mb gpu_mem_gb "
        "peak_vram_mb vram peak_memory ram peak_mem_gb"
    )
)
_SETTINGS = ("config/", "args/", "hparams/", "hyperparameters/", "settings/")
_TIME_BEGINNINGS = frozenset(("eta", "elapsed", "remaining"))
_SPEED = re.compile(r"(per_sec(ond)?|_per_s|tokens_s|it_s|samples_s|throughput|time_[a-z_]*_s)$")


_COUNT = re.compile(r"(train|eval|test|predict|num|n|total|seen)_samples")


@dataclass(frozen=True)
class Plan:
    """Places of the columns (None: there is none). `metrics`: place and name as written.

    `passed`: names that are no metrics, with why. `whole_time` says that the time may be text.
    """

    step: int | None
    epoch: int | None
    time: int | None
    split: int | None
    metrics: tuple[tuple[int, str], ...]
    passed: tuple[tuple[str, str], ...]


def plain(name: str) -> str:
    """`Trainer/Global Step` -> `trainer_global_step`."""
    return re.sub(r"[^0-9a-z]+", "_", name.lower()).strip("_")


@lru_cache(maxsize=512)
def plan(names: tuple[str, ...]) -> Plan:
    """What each of the named columns is."""
    words = [plain(name) for name in names]
    epoch = _first(words, _EPOCHS)
    step = _first(words, _STEPS)
    if step is None:
        step = _first(words, _ROUNDS if epoch is None else _ROUNDS[:2])
    if step is None and epoch is None and words and not names[0].strip() and len(names) > 1:
        step = 0  # the index column of a data frame has no name
    time, split = _first(words, _TIMES), _first(words, _SPLITS)
    axes = {step, epoch, time, split}
    others = [(place, name) for place, name in enumerate(names) if place not in axes]
    refused = {place: why for place, name in others if (why := no_metric(name))}
    return Plan(
        step=step,
        epoch=epoch,
        time=time,
        split=split,
        metrics=tuple((place, name) for place, name in others if place not in refused),
        passed=tuple((name, refused[place]) for place, name in others if place in refused),
    )


def _first(words: Sequence[str], wanted: Sequence[str]) -> int | None:
    found = [word for word in wanted if word in words]
    return words.index(found[0]) if found else None


def no_metric(name: str) -> str | None:
    """Why a column of this name holds no metric; None where it may."""
    word = plain(name)
    last = word.rsplit("_", 1)[-1]
    if not word or word in _IDS or word.endswith("_id"):
        return "an id"
    if word in _CONFIGURATION or name.lower().startswith(_SETTINGS):
        return "configuration"
    if _COUNT.fullmatch(word):
        return "a count"
    if name.endswith(("__MIN", "__MAX")):
        return "the spread of another column"
    if word in _MEMORY:
        return "memory"
    is_time = last in _TIME_WORDS or word.split("_", 1)[0] in _TIME_BEGINNINGS
    if is_time or name.lower().startswith(("time/", "timers/", "perf/")) or _SPEED.search(word):
        return "a time or a speed"
    if word in _STEPS or word in _EPOCHS or word in _ROUNDS or word in _TIMES:
        return "another axis"
    return None
