"""Judges of what is worth a word: disks, memory, idle GPUs."""

from __future__ import annotations

from overnight.node import kernel, notices, seeing

GIB = 1 << 30
SETTINGS = seeing.Settings(growth_window_s=60.0, disk_left_s=3600.0)


def test_a_disk_that_fills_up_is_told_in_time() -> None:
    """Before it is full: what is left divided by how fast it goes."""
    disks = notices.Disks(SETTINGS)
    found = [
        disks.trouble(
            second, notices.Disk("/data", 50 * GIB - second * GIB // 60, 1000 * GIB), 1000
        )
        for second in range(0, 90, 30)
    ]
    assert found[:2] == [None, None]
    last = found[2]
    assert last is not None and last.facts["left_s"] == 2940


def test_much_space_or_slow_growth_is_no_trouble() -> None:
    """A big disk that is half empty, and one that would last for days."""
    disks = notices.Disks(SETTINGS)
    for second in range(0, 300, 30):
        half = notices.Disk("/half", 500 * GIB - second * GIB, 1000 * GIB)
        slow = notices.Disk("/slow", 50 * GIB - second * 1000, 1000 * GIB)
        assert disks.trouble(second, half, 0) is None
        assert disks.trouble(second, slow, 0) is None


def test_a_checkpoint_that_will_not_fit() -> None:
    """The largest file so far may come again."""
    disk = notices.Disk("/data", 10 * GIB, 100 * GIB)
    assert notices.Disks(SETTINGS).trouble(0.0, disk, 5 * GIB) is None
    found = notices.Disks(SETTINGS).trouble(0.0, disk, 9 * GIB)
    assert found is not None and "9.0 GiB" in found.text


def test_memory_has_a_margin_before_it_is_over() -> None:
    """Use that swings around the border is one incident."""
    memory = [kernel.Memory(used, 100) for used in (96, 93, 80)]
    assert notices.memory_is_short(memory[0], 0.95, was=False) is True
    assert notices.memory_is_short(memory[1], 0.95, was=True) is None
    assert notices.memory_is_short(memory[2], 0.95, was=True) is False
    assert notices.memory_is_short(kernel.Memory(5, None), 0.95, was=False) is None


def test_units_for_people() -> None:
    """As a person would say it."""
    assert [notices.duration(s) for s in (45, 600, 3 * 3600)] == ["45 s", "10 min", "3.0 h"]
    assert [notices.size(b) for b in (2048, 5 << 20, 3 << 30)] == ["2 KiB", "5 MiB", "3.0 GiB"]
