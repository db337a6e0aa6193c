"""Every key that overnight.toml and the user-wide file may have, and the reference of them.

A test holds these tables and the values in `config` together.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from overnight.core import (
    config,
    config_knobs,
    config_recovery,
    config_sharing,
    config_slurm,
    knobs,
)
from overnight.core import config_kinds as kinds
from overnight.core import config_tables as tables
from overnight.core import config_words as words
from overnight.core.config_kinds import Key

Keys = Mapping[str, Key]

_PROJECT: Keys = {
    "name": Key(
        kinds.NAME_TEXT,
        '"clip-tta"',
        "What the project is called on servers.",
        default="the folder's name",
    ),
    "train": Key(
        kinds.COMMAND,
        '"python train.py"',
        "The training, as typed in the project's folder. Shell syntax outside quotes is left to "
        "`/bin/sh`.",
    ),
    "smoke": Key(
        kinds.COMMAND,
        '"python train.py --epochs 1"',
        "A short form of the training for `overnight smoke`.",
        default="`train`, ended by the time box",
    ),
    "server": Key(
        kinds.TEXT,
        '"gpu1"',
        "The server to use when the command names none.",
        default="the only configured one, else `local`",
    ),
    "env": Key(
        tables.ENVIRONMENT,
        '{ conda = "clip" }',
        "What to activate first, one of: `conda`, `mamba`, `micromamba` (a name), `venv` (a "
        "folder), `uv = true`, `module` (a list of names), `none = true`. `exe` beside it is the "
        "path of the program conda, mamba, micromamba or uv.",
        default="`{ none = true }`",
    ),
    "gpus": Key(
        kinds.GPU_COUNT,
        "2",
        "How many GPUs a run takes; `--gpus` wins. A share of one, such as 0.5, lets small runs go "
        "on side by side on one GPU.",
        default="where there are any, one for each process that torchrun, DeepSpeed or Accelerate "
        "is told to start, else one",
    ),
    "rank_logs": Key(
        config_recovery.YES_NO,
        "false",
        "Whether torchrun and Accelerate are told to keep a log of each rank "
        "(`--log-dir … --tee 3`: torch 1.9 or newer), and DeepSpeed too "
        "(`--enable_each_rank_log`), where the command has no word about logs.",
    ),
    "outputs": Key(
        kinds.PATHS,
        '["outputs"]',
        "What the training writes inside the project; `overnight pull` fetches it.",
    ),
    "checkpoints": Key(
        kinds.PATTERNS, '["outputs/*.pt"]', "The checkpoints a run may resume from."
    ),
    "links": Key(
        tables.LINKS,
        '{ data = "/data/imagenet" }',
        "Names inside the project that lead to folders or files of the server.",
    ),
    "allow": Key(
        kinds.PATTERNS,
        '["assets/vocab.bin"]',
        "Files that travel although they are large or look like secrets.",
    ),
    "variables": Key(
        tables.VARIABLES,
        '{ OMP_NUM_THREADS = "4" }',
        "Environment variables of the training. No secrets: this file is meant to be shared.",
        confidential=True,
    ),
    "secrets": Key(
        kinds.SECRETS,
        '["MY_TOKEN"]',
        "Names of variables of your shell that travel as secrets, beside `WANDB_API_KEY` and "
        "`HF_TOKEN`.",
        confidential=True,
    ),
}

_METRICS: Keys = {
    "primary": Key(kinds.TEXT, '"val_acc"', "The metric that decides."),
    "goal": Key(kinds.GOAL, '"max"', "Whether lower or higher is better."),
    "baseline": Key(
        tables.BASELINE,
        '{ val_acc = 95.5, source = "paper, table 2" }',
        "Numbers to compare with, by metric; `source` says where they come from.",
    ),
    "target": Key(kinds.NUMBER, "96.0", "The value of `primary` that would be a success."),
    "margin": Key(
        kinds.MARGIN, "0.3", "The smallest difference to the baseline that is of any use."
    ),
}

_SMOKE: Keys = {
    "time_box_s": Key(
        kinds.SECONDS,
        "180",
        "After so many seconds a smoke test that is healthy is ended and has passed.",
    ),
}

_SERVER: Keys = {
    "kind": Key(
        kinds.SERVER_KIND,
        '"ssh"',
        'How the server is reached; `"slurm"` for the login node of a cluster.',
        default='`"local"` for the server `local`, else `"ssh"`',
    ),
    "host": Key(
        kinds.HOST,
        '"gpu1"',
        'Host alias of your ssh configuration, or user@host; of a Slurm server `"local"` where '
        "this machine is its login node.",
        default="the server's name",
    ),
    "root": Key(
        kinds.ROOT,
        '"/data/me/overnight"',
        "The only folder of the server in which overnight writes.",
    ),
    "ssh_config": Key(
        kinds.TEXT,
        '"ssh_config"',
        "An ssh configuration to use instead of your own; relative to the file that names it.",
        default="your own",
    ),
    "gpus": Key(
        kinds.GPUS, "[0, 1]", "The GPUs that may be used, by index or UUID.", default="all"
    ),
    "exclude": Key(
        config_sharing.EXCLUDED,
        '[2, "GPU-8f2d"]',
        "GPUs that are never used, by index or the beginning of a UUID.",
    ),
    "quiet": Key(
        config_sharing.HOURS,
        '"mon-fri 09:00-18:00"',
        "Hours in which no run takes a GPU there, by the server's clock, also over midnight and as "
        "a list. What runs already goes on; what waits follows them once a laptop has launched "
        "something or looked at `overnight queue`.",
    ),
    "free_users": Key(
        config_sharing.USERS,
        '["bob"]',
        "Users whose processes keep nobody away from a GPU.",
    ),
    "idle_mib": Key(
        kinds.POSITIVE,
        "1024",
        "A GPU is not free when so many MiB (or a tenth of its memory) are in use that nobody "
        "explains.",
    ),
    "idle_percent": Key(
        config_sharing.PERCENT,
        "20",
        "A GPU is not free when it is that busy and nobody is seen on it.",
    ),
    "rest_s": Key(
        kinds.SECONDS,
        "60",
        "A GPU on which somebody else was seen is free after so many seconds without them.",
    ),
    "python": Key(
        kinds.PROGRAM,
        '"/usr/bin/python3.11"',
        "The Python, 3.8 or newer, for overnight's own program there; not the training's.",
    ),
    "slurm": Key(
        config_slurm.TABLE,
        '{ partition = "gpu", time = "8:00:00", options = ["--account=lab"] }',
        "What a run asks of Slurm: `partition`, `time`, `nodes`, `tasks_per_node`, `gpu` (the "
        "kind), `options` (of sbatch, passed through), `signal_s` and `signal` (how long before "
        "the time limit the training is told, and how), `max_jobs` (of an array at once); see "
        "[slurm.md](slurm.md).",
        default="the cluster's defaults",
    ),
    "cpu_slots": Key(
        kinds.POSITIVE,
        "8",
        "How many runs that use no GPU go on there at once; the others wait.",
        default="the number of its cores, at least 4",
    ),
}

_KNOBS: Keys = {
    "micro_batch": Key(
        config_knobs.kind("batch"),
        '"--batch-size {}"',
        "The flag for the samples of one step, or the key of a configuration file that the "
        'training reads: `"configs/exp1.yaml:train.batch_size"`. `{ flag = TEXT, value = N }` '
        "where the script takes N when it is not told.",
        default="recognised",
    ),
    "accumulation": Key(
        config_knobs.kind("batch"),
        '"--accum {}"',
        "The flag or key for gradient accumulation, in the same form.",
        default="recognised",
    ),
    "resume": Key(
        kinds.RESUME,
        '"--resume {checkpoint}"',
        'What is added to go on from a checkpoint; `"auto"` where the script finds it itself.',
        default="recognised",
    ),
    "workers": Key(
        config_knobs.kind("count"),
        '"--workers {}"',
        "The flag or key for the number of loader workers, in the same form: fewer need less "
        "memory of the machine.",
        default="recognised",
    ),
    "lr": Key(
        config_knobs.kind("float"),
        '"--lr {}"',
        "The flag or key for the learning rate, in the same form. Turned only with consent.",
        default="recognised",
    ),
    "clip": Key(
        config_knobs.kind("float"),
        '"--clip {}"',
        "The flag or key for gradient clipping, in the same form. Turned only with consent.",
        default="recognised",
    ),
    "port": Key(
        config_knobs.kind("port"),
        '"--port {}"',
        "The flag or key for the rendezvous port, in the same form.",
        default="recognised for torchrun, DeepSpeed and Accelerate",
    ),
    "exclude": Key(
        config_knobs.kind("path"),
        '"exclude.txt"',
        "A text file with one sample's path a line that the training leaves out; or the flag or "
        "key of a file that names such a file.",
    ),
}

_NOTIFY: Keys = {
    "url": Key(
        kinds.URL,
        '"https://ntfy.sh/my-topic"',
        "Where the servers send the few messages that need a person. Whoever knows it can write "
        "there, so it is better kept in the user-wide file, or in the variable "
        "`OVERNIGHT_NOTIFY_URL`, which wins.",
        confidential=True,
    ),
    "kind": Key(
        kinds.choice("ntfy", "slack", "json", "none"),
        '"slack"',
        "What understands it: ntfy, an incoming webhook as Slack has them, or any service that "
        "takes JSON; `none` ends the messages.",
        default="recognised by the address",
    ),
    "token": Key(
        kinds.VARIABLE,
        '"NTFY_TOKEN"',
        "The name of a variable of your shell that travels as a secret and is sent as "
        "`Authorization: Bearer …`.",
        confidential=True,
    ),
    "max_per_hour": Key(
        kinds.POSITIVE,
        "6",
        "No more messages of one project leave a server in an hour; what happens beyond that is "
        "summed up in the next one.",
    ),
}

_QUEUE: Keys = {
    "priority": Key(
        kinds.INTEGER, "10", "Runs of a higher priority start first; `--priority` wins."
    ),
    "max_concurrent": Key(
        kinds.POSITIVE, "4", "No more runs of this project go on at once on one server."
    ),
}

SERVERS = "servers"
PROJECT_SECTIONS: Mapping[str, Keys] = {
    "project": _PROJECT,
    "metrics": _METRICS,
    "smoke": _SMOKE,
    SERVERS: _SERVER,
    "knobs": _KNOBS,
    "recovery": config_recovery.RECOVERY,
    "watch": config_recovery.WATCH,
    "notify": _NOTIFY,
    "queue": _QUEUE,
}
USER_SECTIONS: Mapping[str, Keys] = {
    SERVERS: _SERVER,
    "defaults": config_recovery.RECOVERY,
    "watch": config_recovery.WATCH,
    "notify": _NOTIFY,
}

_VALUES: Mapping[str, Any] = {  # the dataclass that holds a section
    "project": config.Project,
    "metrics": config.Metrics,
    "smoke": config.Smoke,
    SERVERS: config.ServerConfig,
    "knobs": knobs.Knobs,
    "notify": config.Notify,
    "queue": config.Queue,
}


_SECTIONS: Mapping[str, Keys] = {**PROJECT_SECTIONS, **USER_SECTIONS}


def kind(section: str, name: str) -> kinds.Kind:
    return _SECTIONS[section][name].kind


def shown(section: str) -> str:
    """As it is written in the file: `servers.NAME` for the sections of servers."""
    return f"{section}.NAME" if section == SERVERS else section


def required(section: str) -> set[str]:
    """The keys of a section that have to be given."""
    return {name for name in _SECTIONS[section] if _default(section, name) is None}


def _default(section: str, name: str) -> str | None:
    """The default in words, None where the key has to be given."""
    key = _SECTIONS[section][name]
    if key.default is not None:
        return key.default
    field = _VALUES[section].__dataclass_fields__[name]
    if field.default_factory is not dataclasses.MISSING or field.default in (None, ()):
        return "not set"
    return None if field.default is dataclasses.MISSING else f"`{words.toml(field.default)}`"


def reference() -> str:
    """Every key as a Markdown table. The user-wide [defaults] has the keys of [recovery]."""
    rows = [("section", "key", "type", "default", "meaning"), ("---",) * 5]
    for section, keys in PROJECT_SECTIONS.items():
        title = "`[recovery]`, `[defaults]`" if section == "recovery" else f"`[{shown(section)}]`"
        for name, key in keys.items():
            form = f"{key.kind.label}, such as `{key.example}`"
            default = _default(section, name) or "none, must be given"
            rows.append((title, f"`{name}`", form, default, key.meaning))
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)
