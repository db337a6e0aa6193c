"""NVML through ctypes, against a library of the documented shape; no real driver was asked."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from overnight.node import gpus, nvml, server
from tests.testbed import gpus as cards
from tests.testbed import nvml as fake

A = "GPU-0a8f2b4c-1111-2222-3333-444455556666"
B = "GPU-9f00aa11-1111-2222-3333-444455556666"
NO_PATH = "/nowhere"

Use = Callable[..., None]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake.compiled(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def use(tmp_path: Path, library: Path, monkeypatch: pytest.MonkeyPatch) -> Use:
    """Lets the node ask the library, or one compiled with other flags. No nvidia-smi is there."""
    monkeypatch.setenv("PATH", NO_PATH)

    def told(*lines: str, flags: tuple[str, ...] = ()) -> None:
        with monkeypatch.context() as patch:
            patch.setenv("PATH", "/usr/bin:/bin")
            chosen = fake.compiled(tmp_path, *flags) if flags else library
        fake.use(chosen, lines, tmp_path, monkeypatch)

    return told


def test_reads_cards_and_processes(use: Use) -> None:
    """Everything of a table, with the memory that the driver keeps back left out."""
    use(
        "driver 535.183.01",
        fake.card(0, A, used_mib=30204, percent=97),
        fake.card(1, B, name="NVIDIA RTX A6000, second"),
        fake.process(0, 4242, 30000),
        fake.process(0, 4243, None),
    )
    apps = (gpus.App(A, 4242, 30000), gpus.App(A, 4243, None))
    first = gpus.Gpu(0, A, "NVIDIA H100 80GB HBM3", 81559, 30204, 97, apps, "00000000:01:00.0")
    second = gpus.Gpu(1, B, "NVIDIA RTX A6000, second", 81559, 4, 0, (), "00000000:02:00.0")
    assert gpus.query() == gpus.Table((first, second), "535.183.01")


@pytest.mark.parametrize(
    "flags",
    [("-DNEWEST=2",), ("-DNEWEST=1",), ("-DENTRY_BYTES=32",), ("-DNEWEST=2", "-DENTRY_BYTES=32")],
)
def test_every_form_of_the_process_list_is_read(use: Use, flags: tuple[str, ...]) -> None:
    """Older libraries write shorter entries, some of the 535 series longer ones."""
    lines = [fake.process(0, 100 + n, n) for n in range(3)]
    use(fake.card(0, A), *lines, flags=flags)
    assert gpus.query().gpus[0].apps == tuple(gpus.App(A, 100 + n, n) for n in range(3))


def test_a_list_that_does_not_fit_is_asked_for_again(use: Use) -> None:
    """Hundreds of processes on one card."""
    use(fake.card(0, A), *[fake.process(0, 100 + n, 1) for n in range(300)])
    assert [app.pid for app in gpus.query().gpus[0].apps] == list(range(100, 400))


def test_who_computes_and_draws_computes(use: Use) -> None:
    """Graphics processes are told as such, each process once."""
    use(
        fake.card(0, A),
        fake.process(0, 1, 500, "Graphics"),
        fake.process(0, 2, 700),
        fake.process(0, 2, 700, "Graphics"),
    )
    assert gpus.query().gpus[0].apps == (gpus.App(A, 1, 500, True), gpus.App(A, 2, 700))


def test_cards_are_counted_by_their_bus(use: Use) -> None:
    """As CUDA_DEVICE_ORDER=PCI_BUS_ID does, whatever the library's order."""
    use(fake.card(9, A), fake.card(4, B))
    assert [(gpu.index, gpu.uuid) for gpu in gpus.query().gpus] == [(0, B), (1, A)]


def test_a_card_in_mig_mode_says_so(use: Use) -> None:
    """It is shown with the reason why it is not offered; no MIG at all is nothing to say."""
    use(fake.card(0, A, mig=1), fake.card(1, B, mig=-1))
    assert [gpu.note for gpu in gpus.query().gpus] == [gpus.MIG_NOTE, ""]
    assert gpus.query().problem is None


def test_memory_without_the_newer_call(use: Use) -> None:
    """An older driver counts what it keeps back as used."""
    use(fake.card(0, A), flags=("-DNO_MEMORY_V2",))
    assert gpus.query().gpus[0].memory_used_mib == 4 + 551


def test_what_a_card_does_not_tell_is_none(use: Use) -> None:
    """Unified memory, no counters: the card can be used all the same."""
    refused = [f"refuse 0 {name} 3" for name in ("GetMemoryInfo", "GetUtilizationRates")]
    use(fake.card(0, A), *refused, "refuse 0 GetPciInfo 3")
    found = gpus.query()
    assert found.problem is None
    assert found.gpus == (gpus.Gpu(0, A, "NVIDIA H100 80GB HBM3", None, None, None),)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (9, "NVML: Driver Not Loaded"),
        (4, "NVML: Insufficient Permissions"),
        (18, "NVML: Driver/library version mismatch"),
        (999, "NVML: Unknown Error"),
        (77, "NVML: error 77"),
    ],
)
def test_a_driver_that_does_not_start_is_a_problem(use: Use, code: int, said: str) -> None:
    """In the words of NVML's documentation."""
    use(f"init {code}", fake.card(0, A))
    assert gpus.query() == gpus.Table(problem=said)


def test_a_library_without_any_card_is_no_gpu(
    use: Use, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other programs bring it along; where nothing is shown of the machine, it is a problem."""
    use("init 9")
    (tmp_path / "pci" / "0000:01:00.0" / "vendor").write_text("0x8086\n")
    assert gpus.query() == gpus.Table()
    monkeypatch.setattr(nvml, "not_used", {})
    monkeypatch.setattr(nvml, "PCI", str(tmp_path / "nowhere"))
    assert gpus.query() == gpus.Table(problem="NVML: Driver Not Loaded")


@pytest.mark.parametrize("call", ["GetHandleByIndex", "GetUUID", "GetProcesses", "GetMemoryInfo"])
def test_a_card_that_is_lost_is_a_problem(use: Use, call: str) -> None:
    """The others are shown, and none is offered."""
    use(fake.card(0, A), fake.card(1, B), f"refuse 1 {call} 15")
    found = gpus.query()
    assert [gpu.uuid for gpu in found.gpus] == [A]
    assert found.problem == "NVML: GPU 1: GPU is lost"


def test_a_card_that_is_closed_to_us_is_not_there(use: Use) -> None:
    """Device files of others: nothing to use, nothing wrong."""
    use(fake.card(0, A), fake.card(1, B), "refuse 0 GetHandleByIndex 4")
    found = gpus.query()
    assert ([gpu.uuid for gpu in found.gpus], found.problem) == ([B], None)


def test_a_driver_that_hangs_is_a_problem(use: Use) -> None:
    """The call is left alone, in its own process."""
    use("hang 60", fake.card(0, A))
    said = "NVML did not answer: it took longer than 0.2 s"
    assert gpus.query(timeout_s=0.2) == gpus.Table(problem=said)


def test_a_library_that_crashes_is_a_problem(use: Use) -> None:
    """Its process dies, not ours. (The library aborts at words that it does not know.)"""
    use("nonsense")
    assert gpus.query() == gpus.Table(problem="NVML did not answer: its process died")


def test_no_library_and_no_program_is_no_gpu(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing to compute on is fine, and asked for only once."""
    monkeypatch.setenv("PATH", NO_PATH)
    monkeypatch.setattr(nvml, "LIBRARY", str(tmp_path / "none.so"))
    monkeypatch.setattr(nvml, "not_used", {})
    assert gpus.query() == gpus.Table()
    assert list(nvml.not_used) == [str(tmp_path / "none.so")]
    assert gpus.query() == gpus.Table()


SMI = (
    f"#!/bin/sh\ncase $1 in --query-gpu*) echo '0, {A}, X, 1, 0, 0, 470.1, 0:1:0.0, N/A' ;; esac\n"
)


@pytest.mark.parametrize(
    ("lines", "flags", "lacks"),
    [
        ((), ("-DNO_PROCESSES",), "lacks nvmlDeviceGetComputeRunningProcesses"),
        (("init 12",), (), "NVML Shared Library Not Found"),
        (("init 13",), (), "Function Not Found"),
    ],
)
def test_a_library_that_is_too_old_leaves_it_to_nvidia_smi(
    use: Use,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    lines: tuple[str, ...],
    flags: tuple[str, ...],
    lacks: str,
) -> None:
    """Without nvidia-smi it is a problem: there are GPUs that cannot be seen."""
    use(*lines, fake.card(0, A), flags=flags)
    assert lacks in str(gpus.query().problem)
    program = tmp_path / "nvidia-smi"
    program.write_text(SMI)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert (gpus.query().driver, gpus.query().problem) == ("470.1", None)


def test_the_loader_finds_the_library_by_its_name(library: Path, tmp_path: Path) -> None:
    """As a node starts on a server, with the library where the loader looks."""
    (tmp_path / "cards.txt").write_text(fake.card(0, A) + "\n")
    variables = {"FAKENVML": str(tmp_path / "cards.txt"), "LD_LIBRARY_PATH": str(library.parent)}
    ask = "import sys; sys.path.insert(0, sys.argv[1]); from overnight.node import gpus; "
    argv = [sys.executable, "-S", "-E", "-c", f"{ask} print(gpus.query())", server.node_folder()]
    done = subprocess.run(argv, env=variables, capture_output=True, text=True, check=True)
    assert A in done.stdout


# -- the same, asked in two ways --------------------------------------------------------------

STAND_IN = """\
#!{python}
import runpy, sys
names = runpy.run_path({program!r})
names["main"].__globals__["STATE"] = {state!r}
names["main"].__globals__["own_processes"] = lambda cards: ()  # of this machine
sys.exit(names["main"](sys.argv[1:]))
"""


def as_nvidia_smi(state: cards.Gpus, folder: Path) -> None:
    """Puts the testbed's stand-in for nvidia-smi into `folder`."""
    text = STAND_IN.format(
        python=sys.executable, program=str(cards.PROGRAM), state=str(folder / "state.json")
    )
    (folder / "nvidia-smi").write_text(text)
    (folder / "nvidia-smi").chmod(0o755)


@pytest.mark.parametrize("used", [{}, {0: 300}, {1: 5000}, {0: 20, 1: 70000}])
def test_nvml_and_nvidia_smi_make_the_same_table(
    use: Use, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, used: dict[int, int]
) -> None:
    """One scenario, told to both stand-ins."""
    state = cards.Gpus(tmp_path / "state.json")
    state.install(2, "NVIDIA H100 80GB HBM3", 81559)
    for index, mib in used.items():
        state.occupy(index, os.getpid(), mib)
    as_nvidia_smi(state, tmp_path)
    lines = [
        fake.card(index, uuid, used_mib=used.get(index, 0) + 4, percent=97 * (index in used))
        for index, uuid in enumerate(state.uuids)
    ]
    use(*lines, *[fake.process(index, os.getpid(), mib) for index, mib in used.items()])
    by_library = gpus.query()
    monkeypatch.setattr(nvml, "LIBRARY", "")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert gpus.query() == by_library
    assert [len(gpu.apps) for gpu in by_library.gpus] == [int(n in used) for n in range(2)]


def test_no_error_goes_without_a_word() -> None:
    """Each code that a caller looks at by name has one too."""
    codes: Any = {nvml.NOT_SUPPORTED, nvml.NO_PERMISSION, nvml.INSUFFICIENT_SIZE, *nvml.FALL_BACK}
    assert codes <= set(nvml.ERRORS)
