"""What a job says of itself in its environment. Pure."""

from __future__ import annotations

from typing import Mapping

GPU_VARIABLES = (
    *("CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "ROCR_VISIBLE_DEVICES"),
    *("HIP_VISIBLE_DEVICES", "ZE_AFFINITY_MASK"),
)
OTHERS = ("SLURMD_NODENAME", "TMPDIR")


def of_job(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that a training must have from its job, not from the login of its launch."""
    kept = {
        name: value
        for name, value in environ.items()
        if name.startswith("SLURM_") or name in GPU_VARIABLES or name in OTHERS
    }
    if visible(environ):
        kept["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # as Slurm counts
    if environ.get("SLURM_CPUS_PER_TASK"):  # since 22.05 srun takes it from nowhere else
        kept["SRUN_CPUS_PER_TASK"] = environ["SLURM_CPUS_PER_TASK"]
    return kept


def visible(environ: Mapping[str, str]) -> list[str]:
    """The GPUs of the job, by number or UUID."""
    return [each for each in environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if each.strip()]
