"""Mistakes of a whole file: unknown sections and keys, missing keys, keys that do not fit together.

Every function gives problems, (place, one sentence), of parsed TOML. None raises.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from overnight.core import config, config_recovery
from overnight.core import config_keys as schema
from overnight.core import config_kinds as kinds
from overnight.core import config_words as words

Data = Mapping[str, Any]
Sections = Mapping[str, schema.Keys]

_SECRET_NAME = re.compile(r"(TOKEN|API_?KEY|PASSWORD|PASSWD|SECRET)$", re.IGNORECASE)


def problems(data: Data, sections: Sections) -> Iterator[kinds.Problem]:
    """Everything wrong in a file whose sections are `sections`, one file looked at alone."""
    for name, table in data.items():
        if name not in sections:
            yield (name,), _unknown_section(name, table, sections)
        elif name == schema.SERVERS:
            yield from _servers_problems(table, sections)
        else:
            yield from _section_problems((name,), table, sections)
    yield from config_recovery.contradictions(data)


def _unknown_section(name: str, table: Any, sections: Sections) -> str:
    if not isinstance(table, (dict, list)):
        home = _home(name, sections)
        advice = f"put it below [{home}]" if home else "put it below the section it belongs to"
        return f'"{name}" stands above every section; {advice}'
    near = words.nearest(name, sections)
    if near:
        return f"unknown section [{words.toml_key(name)}]; did you mean [{near}]?"
    known = words.either([f"[{schema.shown(section)}]" for section in sections])
    return f"unknown section [{words.toml_key(name)}]; write {known}"


def _home(key: str, sections: Sections) -> str | None:
    """The section that has a key of this name."""
    return next((schema.shown(name) for name, keys in sections.items() if key in keys), None)


def _section_problems(
    place: kinds.Place, table: Any, sections: Sections
) -> Iterator[kinds.Problem]:
    """`place` is the section's own: ("project",) or ("servers", "gpu1")."""
    title = f"[{'.'.join(words.toml_key(str(part)) for part in place)}]"
    if not isinstance(table, dict):
        yield place, f"{place[-1]} = {words.toml(table)}: write a section {title}"
        return
    keys = sections[str(place[0])]
    for name, value in table.items():
        if name in keys:
            for at, what in keys[name].problems(name, value):
                yield (*place, name, *at), what
        else:
            yield (*place, name), _unknown_key(name, title, keys, sections)
    for name in sorted(schema.required(str(place[0])) - table.keys()):
        yield place, f"{title} has no {name}; add {name} = {keys[name].example}"


def _unknown_key(name: str, title: str, keys: schema.Keys, sections: Sections) -> str:
    home = _home(name, sections)
    advice = f"; it belongs in [{home}]" if home else words.did_you_mean(name, keys)
    return f"unknown key {words.toml(name)} in {title}{advice}"


def _servers_problems(servers: Any, sections: Sections) -> Iterator[kinds.Problem]:
    if not isinstance(servers, dict):
        what = "write one section for each server, such as [servers.gpu1]"
        yield (schema.SERVERS,), f"servers: {what}"
        return
    for name, server in servers.items():
        place = (schema.SERVERS, name)
        if not isinstance(server, dict):
            what = "put it into the section of a server, such as [servers.gpu1]"
            yield place, f"{words.toml_key(name)} = {words.toml(server)} in [servers]: {what}"
            continue
        if not kinds.NAME.fullmatch(name):
            yield place, f"server {words.toml(name)}: a name has {kinds.NAME_RULE}"
        yield from _section_problems(place, server, sections)
        yield from _local_problems(place, server)


def _local_problems(place: kinds.Place, server: Data) -> Iterator[kinds.Problem]:
    kind = server.get("kind", config.LOCAL if place[-1] == config.LOCAL else "ssh")
    if place[-1] == config.LOCAL and kind != config.LOCAL:
        what = 'the server "local" is always this machine; give the other server another name'
        yield (*place, "kind"), what
    if kind != "slurm" and "slurm" in server:
        yield (*place, "slurm"), 'slurm: goes with kind = "slurm"; add that line or leave slurm out'
    if kind == "slurm" and server.get("host") in config.HERE and "ssh_config" in server:
        what = "the login node is this machine; leave ssh_config out"
        yield (*place, "ssh_config"), f"ssh_config: {what}"
    if kind == config.LOCAL:
        for key in ("host", "ssh_config"):
            if key in server:
                yield (*place, key), f"{key}: a local server is this machine; leave {key} out"


def unknown_server(data: Data, known: Collection[str]) -> Iterator[kinds.Problem]:
    """`[project].server` must be one of all servers, also of those in the user-wide file."""
    name = data.get("project", {}).get("server")
    if name is not None and name not in known:
        what = f"server = {words.toml(name)}: no such server"
        yield ("project", "server"), what + words.did_you_mean(name, known)


def warnings(data: Data) -> Iterator[kinds.Problem]:
    """What is allowed in a project's file but probably not meant. `data` has no problems."""
    if not data:
        yield (), "nothing is set; every setting has its default (overnight init writes them)"
    project = data.get("project", {})
    for name in project.get("variables", {}):
        if _SECRET_NAME.search(name):
            what = f"looks like a secret; write secrets = [{words.toml(name)}] and set it in your"
            yield ("project", "variables", name), f"variables.{name} {what} shell"
    yield from _linked_outputs(project)
    metrics = data.get("metrics", {})
    baseline = metrics.get("baseline")
    if baseline is not None and metrics["primary"] not in baseline:
        primary = words.toml(metrics["primary"])
        yield ("metrics", "baseline"), f"baseline has no number for {primary}, the primary metric"
    yield from _easy_target(metrics)


def _easy_target(metrics: Data) -> Iterator[kinds.Problem]:
    """A target that the baseline has reached already."""
    target = metrics.get("target")
    reached = metrics.get("baseline", {}).get(metrics.get("primary"))
    if target is None or reached is None:
        return
    if reached >= target if metrics["goal"] == "max" else reached <= target:
        what = f"target = {words.toml(target)} is no better than the baseline"
        yield ("metrics", "target"), f"{what}, {words.toml(reached)}"


def _linked_outputs(project: Data) -> Iterator[kinds.Problem]:
    links = [posixpath.normpath(path) for path in project.get("links", {})]
    for index, output in enumerate(project.get("outputs", [])):
        folder = posixpath.normpath(output) + "/"
        for link in links:
            if folder.startswith(link + "/"):
                what = "lies behind a link, outside the run's own folder; pull will not fetch it"
                yield ("project", "outputs", index), f"{words.toml(output)} in outputs {what}"
