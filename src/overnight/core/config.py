"""The configuration: `overnight.toml` of the project and the user-wide file, as frozen values.

Most verbs import this module, so what only the reading of a file needs is imported late.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from overnight.core import errors, knobs, places

if TYPE_CHECKING:
    from overnight.core.config_slurm import Slurm

LOCAL = "local"
HERE = ("local", "localhost")  # as the host of a Slurm server: this machine is its login node


def _nothing() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Environment:
    """What has to be activated before the command.

    `kind` is conda, mamba, micromamba, venv, uv, module or none; `name` the environment's name or
    folder; `exe` the path of the program conda, mamba, micromamba or uv.
    """

    kind: str = "none"
    name: str = ""
    modules: tuple[str, ...] = ()
    exe: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Project:
    """[project]. `train` and `smoke` are text for `command.parse`; paths are normal and inside."""

    name: str
    train: str | None = None
    smoke: str | None = None
    server: str | None = None
    env: Environment = Environment()
    gpus: float | None = None
    rank_logs: bool = True
    outputs: tuple[str, ...] = ()
    checkpoints: tuple[str, ...] = ()
    links: Mapping[str, str] = dataclasses.field(default_factory=_nothing)
    allow: tuple[str, ...] = ()
    variables: Mapping[str, str] = dataclasses.field(default_factory=_nothing)
    secrets: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Baseline:
    """Numbers to compare with, by metric, and where they come from."""

    values: Mapping[str, float]
    source: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Metrics:
    """[metrics]. `goal` is min or max. Success: the primary metric reaches `target` (None: no such
    value) and is better than the baseline by `margin`, the smallest difference of any use.
    """

    primary: str
    goal: str
    baseline: Baseline | None = None
    target: float | None = None
    margin: float = 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Smoke:
    """[smoke]."""

    time_box_s: float = 180.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Queue:
    """[queue]. `max_concurrent` None: as many at once as have room."""

    priority: int = 0
    max_concurrent: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Notify:
    """[notify]. `kind` None: recognised by the address. `token` is the name of a variable."""

    url: str | None = None
    kind: str | None = None
    token: str | None = None
    max_per_hour: int = 6


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerConfig:
    """[servers.NAME]. `kind` is ssh, local or slurm; of the last, `host` is the login node, or
    `local` where that is this machine, and `slurm` what is asked of it.

    `root` is absolute or begins with `~/`, which is expanded where the server is; `ssh_config` is
    an absolute path on this machine; `gpus` and `exclude` hold indices and UUIDs; `quiet` texts
    for `hours.parse`; `cpu_slots` is how many runs without a GPU may go on at once, None for what
    its node finds right. See `sharing` for the last six.
    """

    name: str
    kind: str
    host: str
    root: str = "~/overnight"
    ssh_config: str | None = None
    gpus: tuple[int | str, ...] | None = None
    python: str = "python3"
    slurm: Slurm | None = None
    cpu_slots: int | None = None
    exclude: tuple[int | str, ...] = ()
    quiet: tuple[str, ...] = ()
    free_users: tuple[str, ...] = ()
    idle_mib: int = 1024
    idle_percent: int = 20
    rest_s: float = 20.0

    @property
    def is_here(self) -> bool:
        """Whether it is this machine, with nothing between us."""
        return self.kind == LOCAL or (self.kind == "slurm" and self.host in HERE)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """What holds in a project. `path` is its overnight.toml, `root` the folder of that.

    `servers` always has `local`. `recovery` has only what was set, by class of failure, and so has
    `watch`, by name.
    `warnings` are sentences about what is allowed but probably not meant.
    """

    path: Path
    root: Path
    project: Project
    metrics: Metrics | None
    smoke: Smoke
    servers: Mapping[str, ServerConfig]
    knobs: knobs.Knobs
    recovery: Mapping[str, Any]
    watch: Mapping[str, Any]
    notify: Notify = Notify()
    queue: Queue = Queue()
    warnings: tuple[str, ...]


def user_config_file(environ: Mapping[str, str]) -> Path:
    """Where the user-wide file is looked for: `OVERNIGHT_CONFIG`, else the platform's folder."""
    if named := environ.get("OVERNIGHT_CONFIG"):
        return Path(os.path.abspath(os.path.expanduser(named)))
    import platformdirs

    return Path(platformdirs.user_config_dir("overnight")) / "config.toml"


def load(start: Path, *, user_file: Path | None = None) -> Config:
    """The configuration that holds in folder `start`.

    `user_file` is the user-wide file, which need not exist; None for its usual place.
    Raises `errors.ConfigError` with every mistake of both files, each on a line of its own as
    `file:line: what, and what to write instead`. A file that is not TOML has just one.
    """
    from overnight.core import config_load

    path = places.find_root(start) / places.CONFIG_NAME
    label = os.path.relpath(path, os.path.abspath(start))
    return config_load.load(path, label, user_file or user_config_file(os.environ))


def is_open(config: Config, name: str | None) -> bool:
    """Whether several servers are configured, and neither `name` nor the project says which."""
    if name is not None or config.project.server is not None:
        return False
    return len(config.servers.keys() - {LOCAL}) > 1


def choose_server(config: Config, name: str | None) -> ServerConfig:
    """The server called `name`; without one the project's, the only configured one, or `local`.

    Raises `errors.UsageError` where there is no such server, or nothing says which one is meant.
    """
    name = name or config.project.server
    if name is not None:
        return _known_server(config, name)
    others = sorted(config.servers.keys() - {LOCAL})
    if len(others) > 1:
        raise errors.UsageError(
            f"several servers are configured and none is chosen: {', '.join(others)}",
            hint=f'add --server {others[0]}, or write server = "{others[0]}" in [project]',
        )
    return config.servers[others[0] if others else LOCAL]


def _known_server(config: Config, name: str) -> ServerConfig:
    if name in config.servers:
        return config.servers[name]
    from overnight.core import config_words as words

    known = sorted(config.servers)
    near = words.nearest(name, known)
    raise errors.UsageError(
        f"unknown server {words.toml(name)}; known: {', '.join(known)}",
        hint=f"did you mean --server {near}?" if near else "overnight servers",
    )


def sharing(server: ServerConfig) -> dict[str, Any]:
    """The rules for GPUs that others use too, as JSON for the server, which reads them."""
    return {
        "excluded": [str(each) for each in server.exclude],
        "quiet": list(server.quiet),
        "free_users": list(server.free_users),
        "idle_mib": server.idle_mib,
        "idle_percent": server.idle_percent,
        "rest_s": server.rest_s,
    }


def reference() -> str:
    """Every key of both files as a Markdown table, for the docs."""
    from overnight.core import config_keys

    return config_keys.reference()
