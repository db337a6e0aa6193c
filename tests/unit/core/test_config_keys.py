"""The tables of keys, the values and the reference cannot drift apart."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import pytest

from overnight.core import config, config_keys, knobs
from tests.unit.core.config_files import load

REPAIRS = ("shrink", "default", "ask", "stop", "resume")


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
    ],
)
def test_each_value_has_a_key(section: str, values: Any, computed: set[str]) -> None:
    """What the file may say and what the values hold are the same names."""
    names = {field.name for field in dataclasses.fields(values)}
    assert set(config_keys.PROJECT_SECTIONS[section]) == names - computed


def test_classes_of_failure_are_those_of_the_design(folder: Path) -> None:
    """[recovery] has a line for each class, and only out of memory may shrink the batch."""
    classes = [
        "cuda_oom",
        "gpu_contention",
        "host_oom",
        "nccl",
        "bad_sample",
        "nan",
        "hang",
        "preempted",
        "network",
        "cuda_fault",
        "port_in_use",
        "disk_full",
        "shm",
        "permission",
        "auth",
        "missing_file",
        "missing_module",
        "config",
        "shape",
        "checkpoint",
        "driver",
        "code",
        "interrupted",
        "unknown",
    ]
    assert list(config_keys.PROJECT_SECTIONS["recovery"]) == classes
    lines = [f'{name} = "{how}"' for name, how in zip(classes, REPAIRS, strict=False)]
    chosen = dict(zip(classes, REPAIRS, strict=False))
    assert load(folder, "\n".join(["[recovery]", *lines])).recovery == chosen


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
