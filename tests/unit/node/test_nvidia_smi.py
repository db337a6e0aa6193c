"""What nvidia-smi prints, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.node import gpus, nvidia_smi, nvml

A = "GPU-0a8f2b4c-1111-2222-3333-444455556666"
B = "GPU-9f00aa11-1111-2222-3333-444455556666"

# The shape that `--format=csv,noheader,nounits` gives; the texts in brackets are those that
# nvidia-smi prints where a driver or a device cannot tell.
TWO_GPUS = f"""\
0, {A}, NVIDIA H100 80GB HBM3, 81559, 4, 0, 550.54.15, 00000000:01:00.0, Disabled
1, {B}, NVIDIA H100 80GB HBM3, 81559, 30211, 97, 550.54.15, 00000000:02:00.0, Disabled
"""
SILENT_GPU = (
    f"0, {A}, NVIDIA GB10, [N/A], [Not Supported], [Unknown Error], 580.95.05, [N/A], [N/A]\n"
)
APPS = f"{B}, 4242, 30200\n{B}, 4243, [N/A]\n"


@pytest.fixture
def nvidia_smi_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a program of this name, with this shell text, where it is found first."""

    def install(script: str) -> None:
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    monkeypatch.setattr(nvml, "LIBRARY", "")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return install


def test_parses_what_nvidia_smi_prints() -> None:
    """Numbers, names and the driver's version are read from the plain rows."""
    first, second = nvidia_smi.parse_gpus(TWO_GPUS)
    assert first == gpus.Gpu(0, A, "NVIDIA H100 80GB HBM3", 81559, 4, 0, bus="00000000:01:00.0")
    assert (second.index, second.memory_used_mib, second.utilization) == (1, 30211, 97)
    assert nvidia_smi.parse_driver(TWO_GPUS) == "550.54.15"


def test_what_the_driver_does_not_tell_is_none() -> None:
    """[N/A], [Not Supported] and [Unknown Error] are no numbers and no errors."""
    (silent,) = nvidia_smi.parse_gpus(SILENT_GPU)
    assert (silent.memory_total_mib, silent.memory_used_mib, silent.utilization) == (None,) * 3
    assert nvidia_smi.parse_apps(APPS) == (gpus.App(B, 4242, 30200), gpus.App(B, 4243, None))


@given(st.text())
def test_no_text_makes_the_parsers_fail(text: str) -> None:
    """Whatever a driver prints, the parsers answer."""
    nvidia_smi.parse_gpus(text), nvidia_smi.parse_driver(text), nvidia_smi.parse_apps(text)


def test_query_puts_processes_to_their_gpus(nvidia_smi_program: Callable[[str], None]) -> None:
    """One table holds the GPUs, the driver, and each GPU's processes."""
    nvidia_smi_program(
        f'case "$1" in --query-gpu*) cat <<E\n{TWO_GPUS}E\n;; *) cat <<E\n{APPS}E\n;; esac'
    )
    table = gpus.query()
    assert (table.driver, table.problem) == ("550.54.15", None)
    assert [len(each.apps) for each in table.gpus] == [0, 2]


def test_no_nvidia_smi_means_no_gpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without the program has no GPUs, and that is no problem."""
    monkeypatch.setattr(nvml, "LIBRARY", "")
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
    nvidia_smi_program: Callable[[str], None], script: str, said: str
) -> None:
    """Failure, mismatch, silence, a hang: each is a table without GPUs that says what it was."""
    nvidia_smi_program(script)
    assert gpus.query(timeout_s=0.1) == gpus.Table((), None, said)


def test_gpus_whose_processes_are_unknown_are_not_offered(
    nvidia_smi_program: Callable[[str], None],
) -> None:
    """Where the second question fails the GPUs are shown, but none of them counts as free."""
    nvidia_smi_program(f'case "$1" in --query-gpu*) cat <<E\n{TWO_GPUS}E\n;; *) exit 1 ;; esac')
    table = gpus.query()
    assert len(table.gpus) == 2 and table.problem


def test_a_card_in_mig_mode_says_so() -> None:
    """It is no problem, but it is not offered."""
    first, second = nvidia_smi.parse_gpus(TWO_GPUS.replace("Disabled", "Enabled", 1))
    assert (first.note, second.note) == (gpus.MIG_NOTE, "")


def test_an_old_nvidia_smi_is_asked_for_less(nvidia_smi_program: Callable[[str], None]) -> None:
    """One that does not know of MIG refuses the whole question."""
    nvidia_smi_program(
        'case "$1" in *mig*) echo \'Field "mig.mode.current" is not a valid field to query.\'; '
        f"exit 2 ;; --query-gpu*) echo '0, {A}, K80, 11441, 3, 0, 450.1, 00000000:01:00.0' ;; esac"
    )
    table = gpus.query()
    assert (table.driver, table.problem, table.gpus[0].bus) == ("450.1", None, "00000000:01:00.0")
