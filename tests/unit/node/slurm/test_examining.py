"""What doctor learns of a login node from texts."""

from __future__ import annotations

from pathlib import Path

import pytest

from overnight.node.slurm import examining, sinfo

MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
nas:/home /home nfs4 rw 0 0
/dev/sdb /home/scratch xfs rw 0 0
store /with\\040space lustre rw 0 0
"""


def test_versions_of_all_packagings() -> None:
    assert examining.version("slurm-wlm 22.05.8\n") == [22, 5]
    assert examining.version("slurm 20.02.7") == [20, 2]
    assert examining.version("") is None


def test_the_file_system_of_a_folder_is_that_of_its_nearest_mount() -> None:
    assert examining.file_system("/home/me/overnight", MOUNTS) == {
        "kind": "nfs4",
        "is_shared": True,
    }
    assert examining.file_system("/home/scratch/me", MOUNTS)["kind"] == "xfs"
    assert examining.file_system("/home2", MOUNTS) == {"kind": "ext4", "is_shared": False}
    assert examining.file_system("/with space/me", MOUNTS)["is_shared"]
    assert examining.file_system("/x", "") == {"kind": "unknown", "is_shared": False}


def test_which_partition_is_meant() -> None:
    (gpu,) = sinfo.parse("gpu*|up|gpu:4|1:00:00\n").values()
    assert examining.is_meant(gpu, None)
    assert examining.is_meant(gpu, "long,gpu")
    assert not examining.is_meant(gpu, "long")


def test_a_login_without_slurm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = examining.examine(str(tmp_path), {})
    assert found["missing"] == list(examining.NEEDED)
    assert found["partition"] is None
    assert found["problem"]
