"""The GPUs of a table."""

from __future__ import annotations

from overnight.node import gpus

A = "GPU-0a8f2b4c-1111-2222-3333-444455556666"
B = "GPU-9f00aa11-1111-2222-3333-444455556666"


def gpu(index: int = 0, uuid: str = A, used_mib: int | None = 4, *apps: gpus.App) -> gpus.Gpu:
    return gpus.Gpu(index, uuid, "H100", 81559, used_mib, 0, apps)


def app(pid: int, used_mib: int | None = 1000, uuid: str = A) -> gpus.App:
    return gpus.App(uuid, pid, used_mib)


def test_indices_and_beginnings_of_uuids_name_a_gpu() -> None:
    """An index is exact, the beginning of a UUID may be short; anything else names none."""
    cards = [gpu(0, A), gpu(1, B)]
    named = {name: [gpus.is_named(each, name) for each in cards] for name in ("1", "GPU-9f", "x")}
    assert named == {"1": [False, True], "GPU-9f": [False, True], "x": [False, False]}


def test_memory_of_our_processes_is_summed_by_gpu() -> None:
    """Only our processes count; where the driver is silent, a GPU of ours alone counts whole."""
    table = gpus.Table((gpu(0, A, 9000, app(1, 300), app(2, 200), app(9, 5000)), gpu(1, B)))
    assert gpus.memory_mib(table, {1, 2}) == {A: 500}
    silent = gpus.Table((gpu(0, A, 700, app(1, None)),))
    assert gpus.memory_mib(silent, {1}) == {A: 700}
    shared = gpus.Table((gpu(0, A, 700, app(1, None), app(9, None)),))
    assert gpus.memory_mib(shared, {1}) == {A: 0}
