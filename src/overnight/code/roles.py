"""Which option is the micro-batch, which the accumulation, and so on: by name.

Names are compared in one form (`--batch-size`, `batch_size` and `batchSize` are the same). Lists
are in the order of preference.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from overnight.code.options import Kind, Option

_MICRO_BATCH = (
    "train_micro_batch_size_per_gpu",
    "micro_batch_size", "micro_batch", "microbatch_size", "device_batch_size",
    "per_device_train_batch_size", "per_device_batch_size", "per_gpu_train_batch_size",
    "batch_size_per_gpu", "batch_size_per_device", "train_batch_size", "batch_size_train",
    "batch_size", "batchsize", "train_batch", "train_bs", "bs", "batch", "bsz",
)  # fmt: skip
_TOTAL_BATCH = (
    "total_batch_size", "global_batch_size", "effective_batch_size", "batch_size", "total_batch",
)  # fmt: skip
_ACCUMULATION = (
    "gradient_accumulation_steps", "grad_accumulation_steps", "gradient_accumulation",
    "grad_accum_steps", "grad_acc_steps", "accumulate_grad_batches", "accumulation_steps",
    "accum_grad_batches", "accum_steps", "acc_steps", "grad_accum", "grad_accumulation",
    "accumulation", "accum_iter", "accum_freq", "accum", "accumulate", "update_freq", "ga_steps",
    "iters_to_accumulate", "gradient_accumulate_every", "grad_accumulate",
)  # fmt: skip
_WORKERS = (
    "dataloader_num_workers", "num_workers", "n_workers", "nworkers", "num_data_workers",
    "data_workers", "loader_workers", "dataloader_workers", "num_loader_workers", "workers",
)  # fmt: skip
_LEARNING_RATE = ("learning_rate", "lr", "base_lr", "init_lr", "initial_lr", "max_lr")
_CLIP = (
    "max_grad_norm", "gradient_clip_val", "grad_clip_norm", "clip_grad_norm", "gradient_clipping",
    "gradient_clip", "grad_clip", "clip_grad", "clip_norm", "max_norm", "clip",
)  # fmt: skip
_PORT = ("master_port", "main_process_port", "dist_port", "ddp_port", "rdzv_port")
_EPOCHS = (
    "num_train_epochs", "max_epochs", "epochs", "num_epochs", "n_epochs", "nepochs", "train_epochs",
    "total_epochs", "max_epoch", "epoch", "nb_epochs", "num_epoch", "n_epoch",
)  # fmt: skip
_STEPS = (
    "max_steps", "max_iters", "num_iterations", "num_steps", "num_train_steps", "train_steps",
    "total_steps", "n_steps", "max_train_steps", "iterations", "max_iter", "num_iters", "n_iters",
    "total_iters", "max_step", "steps", "iters", "training_steps",
)  # fmt: skip
_OUTPUT = (
    "output_dir", "out_dir", "outdir", "output_path", "output_folder", "output", "save_dir",
    "savedir", "save_path", "save_folder", "results_dir", "result_dir", "log_dir", "logdir", "logs",
    "exp_dir", "run_dir", "work_dir", "workdir", "checkpoints_dir", "checkpoint_dir", "ckpt_dir",
    "experiment_dir", "default_root_dir", "save_root", "log_path", "logs_dir", "project",
    "outf", "save",
)  # fmt: skip
_CONFIG = (
    "config", "cfg", "config_file", "config_path", "conf", "cfg_file", "yaml", "config_yaml",
)  # fmt: skip
_NOT_TRAINING = {"val", "valid", "validation", "test", "eval", "predict", "inference", "sample"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Choice:
    """`others` would have done as well: the same name in other parts of a configuration."""

    option: Option
    others: tuple[Option, ...] = ()


def _pick(options: Iterable[Option], names: Sequence[str], kinds: Sequence[Kind]) -> Choice | None:
    usable = [option for option in options if option.kind in kinds and _is_flag(option)]
    for name in names:
        found = [option for option in usable if name in option.names and for_training(option)]
        if found:
            return _most_training(found)
    return None


def _is_flag(option: Option) -> bool:
    return option.glue == "=" or option.flag.startswith("-")


def for_training(option: Option) -> bool:
    """False for `data.val.batch_size`; the `val` of `gradient_clip_val` is a value."""
    name = option.flag.lstrip("-+").lower().replace("clip_val", "clip")
    return not set(name.replace("_", ".").split(".")) & _NOT_TRAINING


def _most_training(found: list[Option]) -> Choice:
    """`data.train.batch_size` before `data.batch_size`; the shortest key among those."""
    found = sorted(found, key=lambda each: ("train" not in each.flag, each.flag.count(".")))
    first = found[0]
    is_named = "train" in first.flag and "train" not in found[-1].flag
    same = [each for each in found[1:] if each.flag.count(".") == first.flag.count(".")]
    return Choice(option=first, others=() if is_named else tuple(same))


def micro_batch(options: Sequence[Option]) -> Choice | None:
    """0 and -1 stand for a number that the script works out; halving cannot start there."""
    set_here = [each for each in options if not _is_worked_out(each)]
    return _pick(set_here, _MICRO_BATCH, ("int",))


def _is_worked_out(option: Option) -> bool:
    return type(option.default) is int and option.default < 1


def accumulation(options: Sequence[Option]) -> Choice | None:
    return _pick(options, _ACCUMULATION, ("int",))


def workers(options: Sequence[Option]) -> Choice | None:
    return _pick(options, _WORKERS, ("int",))


def learning_rate(options: Sequence[Option]) -> Choice | None:
    return _pick(options, _LEARNING_RATE, ("float",))


def clip(options: Sequence[Option]) -> Choice | None:
    return _pick(options, _CLIP, ("float",))


def port(options: Sequence[Option]) -> Choice | None:
    return _pick(options, _PORT, ("int",))


def total_batch(options: Sequence[Option], micro: Option) -> Option | None:
    """An effective batch from which the script works out its accumulation by itself."""
    found = _pick([each for each in options if each is not micro], _TOTAL_BATCH, ("int",))
    return found.option if found else None


def epochs(options: Sequence[Option]) -> Option | None:
    found = _pick(options, _EPOCHS, ("int", "float"))
    if found is None:  # `max_epochs: null` has no type to go by
        found = _pick([each for each in options if each.default is None], _EPOCHS, ("text",))
    return found.option if found else None


def steps(options: Sequence[Option]) -> Option | None:
    found = _pick(options, _STEPS, ("int",))
    return found.option if found else None


def outputs(options: Sequence[Option]) -> list[Option]:
    """Every option that says where results go, the likeliest first."""
    usable = [each for each in options if each.kind == "text" and _is_flag(each)]
    return [each for name in _OUTPUT for each in usable if name in each.names]


def config(options: Sequence[Option]) -> Option | None:
    """An option that names a configuration file, which may set what the others leave open."""
    usable = (each for each in options if each.kind == "text" and each.names & set(_CONFIG))
    return next(usable, None)
