"""Faults of a run's own GPUs, from what nvidia-smi and the driver say."""

from __future__ import annotations

from overnight.node import gpu_faults, gpus, kernel_log

A = "GPU-0a8f2b4c-1111-2222-3333-444455556666"
B = "GPU-9f00aa11-1111-2222-3333-444455556666"
TABLE = f"{A}, 00000000:3B:00.0, 0\n{B}, 00000000:86:00.0, [N/A]\n"


def xid(pci: str, pid: int | None, code: int = 79) -> kernel_log.Xid:
    return kernel_log.Xid(pci, code, pid, f"Xid {code} {pci} {pid}")


def test_health_of_gpus() -> None:
    """Bus and errors; None where a GPU does not count them."""
    healths = gpu_faults.parse(TABLE)
    assert healths[A] == gpu_faults.Health("0000:3b:00", 0)
    assert healths[B].ecc_errors is None


def test_new_errors_of_our_gpus() -> None:
    """More than before, on a GPU of the run."""
    before = gpu_faults.parse(TABLE)
    after = gpu_faults.parse(TABLE.replace("00.0, 0", "00.0, 3"))
    assert gpu_faults.new_errors(before, after, [A, B]) == [f"{A}: 3 uncorrected ECC errors"]
    assert gpu_faults.new_errors(before, after, [B]) == []
    assert gpu_faults.new_errors({}, after, [A]) == []


def test_only_our_faults_count() -> None:
    """By bus or by process; a labmate's GPU is not ours."""
    healths = gpu_faults.parse(TABLE)
    seen = [xid("0000:3b:00", None), xid("0000:86:00", 5), xid("0000:aa:00", 7)]
    assert gpu_faults.ours(seen, {7}, healths, [A]) == ["Xid 79 0000:3b:00 None", seen[2].text]
    assert gpu_faults.ours(seen, set(), {}, [A]) == [seen[0].text]


def test_a_gpu_that_is_lost() -> None:
    """As nvidia-smi or NVML says it; a driver that is slow is no fault."""
    lost = "nvidia-smi: Unable to determine the device handle for GPU 0000:3B:00.0: Unknown Error"
    for text in (lost, "NVML: GPU 1: GPU is lost", "NVML: GPU 1: Unknown Error"):
        assert gpu_faults.of_problem(text) == [text]
    assert gpu_faults.of_problem("nvidia-smi did not answer within 5 s") == []
    assert gpu_faults.of_problem(None) == []


def test_the_fault_of_another_gpu_is_none_of_ours() -> None:
    """One card fell off the bus, the run computes on one that answers."""
    said = "NVML: GPU 1: GPU is lost"
    table = gpus.Table((gpus.Gpu(0, "GPU-a", "H100", 81559, 4, 0),), problem=said)
    assert gpu_faults.of_table(table, ["GPU-a"]) == []
    assert gpu_faults.of_table(table, ["GPU-a", "GPU-b"]) == [said]
    assert gpu_faults.of_table(gpus.Table(problem=said), ["GPU-a"]) == [said]
