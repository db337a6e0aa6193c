from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.node import gpus

A = "GPU-0a8f2b4c-1111-2222-3333-444455556666"
B = "GPU-9f00aa11-1111-2222-3333-444455556666"

# The shape that `--format=csv,noheader,nounits` gives; the texts in brackets are those that
# nvidia-smi prints where a driver or a device cannot tell.
TWO_GPUS = f"""\
0, {A}, NVIDIA H100 80GB HBM3, 81559, 4, 0, 550.54.15
1, {B}, NVIDIA H100 80GB HBM3, 81559, 30211, 97, 550.54.15
"""
SILENT_GPU = f"0, {A}, NVIDIA GB10, [N/A], [Not Supported], [Unknown Error], 580.95.05\n"
APPS = f"{B}, 4242, 30200\n{B}, 4243, [N/A]\n"


def gpu(index: int = 0, uuid: str = A, used_mib: int | None = 4, *apps: gpus.App) -> gpus.Gpu:
    return gpus.Gpu(index, uuid, "H100", 81559, used_mib, 0, apps)


def app(pid: int, used_mib: int | None = 1000, uuid: str = A) -> gpus.App:
    return gpus.App(uuid, pid, used_mib)


@pytest.fixture
def nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a program of this name, with this shell text, where it is found first."""

    def install(script: str) -> None:
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return install


# -- reading ----------------------------------------------------------------------------------


def test_parses_what_nvidia_smi_prints() -> None:
    """Numbers, names and the driver's version are read from the plain rows."""
    first, second = gpus.parse_gpus(TWO_GPUS)
    assert first == gpus.Gpu(0, A, "NVIDIA H100 80GB HBM3", 81559, 4, 0)
    assert (second.index, second.memory_used_mib, second.utilization) == (1, 30211, 97)
    assert gpus.parse_driver(TWO_GPUS) == "550.54.15"


def test_what_the_driver_does_not_tell_is_none() -> None:
    """[N/A], [Not Supported] and [Unknown Error] are no numbers and no errors."""
    (silent,) = gpus.parse_gpus(SILENT_GPU)
    assert (silent.memory_total_mib, silent.memory_used_mib, silent.utilization) == (None,) * 3
    assert gpus.parse_apps(APPS) == (app(4242, 30200, B), app(4243, None, B))


@given(st.text())
def test_no_text_makes_the_parsers_fail(text: str) -> None:
    """Whatever a driver prints, the parsers answer."""
    gpus.parse_gpus(text), gpus.parse_driver(text), gpus.parse_apps(text)


def test_query_puts_processes_to_their_gpus(nvidia_smi: Callable[[str], None]) -> None:
    """One table holds the GPUs, the driver, and each GPU's processes."""
    nvidia_smi(f'case "$1" in --query-gpu*) cat <<E\n{TWO_GPUS}E\n;; *) cat <<E\n{APPS}E\n;; esac')
    table = gpus.query()
    assert (table.driver, table.problem) == ("550.54.15", None)
    assert [len(each.apps) for each in table.gpus] == [0, 2]


def test_no_nvidia_smi_means_no_gpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without the program has no GPUs, and that is no problem."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus.query() == gpus.Table((), None, None)


# The texts of a driver that does not run and of one that was updated without a reboot.
@pytest.mark.parametrize(
    ("script", "said"),
    [
        (
            "echo NVIDIA-SMI has failed because it could not communicate; exit 9",
            "nvidia-smi: NVIDIA-SMI has failed because it could not communicate (exit code 9)",
        ),
        (
            "echo Failed to initialize NVML: Driver/library version mismatch; exit 18",
            "nvidia-smi: Failed to initialize NVML: Driver/library version mismatch (exit code 18)",
        ),
        ("exit 1", "nvidia-smi: no message (exit code 1)"),
        ("exec sleep 60", "nvidia-smi did not answer within 0.1 s"),
        ("echo something else", "nvidia-smi: something else"),
    ],
)
def test_a_driver_that_fails_is_a_problem_and_no_exception(
    nvidia_smi: Callable[[str], None], script: str, said: str
) -> None:
    """Failure, mismatch, silence, a hang: each is a table without GPUs that says what it was."""
    nvidia_smi(script)
    assert gpus.query(timeout_s=0.1) == gpus.Table((), None, said)


def test_gpus_whose_processes_are_unknown_are_not_offered(
    nvidia_smi: Callable[[str], None],
) -> None:
    """Where the second question fails the GPUs are shown, but none of them counts as free."""
    nvidia_smi(f'case "$1" in --query-gpu*) cat <<E\n{TWO_GPUS}E\n;; *) exit 1 ;; esac')
    table = gpus.query()
    assert len(table.gpus) == 2 and table.problem
    assert gpus.choose(table, 1, None, set(), set()) is None


# -- choosing ---------------------------------------------------------------------------------


def chosen(table: gpus.Table, wanted: int, **settings: Any) -> list[int] | None:
    arguments: dict[str, Any] = {"allowed": None, "leased": set(), "ours": set(), **settings}
    found = gpus.choose(table, wanted, **arguments)
    return None if found is None else [each.index for each in found]


def test_a_gpu_with_a_foreign_process_is_not_free() -> None:
    """Law 6: somebody else's process keeps us away, even one that holds no memory."""
    table = gpus.Table((gpu(0, A, 4, app(7, 0)), gpu(1, B)))
    assert chosen(table, 1) == [1]
    assert chosen(table, 2) is None
    assert chosen(table, 2, ours={7}) == [0, 1]


def test_a_gpu_whose_memory_has_not_drained_is_not_free() -> None:
    """Memory in use without a process to be seen (a container, a dying process) counts as use."""
    assert chosen(gpus.Table((gpu(used_mib=1024),)), 1) is None
    assert chosen(gpus.Table((gpu(used_mib=1023),)), 1) == [0]
    small = gpu(used_mib=900)._replace(memory_total_mib=8192)
    assert chosen(gpus.Table((small,)), 1) is None


def test_a_gpu_that_does_not_tell_its_memory_is_judged_by_its_processes() -> None:
    """Devices with unified memory answer [N/A] and can be used all the same."""
    silent = gpu()._replace(memory_total_mib=None, memory_used_mib=None)
    assert chosen(gpus.Table((silent,)), 1) == [0]


def test_leases_and_the_allowed_list_limit_the_choice() -> None:
    """Indices and beginnings of UUIDs both name a GPU in `allowed`."""
    table = gpus.Table((gpu(0, A), gpu(1, B)))
    assert chosen(table, 1, leased={A}) == [1]
    assert chosen(table, 1, allowed=[1]) == [1]
    assert chosen(table, 1, allowed=["GPU-9f00"]) == [1]
    assert chosen(table, 1, allowed=[]) is None
    assert chosen(table, 0, leased={A, B}) == []


@pytest.mark.parametrize(
    ("visible", "indices"),
    [
        ("0,1", [0, 1]),
        ("1", [1]),
        (f"{B},0", [0, 1]),
        ("GPU-9f", [1]),
        ("", []),
        ("-1", []),
        ("1,-1,0", [1]),
        ("NoDevFiles", []),
        ("GPU-", []),
    ],
)
def test_a_restriction_that_is_already_set_is_respected(visible: str, indices: list[int]) -> None:
    """CUDA_VISIBLE_DEVICES is read as CUDA reads it: what comes after a wrong name is not there."""
    table = gpus.Table((gpu(0, A), gpu(1, B)))
    assert [each.index for each in gpus.restricted(table.gpus, visible)] == indices
    assert chosen(table, 1, visible=visible) == (indices[:1] or None)


def test_memory_of_our_processes_is_summed_by_gpu() -> None:
    """Only our processes count; where the driver is silent, a GPU of ours alone counts whole."""
    table = gpus.Table((gpu(0, A, 9000, app(1, 300), app(2, 200), app(9, 5000)), gpu(1, B)))
    assert gpus.memory_mib(table, {1, 2}) == {A: 500}
    silent = gpus.Table((gpu(0, A, 700, app(1, None)),))
    assert gpus.memory_mib(silent, {1}) == {A: 700}
    shared = gpus.Table((gpu(0, A, 700, app(1, None), app(9, None)),))
    assert gpus.memory_mib(shared, {1}) == {A: 0}


# -- leases -----------------------------------------------------------------------------------

ME = {"project": "clip", "run": "train01"}
OTHER = {"project": "clip", "run": "train02"}


def alive(holder: dict[str, Any]) -> bool:
    return holder.get("run") != "dead"


def test_a_lease_is_all_or_nothing(tmp_path: Path) -> None:
    """Where one of the GPUs belongs to somebody else, none is taken."""
    root = str(tmp_path)
    assert gpus.lease(root, [A], OTHER, alive)
    assert not gpus.lease(root, [B, A], ME, alive)
    assert gpus.held(root, alive) == {A: OTHER}


def test_leasing_again_is_the_same_lease(tmp_path: Path) -> None:
    """A call that lost its answer may be repeated."""
    root = str(tmp_path)
    assert gpus.lease(root, [A, B], ME, alive) and gpus.lease(root, [A, B], ME, alive)
    assert gpus.held(root, alive) == {A: ME, B: ME}


def test_release_drops_what_agrees_with_the_holder(tmp_path: Path) -> None:
    """Only the leases of this run are dropped, whatever else their records say."""
    root = str(tmp_path)
    gpus.lease(root, [A], {**ME, "attempt": 2}, alive)
    gpus.lease(root, [B], OTHER, alive)
    gpus.release(root, ME)
    assert gpus.held(root, alive) == {B: OTHER}


def test_leases_of_the_dead_and_damaged_ones_are_dropped(tmp_path: Path) -> None:
    """Nobody waits for a holder that is gone; files that are not leases stay."""
    root = str(tmp_path)
    gpus.lease(root, [A], {"run": "dead"}, lambda holder: True)
    for name, text in ((f"{B}.json", "[]"), ("GPU-torn.json", "{"), ("note.txt", "x")):
        (tmp_path / "leases" / name).write_text(text)
    assert gpus.held(root, alive) == {}
    assert os.listdir(tmp_path / "leases") == ["note.txt"]
    assert gpus.lease(root, [A, B], ME, alive)


@pytest.mark.parametrize("uuid", ["", "../x", "a/b", "a.json", "x" * 81])
def test_a_uuid_can_lead_nowhere_else(tmp_path: Path, uuid: str) -> None:
    """The name of a lease file is never a path."""
    with pytest.raises(ValueError):
        gpus.lease(str(tmp_path), [uuid], ME, alive)


def test_nothing_is_leased_when_a_record_cannot_be_written(tmp_path: Path) -> None:
    """A full disk or a bad folder ends in an error, not in half of the GPUs."""
    root = str(tmp_path)
    (tmp_path / "leases" / f"{B}.json.{os.getpid()}.tmp").mkdir(parents=True)
    with pytest.raises(OSError):
        gpus.lease(root, [A, B], ME, alive)
    assert not (tmp_path / "leases" / f"{A}.json").exists()
