"""AMD's programs. The texts have the documented shapes; they were not taken from a real card."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.node import amd, gpus, nvml

A = "GPU-1e4e0e2c7f8a9b0c"
B = "GPU-0000000000000abc"
STATIC = [
    {
        "gpu": 0,
        "asic": {"market_name": "AMD Instinct MI210", "asic_serial": "0x1E4E0E2C7F8A9B0C"},
        "bus": {"bdf": "0000:63:00.0", "max_pcie_width": 16},
        "driver": {"name": "amdgpu", "version": "6.7.0"},
    },
    {
        "gpu": 1,
        "asic": {"market_name": "N/A", "asic_serial": "0xABC"},
        "bus": {"bdf": "0000:83:00.0"},
    },
]
METRIC = [
    {
        "gpu": 0,
        "usage": {"gfx_activity": {"value": 97, "unit": "%"}, "umc_activity": "N/A"},
        "mem_usage": {
            "total_vram": {"value": 65520, "unit": "MB"},
            "used_vram": {"value": 4100, "unit": "MB"},
        },
    },
    {"gpu": 1, "usage": "N/A", "mem_usage": {"total_vram": "N/A", "used_vram": "N/A"}},
]
PROCESSES = [
    {
        "gpu": 0,
        "process_list": [
            {
                "process_info": {
                    "name": "python3",
                    "pid": 4242,
                    "memory_usage": {
                        "gtt_mem": {"value": 2, "unit": "MB"},
                        "vram_mem": {"value": 4294967296, "unit": "B"},
                    },
                }
            }
        ],
    },
    {"gpu": 1, "process_list": [{"process_info": "No running processes detected"}]},
]
FOUND = (
    gpus.Gpu(
        0, A, "AMD Instinct MI210", 65520, 4100, 97, (gpus.App(A, 4242, 4096),), "0000:63:00.0"
    ),
    gpus.Gpu(1, B, "AMD GPU", None, None, None, (), "0000:83:00.0"),
)

CARDS = {
    "card0": {
        "Unique ID": "0x1e4e0e2c7f8a9b0c",
        "Card Series": "Instinct MI210",
        "PCI Bus": "0000:63:00.0",
        "GPU use (%)": "97",
        "VRAM Total Memory (B)": "68702699520",
        "VRAM Total Used Memory (B)": "4299161600",
    },
    "card1": {
        "Unique ID": "0xabc",
        "Device Name": "0x740f",
        "PCI Bus": "0000:83:00.0",
        "GPU use (%)": "N/A",
        "VRAM Total Memory (B)": "N/A",
        "VRAM Total Used Memory (B)": "N/A",
    },
    "card2": {"Unique ID": "N/A"},
    "system": {"Driver version": "6.7.0"},
}
PIDS = {"system": {"PID4242": "python3, 1, 4294967296, 0, 0", "PID77": "cut off"}}
PLACES = """\
============================= GPUs Indexed by PID ==============================
PID 4242 is using 1 DRM device(s):
0
PID 77 is using 2 DRM device(s):
0 1
================================================================================
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Puts a program with this shell text where it is found; no NVIDIA card is there."""

    def install(name: str, script: str) -> None:
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)

    monkeypatch.setattr(nvml, "LIBRARY", "")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return install


def answering(static: Any, metric: Any, processes: Any) -> str:
    told = {"static": static, "metric": metric, "process": processes}
    cases = [f"{word}) cat <<'E'\n{json.dumps(value)}\nE\n;;" for word, value in told.items()]
    return f"case $1 in {' '.join(cases)} esac"


@pytest.mark.parametrize("below", [False, True])
def test_amd_smi(program: Callable[[str, str], None], below: bool) -> None:
    """Newer versions put the same list below a key."""
    parts = [STATIC, METRIC, PROCESSES]
    program("amd-smi", answering(*[{"gpu_data": part} if below else part for part in parts]))
    assert gpus.query() == gpus.Table(FOUND, "6.7.0")


ROCM = f"""\
case "$*" in
*showpidgpus*) cat <<'E'
{PLACES}E
;;
*showpids*) echo 'WARNING: AMD GPU device(s) is/are in a low-power state.'
echo '{json.dumps(PIDS)}' ;;
*) echo '{json.dumps(CARDS)}' ;;
esac"""


def test_rocm_smi_where_there_is_no_amd_smi(program: Callable[[str, str], None]) -> None:
    """A process on several cards does not tell how much it holds of each."""
    program("rocm-smi", ROCM)
    table = gpus.query()
    first, second = table.gpus
    assert (table.driver, table.problem) == ("6.7.0", None)
    assert (first.uuid, first.name, first.memory_total_mib) == (A, "Instinct MI210", 65520)
    assert (second.uuid, second.name, second.utilization) == (B, "0x740f", None)
    assert first.apps == (gpus.App(A, 77, None), gpus.App(A, 4242, 4096))
    assert second.apps == (gpus.App(B, 77, None),)


def test_rocm_smi_where_amd_smi_fails(program: Callable[[str, str], None]) -> None:
    """The older program may still know."""
    program("amd-smi", "echo broken; exit 3")
    assert gpus.query() == gpus.Table(problem="amd-smi: broken (exit code 3)")
    program("rocm-smi", ROCM)
    assert [gpu.uuid for gpu in gpus.query().gpus] == [A, B]


def test_a_process_without_a_place_may_be_anywhere() -> None:
    """What cannot be seen may be in use."""
    uuids = {0: A, 1: B}
    assert amd.rocm_smi_apps("", {5: 100}, uuids) == [gpus.App(A, 5, None), gpus.App(B, 5, None)]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("exec sleep 60", "amd-smi did not answer within 0.2 s"),
        ("echo no json", "amd-smi: the answer is not JSON"),
        ("echo '[]'", "amd-smi told of no GPU that could be understood"),
        ("exit 255", "amd-smi: no message (exit code 255)"),
    ],
)
def test_what_goes_wrong_is_a_problem(
    program: Callable[[str, str], None], script: str, said: str
) -> None:
    """A hang, another format, silence: there are cards, and they cannot be seen."""
    program("amd-smi", script)
    assert amd.query(timeout_s=0.2) == gpus.Table(problem=said)


def test_cards_whose_processes_are_unknown_are_not_offered(
    program: Callable[[str, str], None],
) -> None:
    """They are shown all the same."""
    program("amd-smi", answering(STATIC, METRIC, PROCESSES).replace("process)", "never)"))
    table = gpus.query()
    assert table.problem == "amd-smi: the answer is not JSON"
    assert len(table.gpus) == 2


NAMES = [
    "gpu",
    "asic",
    "asic_serial",
    "process_list",
    "process_info",
    "pid",
    "card0",
    "system",
    "mem_usage",
    "used_vram",
    "value",
    "unit",
    "PID1",
    "gpu_data",
    "bus",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*NAMES, "Unique ID"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON)
def test_no_answer_makes_the_parsers_fail(told: Any) -> None:
    """Whatever stands where, they take what they know."""
    text = json.dumps(told)
    rows = amd.parse_list(text)
    amd.amd_smi_gpus(rows, rows), amd.amd_smi_apps(text, {0: A})
    table = amd.parse_table(json.dumps({"card0": told, "system": told}))
    amd.rocm_smi_gpus(table), amd.process_memory(table), list(amd.pid_indices(text))
