"""Counters of cgroups and the kernel's log, from the text of real systems."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from overnight.node import kernel, kernel_log

V2 = "0::/user.slice/user-1000.slice/session-3.scope\n"
V1 = "9:cpu,cpuacct:/\n4:memory:/lab/job7\n1:name=systemd:/user.slice\n0::/user.slice\n"
EVENTS = "low 0\nhigh 0\nmax 131\noom 3\noom_kill 2\noom_group_kill 0\n"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (V2, kernel.Place(2, "/user.slice/user-1000.slice/session-3.scope")),
        (V1, kernel.Place(1, "/lab/job7")),
        ("0::/\n", kernel.Place(2, "/")),
        ("", None),
        ("nonsense\n\n", None),
    ],
)
def test_where_memory_is_counted(text: str, place: kernel.Place | None) -> None:
    """The memory controller of version 1 where it is mounted, else version 2."""
    assert kernel.place_of(text) == place


def files(folder: Path, **texts: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_version_2(tmp_path: Path) -> None:
    """Use without the files that can be dropped; the limit may be set further up."""
    files(tmp_path, cgroup__controllers="memory")
    files(tmp_path / "a", memory__max="1000\n", memory__current="900\n", memory__stat="")
    stat = "anon 500\ninactive_file 300\n"
    files(tmp_path / "a" / "b", memory__max="max\n", memory__current="800\n", memory__stat=stat)
    files(tmp_path / "a" / "b", memory__events=EVENTS)
    found = kernel.memory(kernel.Place(2, "/a/b"), str(tmp_path))
    assert found == kernel.Memory(used=900, limit=1000, oom_kills=2)


def test_version_1(tmp_path: Path) -> None:
    """Other names, and a huge number where there is no limit."""
    root = tmp_path / "memory"
    files(root, memory__usage_in_bytes="999999", memory__limit_in_bytes=str(2**63 - 4096))
    files(root / "lab", memory__usage_in_bytes="700", memory__limit_in_bytes="1000")
    files(root / "lab", memory__oom_control="oom_kill_disable 0\nunder_oom 0\noom_kill 1\n")
    files(root / "lab", memory__stat="total_inactive_file 100\n")
    found = kernel.memory(kernel.Place(1, "/lab"), str(tmp_path))
    assert found == kernel.Memory(used=600, limit=1000, oom_kills=1)


def test_nothing_to_read(tmp_path: Path) -> None:
    """A container without its cgroup, a kernel without the counter."""
    assert kernel.memory(kernel.Place(2, "/x/../../etc"), str(tmp_path)) == kernel.Memory()
    assert kernel.counter("oom_kills 3\noom_kill x\n", "oom_kill") is None


def test_this_machine_answers() -> None:
    """Whatever it has, nothing is raised."""
    kernel.memory_of(os.getpid())
    kernel.memory_of(2**22 + 1)
    kernel.system_oom_kills()


# -- the kernel's log -------------------------------------------------------------------------

FELL_OFF = (
    "NVRM: Xid (PCI:0000:3b:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus."
)
ECC = "NVRM: Xid (PCI:0000:86:00): 48, pid=4242, name=python3, DBE (double bit error) ECC error"
OLD = "NVRM: Xid (0000:02:00): 13, Graphics Exception: ESR 0x404600=0x80000002"
CLEANUP = "NVRM: Xid (PCI:0000:3b:00): 45, pid=77, name=python, Ch 00000008"
OOM_CGROUP = (
    "Memory cgroup out of memory: Killed process 2204 (python (a)) total-vm:9kB, anon-rss:8kB"
)
OOM_SYSTEM = "Out of memory: Killed process 991 (train.py) total-vm:1kB, UID:1000 pgtables:1kB"


def test_faults_of_gpus() -> None:
    """Number, bus and process; what only tidies up after a process says nothing of the GPU."""
    found = kernel_log.xids([FELL_OFF, ECC, OLD, CLEANUP, "NVRM: loading the module", OOM_SYSTEM])
    assert [(each.pci, each.code, each.pid) for each in found] == [
        ("0000:3b:00", 79, None),
        ("0000:86:00", 48, 4242),
        ("0000:02:00", 13, None),
    ]
    lost = "NVRM: GPU 0000:5e:00.0: GPU has fallen off the bus."
    assert [each.pci for each in kernel_log.xids([lost])] == ["0000:5e:00"]


def test_buses_compare() -> None:
    """nvidia-smi and the driver write them in different ways."""
    assert kernel_log.pci("00000000:3B:00.0") == kernel_log.pci("0000:3b:00") == "0000:3b:00"


def test_who_was_killed_for_memory() -> None:
    """In a cgroup or on the whole machine; a name may hold brackets."""
    assert set(kernel_log.oom_victims([OOM_CGROUP, OOM_SYSTEM, FELL_OFF])) == {2204, 991}


def test_records() -> None:
    """Continuation lines and nonsense are no records."""
    text = f"4,812,5025000123,-;{OOM_SYSTEM}\n SUBSYSTEM=memory\n"
    assert kernel_log.record(text) == (5025.000123, OOM_SYSTEM)
    assert kernel_log.record("no;record") is None
    assert kernel_log.record("") is None


def test_a_log_that_cannot_be_read_is_empty(tmp_path: Path) -> None:
    """Most servers do not show it to everybody."""
    assert kernel_log.Log(str(tmp_path / "missing")).new() == []
    path = tmp_path / "kmsg"
    path.write_text(f"4,1,0,-;{OOM_SYSTEM}\n")
    assert kernel_log.Log(str(path), from_start=True).new()[0].text == OOM_SYSTEM
    assert kernel_log.oom_lines(10.0, str(tmp_path / "missing")) == []
