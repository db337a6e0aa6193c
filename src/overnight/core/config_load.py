"""From the two files to a `Config`: read, check, merge the servers, build the values."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from overnight.core import command, config, errors, knobs
from overnight.core import config_check as check
from overnight.core import config_file as files
from overnight.core import config_keys as keys
from overnight.core import config_kinds as kinds
from overnight.core import config_words as words


def load(path: Path, label: str, user_file: Path) -> config.Config:
    """`path` is the project's file, called `label` in messages. Errors as in `config.load`."""
    project = files.read(path, label)
    read = [(project, keys.PROJECT_SECTIONS)]
    if os.path.lexists(user_file):
        read.append((files.read(user_file, command.visible(str(user_file))), keys.USER_SECTIONS))
    _raise_if_any([(file, check.problems(file.data, sections)) for file, sections in read])
    servers = _servers([file for file, _ in reversed(read)])
    _raise_if_any([(project, check.unknown_server(project.data, servers))])
    recovery = [file.data.get(name, {}) for file, _ in read for name in ("recovery", "defaults")]
    watch = _merged(_built(file, "watch") for file, _ in reversed(read))
    notify = _merged(_built(file, "notify") for file, _ in reversed(read))
    return _config(project, servers, _merged(reversed(recovery)), watch, config.Notify(**notify))


def _raise_if_any(found: Iterable[tuple[files.File, Iterable[kinds.Problem]]]) -> None:
    sentences = {file.label: file.sentences(problems) for file, problems in found}
    wrong = [label for label, lines in sentences.items() if lines]
    if wrong:
        message = "\n".join(line for label in wrong for line in sentences[label])
        raise errors.ConfigError(message, hint=f"edit {' and '.join(wrong)}")


def _merged(tables: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """One table of several; the later one wins, key by key."""
    return MappingProxyType({name: table[name] for table in tables for name in table})


def _config(
    project: files.File,
    servers: Mapping[str, config.ServerConfig],
    recovery: Mapping[str, Any],
    watch: Mapping[str, Any],
    notify: config.Notify,
) -> config.Config:
    """The values of a project's file that has no mistakes."""
    folder = project.path.parent
    metrics = _built(project, "metrics")
    return config.Config(
        path=project.path,
        root=folder,
        project=config.Project(
            **{"name": kinds.safe_name(folder.name)} | _built(project, "project")
        ),
        metrics=config.Metrics(**metrics) if metrics else None,
        smoke=config.Smoke(**_built(project, "smoke")),
        servers=servers,
        knobs=knobs.Knobs(**_built(project, "knobs")),
        recovery=recovery,
        watch=watch,
        notify=notify,
        queue=config.Queue(**_built(project, "queue")),
        warnings=tuple(project.sentences(_warnings(project))),
    )


def _built(file: files.File, section: str) -> dict[str, Any]:
    table = file.data.get(section, {})
    return {name: keys.kind(section, name).build(value) for name, value in table.items()}


def _warnings(project: files.File) -> Iterator[kinds.Problem]:
    yield from check.warnings(project.data)
    folder = project.path.parent.name
    name = kinds.safe_name(folder)
    if name != folder and "name" not in project.data.get("project", {}):
        where = f"from the folder's name {words.toml(folder)}"
        yield ("project",), f'the project is called "{name}", {where}; set name in [project]'


def _servers(read: Iterable[files.File]) -> Mapping[str, config.ServerConfig]:
    """All servers; of several files the later one wins, key by key. `local` is always there."""
    tables: dict[str, dict[str, Any]] = {config.LOCAL: {}}
    for file in read:
        for name, table in file.data.get(keys.SERVERS, {}).items():
            tables[name] = tables.get(name, {}) | _with_full_paths(table, file.path)
    return MappingProxyType({name: _server(name, table) for name, table in tables.items()})


def _with_full_paths(table: dict[str, Any], file: Path) -> dict[str, Any]:
    """`ssh_config` is relative to the file that names it."""
    if "ssh_config" not in table:
        return table
    path = os.path.join(file.parent, os.path.expanduser(table["ssh_config"]))
    return table | {"ssh_config": os.path.abspath(path)}


def _server(name: str, table: Mapping[str, Any]) -> config.ServerConfig:
    built = {key: keys.kind(keys.SERVERS, key).build(value) for key, value in table.items()}
    computed: dict[str, Any] = {
        "kind": config.LOCAL if name == config.LOCAL else "ssh",
        "host": name,
    }
    if (computed | built)["kind"] == "slurm":
        from overnight.core import config_slurm

        computed["slurm"] = config_slurm.Slurm()
    return config.ServerConfig(name=name, **computed | built)
