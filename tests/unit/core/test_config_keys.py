"""The tables of keys, the values and the reference cannot drift apart."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import pytest

from overnight.app import preparing
from overnight.core import config, config_keys, knobs
from overnight.node import policy, seeing, sharing
from tests.unit.core.config_files import load


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project's folder with a name that needs no change."""
    made = tmp_path / "proj"
    made.mkdir()
    return made


@pytest.mark.parametrize(
    ("section", "values", "computed"),
    [
        ("project", config.Project, set()),
        ("metrics", config.Metrics, set()),
        ("smoke", config.Smoke, set()),
        ("servers", config.ServerConfig, {"name"}),
        ("knobs", knobs.Knobs, set()),
        ("notify", config.Notify, set()),
    ],
)
def test_each_value_has_a_key(section: str, values: Any, computed: set[str]) -> None:
    """What the file may say and what the values hold are the same names."""
    names = {field.name for field in dataclasses.fields(values)}
    assert set(config_keys.PROJECT_SECTIONS[section]) == names - computed


def test_every_class_of_the_policy_has_a_line(folder: Path) -> None:
    """[recovery] takes what the policy allows for each class, and nothing else."""
    classes = set(policy.DEFAULTS) - set(policy.SPOKEN_OF_AS)
    assert set(config_keys.PROJECT_SECTIONS["recovery"]) == classes
    chosen = {name: policy.DEFAULTS[name].choices[0] for name in classes}
    lines = [f'{name} = "{how}"' for name, how in chosen.items()]
    assert load(folder, "\n".join(["[recovery]", *lines])).recovery == chosen


def test_every_line_of_watch_is_a_setting(folder: Path) -> None:
    """[watch] speaks of what the node looks for, in the node's own names."""
    names = set(config_keys.PROJECT_SECTIONS["watch"])
    assert names < set(seeing.Settings._fields)
    settings = load(folder, "[watch]\nfloor_s = 60\nend_nan = false\n")
    found = seeing.of({"policy": preparing.policy(settings)})
    assert (found.floor_s, found.pause_floor_s, found.end_nan) == (60.0, 180.0, False)


def test_rules_for_shared_gpus_are_what_the_node_reads(folder: Path) -> None:
    """In the node's own names, and with its defaults."""
    text = (
        '[servers.a]\nexclude = [2, "GPU-8f2d"]\nquiet = ["22:00-06:00", "sat,sun 00:00-24:00"]\n'
        'free_users = ["bob"]\nidle_mib = 500\nidle_percent = 5\n'
        '[servers.b]\nquiet = "09:00-18:00"\n[servers.c]\n'
    )
    servers = load(folder, text).servers
    a, b, c = (sharing.rules(config.sharing(servers[name])) for name in "abc")
    quiet = ("22:00-06:00", "sat,sun 00:00-24:00")
    assert a == sharing.Rules(("bob",), ("2", "GPU-8f2d"), quiet, 500, 5)
    assert b == sharing.Rules(quiet=("09:00-18:00",))
    assert c == sharing.Rules()


@pytest.mark.parametrize("line", ['{ action = "resume", max = 4 }', "{ max = 4 }"])
def test_a_line_may_say_how_often(folder: Path, line: str) -> None:
    """A table of action and limit is what the node's policy reads."""
    loaded = load(folder, f"[recovery]\nnccl = {line}\n")
    rule = policy.rule("nccl", dict(loaded.recovery))
    assert (rule.action, rule.limit) == ("resume", 4)


def test_each_example_is_accepted() -> None:
    """The examples in messages and in the reference are right themselves."""
    for keys in config_keys.PROJECT_SECTIONS.values():
        for name, key in keys.items():
            value = tomllib.loads(f"x = {key.example}")["x"]
            assert list(key.problems(name, value)) == []


def test_reference_describes_every_key() -> None:
    """The reference has a row with a meaning for each key, and its tables are well formed."""
    rows = [line.split(" | ") for line in config.reference().splitlines()]
    described = {row[1] for row in rows[2:] if len(row) == 5 and row[4].endswith(". |")}
    for keys in config_keys.PROJECT_SECTIONS.values():
        assert {f"`{name}`" for name in keys} <= described
    assert all(len(row) == 5 for row in rows)
    assert "| `[smoke]` | `time_box_s` | a number of seconds, such as `180` | `180.0` |" in (
        config.reference()
    )
    assert "| `[metrics]` | `goal` | " in config.reference()
