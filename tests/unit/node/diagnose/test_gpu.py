"""GPUs: memory, faults, drivers."""

from __future__ import annotations

import pytest

from tests.unit.node.diagnose import logs

CUDA_OOM = [
    "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB. GPU "
    "0 has a total capacty of 23.65 GiB of which 5.56 MiB is free.",
    "RuntimeError: CUDA error: out of memory",
    "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while "
    "trying to allocate 21474836480 bytes.",
    "tensorflow.python.framework.errors_impl.ResourceExhaustedError: OOM when "
    "allocating tensor with shape[64,512,512] and type float on "
    "/job:localhost/replica:0/task:0/device:GPU:0 by allocator GPU_0_bfc [Op:Conv2D]",
    "cupy.cuda.memory.OutOfMemoryError: Out of memory allocating 8,000,000,000 bytes "
    "(allocated so far: 0 bytes).",
    "RuntimeError: HIP out of memory. Tried to allocate 1.00 GiB",
    "RuntimeError: MPS backend out of memory (MPS allocated: 8.80 GB, other "
    "allocations: 256.00 KB, max allowed: 9.07 GB).",
    "ValueError: No available memory for the cache blocks. Try increasing "
    "`gpu_memory_utilization` when initializing the engine.",
    "xgboost.core.XGBoostError: [10:11:12] /workspace/src/c_api: bad_alloc: "
    "cudaErrorMemoryAllocation: out of memory",
]

CUDA_FAULT = [
    "RuntimeError: CUDA error: device-side assert triggered",
    "torch.AcceleratorError: CUDA error: an illegal memory access was encountered",
    "RuntimeError: CUDA error: uncorrectable ECC error encountered",
    "RuntimeError: cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
    "RuntimeError: cuDNN error: CUDNN_STATUS_INTERNAL_ERROR",
    "RuntimeError: CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling "
    "`cublasSgemm( handle, opa)`",
    "RuntimeError: CUDA error: unspecified launch failure",
    "jaxlib.xla_extension.XlaRuntimeError: INTERNAL: CUDA_ERROR_ILLEGAL_ADDRESS: an "
    "illegal memory access was encountered",
    "tensorflow.python.framework.errors_impl.InternalError: Failed to memcpy: "
    "CUDA_ERROR_ILLEGAL_ADDRESS",
    "RuntimeError: cuda runtime error (77) : an illegal memory access was encountered "
    "at /pytorch/aten/src/THC/THCGeneral.cpp:55",
    "RuntimeError: GET was unable to find an engine to execute this computation",
]

DRIVER = [
    "RuntimeError: Found no NVIDIA driver on your system. Please check that you have "
    "an NVIDIA GPU and installed a driver from "
    "http://www.nvidia.com/Download/index.aspx",
    "RuntimeError: The NVIDIA driver on your system is too old (found version 11040). "
    "Please update your GPU driver.",
    "RuntimeError: CUDA error: no kernel image is available for execution on the device",
    "RuntimeError: No CUDA GPUs are available",
    "RuntimeError: Unexpected error from cudaGetDeviceCount(). Did you run some cuda "
    "functions before calling NumCudaDevices() that might have already set an error? "
    "Error 804: forward compatibility was attempted on non supported HW",
    "RuntimeError: CUDA error: invalid device ordinal",
    "RuntimeError: Attempting to deserialize object on a CUDA device but "
    "torch.cuda.is_available() is False.",
    "RuntimeError: Unable to initialize backend 'cuda': Found cuda_plugin but no GPU",
    "ValueError: fp16 mixed precision requires a GPU (not 'mps').",
    "lightning_fabric.utilities.exceptions.MisconfigurationException: You requested "
    "gpu: [0, 1] But your machine only has: [0]",
    "pynvml.NVMLError_LibRmVersionMismatch: RM has detected an NVML/RM version mismatch.",
    "pynvml.NVMLError_DriverNotLoaded: Driver Not Loaded",
    "RuntimeError: FlashAttention only supports Ampere GPUs or newer.",
    "deepspeed.ops.op_builder.builder.MissingCUDAException: CUDA_HOME does not exist, "
    "unable to compile CUDA op(s)",
]


@pytest.mark.parametrize("message", CUDA_OOM)
def test_cuda_oom(message: str) -> None:
    """Messages of several libraries are taken for cuda_oom."""
    assert logs.kind(logs.raising(message), exit_code=1) == "cuda_oom"


@pytest.mark.parametrize("message", CUDA_FAULT)
def test_cuda_fault(message: str) -> None:
    """Messages of several libraries are taken for cuda_fault."""
    assert logs.kind(logs.raising(message), exit_code=1) == "cuda_fault"


@pytest.mark.parametrize("message", DRIVER)
def test_driver(message: str) -> None:
    """Messages of several libraries are taken for driver."""
    assert logs.kind(logs.raising(message), exit_code=1) == "driver"


def test_sizes_asked_and_free_are_kept() -> None:
    """Of torch's long message."""
    message = (
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 3 has a "
        "total capacity of 79.15 GiB of which 7.11 GiB is free. Including non-PyTorch memory"
    )
    facts = logs.diagnosed(logs.raising(message), exit_code=1).facts
    assert (facts["wanted"], facts["free"], facts["total"]) == ("2.00 GiB", "7.11 GiB", "79.15 GiB")
    assert facts["gpu"] == "3"


def test_memory_of_others_makes_it_contention() -> None:
    """When somebody else holds memory on the GPU the batch is not to blame."""
    log = logs.raising(CUDA_OOM[0])
    assert logs.kind(log, exit_code=1, foreign_mib=30_000) == "gpu_contention"


def test_the_advice_about_assertions_is_no_assertion() -> None:
    """Every CUDA error prints it, also the one that means a missing kernel."""
    advice = "\nCompile with `TORCH_USE_CUDA_DSA` to enable device-side assertions."
    message = "RuntimeError: CUDA error: no kernel image is available for execution on the device"
    assert logs.kind(logs.raising(message + advice), exit_code=1) == "driver"


def test_a_fault_that_the_driver_reports() -> None:
    """An Xid explains a run that died without a word."""
    xid = "NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus."
    found = logs.diagnosed(logs.progress(), exit_code=1, gpu_faults=(xid,))
    assert (found.kind, found.facts["gpu_faults"]) == ("cuda_fault", [xid])
