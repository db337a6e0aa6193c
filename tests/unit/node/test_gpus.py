"""Choosing among the GPUs of a table."""

from __future__ import annotations

from typing import Any

import pytest

from overnight.node import gpus

A = "GPU-0a8f2b4c-1111-2222-3333-444455556666"
B = "GPU-9f00aa11-1111-2222-3333-444455556666"


def gpu(index: int = 0, uuid: str = A, used_mib: int | None = 4, *apps: gpus.App) -> gpus.Gpu:
    return gpus.Gpu(index, uuid, "H100", 81559, used_mib, 0, apps)


def app(pid: int, used_mib: int | None = 1000, uuid: str = A) -> gpus.App:
    return gpus.App(uuid, pid, used_mib)


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


def test_a_display_keeps_nobody_away() -> None:
    """A server that shows a login screen on every card; one that renders does."""
    display = app(7, 40)._replace(graphics=True)
    assert chosen(gpus.Table((gpu(0, A, 44, display),)), 1) == [0]
    assert chosen(gpus.Table((gpu(0, A, 44, display._replace(used_mib=256)),)), 1) is None


def test_a_gpu_with_a_note_is_not_offered() -> None:
    """Such as one in MIG mode."""
    table = gpus.Table((gpu(0, A)._replace(note=gpus.MIG_NOTE), gpu(1, B)))
    assert chosen(table, 1) == [1]


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
