"""GPUs: their memory, faults of the device, drivers that do not fit."""

from __future__ import annotations

from overnight.node.diagnose.rules import printed, raised

SIZE = r"[\d.]+ ?[KMGT]?i?B"
TORCH_OOM = (
    r"(?:CUDA|HIP|XPU|NPU|MPS backend) out of memory\.?(?: Tried to allocate"
    rf" (?P<wanted>{SIZE}))?"
    rf"(?:\.? ?\(?GPU (?P<gpu>\d+)(?: has a total capac\w+ of |; )(?P<total>{SIZE}))?"
    rf"(?:[^\n]{{0,120}}?(?:of which |; )(?P<free>{SIZE})(?: is)? free)?"
)

OOM = (
    raised("cuda_oom", TORCH_OOM, "c10/cuda/CUDACachingAllocator.cpp, torch 1.x and 2.x", 0.97),
    raised("cuda_oom", r"^(?:torch\.)?(?:cuda\.)?OutOfMemoryError\b", "torch", 0.96),
    raised(
        "cuda_oom",
        r"cudaErrorMemoryAllocation|CUDA_ERROR_OUT_OF_MEMORY|CUDA(?: driver| runtime)?"
        r" error:?[^\n]{0,40}"
        r"out of memory|hipErrorOutOfMemory|(?:CUBLAS|CUDNN|CUSOLVER|CUSPARSE"
        r"|CUFFT)\w*ALLOC_FAILED"
        r"|CUBLAS_STATUS_ALLOC_FAILED|Cuda failure[^\n]{0,20}out of memory",
        "CUDA runtime, cuBLAS, cuDNN",
        0.96,
    ),
    raised(
        "cuda_oom",
        r"OOM when allocating tensor|ResourceExhaustedError|failed to allocate memory",
        "tensorflow/core/framework/op_kernel.cc",
        0.93,
    ),
    raised(
        "cuda_oom",
        r"RESOURCE_EXHAUSTED: (?:Out of memory while trying to allocate|Failed to"
        r" allocate request for)"
        rf" (?P<wanted>{SIZE}|\d+ bytes)?|RESOURCE_EXHAUSTED[^\n]{{0,80}}memory",
        "xla/pjrt/gpu, xla/tsl/framework/bfc_allocator.cc",
        0.93,
    ),
    raised(
        "cuda_oom",
        r"cupy\S*OutOfMemoryError|Out of memory allocating [\d,]+ bytes \(allocated so"
        r" far",
        "cupy",
        0.95,
    ),
    raised(
        "cuda_oom",
        r"No available memory for the cache blocks|larger than the maximum number of"
        r" tokens that can be"
        r" stored in KV cache|Not enough memory\. Please try to increase --mem-fraction",
        "vllm, sglang",
        0.9,
    ),
    raised(
        "cuda_oom",
        r"Out of memory error on GPU (?P<gpu>\d+)",
        "paddle/fluid/memory/allocation",
        0.96,
    ),
    raised(
        "cuda_oom",
        r"out of memory[^\n]{0,60}(?:GPU|CUDA|device)|(?:GPU|CUDA)[^\n]{0,60}out of"
        r" memory",
        "various",
        0.85,
    ),
    printed("cuda_oom", "CUDA out of memory", TORCH_OOM, "c10/cuda/CUDACachingAllocator.cpp", 0.93),
    printed("cuda_oom", "HIP out of memory", TORCH_OOM, "c10/hip/HIPCachingAllocator.cpp", 0.93),
    printed("cuda_oom", "CUDA_ERROR_OUT_OF_MEMORY", "", "xla/stream_executor/cuda", 0.7),
    printed(
        "cuda_oom",
        "_bfc) ran out of memory",
        r"Allocator \(GPU",
        "tensorflow/core/common_runtime",
        0.6,
    ),
    printed("cuda_oom", "OOM when allocating tensor", r"(?!.*device:CPU)", "tensorflow", 0.75),
    printed(
        "cuda_oom", "ALLOC_FAILED", r"(?:CUBLAS|CUDNN)_STATUS_ALLOC_FAILED", "cuBLAS, cuDNN", 0.85
    ),
    printed("cuda_oom", "CUDA error: out of memory", "", "c10/cuda/CUDAException.h", 0.9),
    printed("cuda_oom", "cudaErrorMemoryAllocation", "", "CUDA runtime", 0.9),
)

FAULT_WORDS = (
    r"an illegal memory access|illegal instruction|misaligned address|unspecified"
    r" launch failure"
    r"|device-side assert|hardware stack error|uncorrectable|ECC error|invalid"
    r" program counter"
    r"|the launch timed out|unknown error|unspecified driver error|operation not"
    r" permitted when stream"
    r"|invalid address space|uncorrectable NVLink|device kernel image is invalid"
    r"|peer access"
    r"|an operation is not permitted|invalid resource handle|context is destroyed"
)

FAULT = (
    raised(
        "cuda_fault",
        r"(?:CUDA|HIP)(?: driver| runtime)? error:?"
        rf" ?[^\n]{{0,60}}?(?P<fault>{FAULT_WORDS})",
        "c10/cuda/CUDAException.cpp",
        0.95,
    ),
    raised(
        "cuda_fault",
        r"(?P<fault>device-side assert triggered|illegal memory access|misaligned address"
        r"|unspecified launch failure|cudaErrorLaunchFailure|cudaErrorIllegalAddress"
        r"|cudaErrorAssert"
        r"|CUDA_ERROR_(?:ILLEGAL_ADDRESS|LAUNCH_FAILED|ASSERT|MISALIGNED_ADDRESS"
        r"|HARDWARE_STACK_ERROR"
        r"|ECC_UNCORRECTABLE|ILLEGAL_INSTRUCTION|LAUNCH_TIMEOUT|UNKNOWN))",
        "CUDA runtime and driver",
        0.94,
    ),
    raised(
        "cuda_fault",
        r"(?P<fault>(?:CUBLAS|CUDNN|CUSOLVER|CUSPARSE|CUFFT|NVRTC)(?:_STATUS)?_"
        r"(?:EXECUTION_FAILED|INTERNAL_ERROR|MAPPING_ERROR|NOT_INITIALIZED"
        r"|INTERNAL_ERROR\w*|EXEC_FAILED)\w*)",
        "cuBLAS, cuDNN, cuSOLVER",
        0.9,
    ),
    raised(
        "cuda_fault",
        r"Failed to get convolution algorithm|DNN library (?:is not found"
        r"|initialization failed)"
        r"|unable to find an engine to execute|FIND was unable to find an engine"
        r"|Autotuning failed|Blas (?:GEMM|xGEMM\w*) launch failed|failed to enqueue",
        "cuDNN through torch, xla and tensorflow",
        0.8,
    ),
    raised(
        "cuda_fault",
        r"(?:GPU|device|Device|node)[^\n]{0,40}(?P<fault>fallen off the bus|is lost"
        r"|device lost|unhealthy|(?:has|with|detected) (?:an? )?(?:uncorrectable"
        r" )?(?:ECC|Xid))"
        r"|\bXid\b[^\n]{0,40}\d+",
        "NVIDIA driver, NVML",
        0.9,
    ),
    raised("cuda_fault", r"HSA_STATUS_ERROR|Memory access fault by GPU", "ROCm", 0.92),
    printed(
        "cuda_fault",
        "CUDA error",
        rf"CUDA error:? ?[^\n]{{0,60}}?(?P<fault>{FAULT_WORDS})",
        "c10/cuda/CUDAException.cpp",
        0.85,
        fatal=True,  # the context is lost, whoever catches it
    ),
    printed(
        "cuda_fault",
        "Assertion `",
        r"\.cuh?:\d+:[^\n]{0,300}(?:block: \[|thread: \[)[^\n]{0,300}Assertion `",
        "ATen/native/cuda: assertions of kernels",
        0.8,
    ),
    printed(
        "cuda_fault",
        "NVRM: Xid",
        r"NVRM: Xid[^\n]{0,60}: (?P<xid>\d+)",
        "NVIDIA driver in dmesg",
        0.9,
    ),
    printed(
        "cuda_fault", "Xid", r"\bXid \(PCI[^)]*\): (?P<xid>\d+)", "NVIDIA driver in dmesg", 0.9
    ),
    printed("cuda_fault", "GPU is lost", "", "nvidia-smi", 0.9),
    printed("cuda_fault", "fallen off the bus", "", "NVIDIA driver", 0.93),
    printed("cuda_fault", "Memory access fault by GPU", "", "ROCm", 0.93, fatal=True),
    printed(
        "cuda_fault", "uncorrectable ECC", r"uncorrectable ECC error", "CUDA runtime, NVML", 0.9
    ),
    printed(
        "cuda_fault",
        "ILLEGAL_ADDRESS",
        r"CUDA_ERROR_ILLEGAL_ADDRESS",
        "xla/stream_executor/cuda",
        0.88,
    ),
    printed(
        "cuda_fault",
        "illegal memory access",
        r"illegal memory access was encountered",
        "CUDA runtime",
        0.85,
    ),
)

DRIVER = (
    raised(
        "driver",
        r"(?:GPUs?|CUDA)(?: devices?)? (?:is|are) (?:required|needed|mandatory)|might"
        r" not have a CUDA gpu"
        r"|driver initialization failed",
        "user code, torch/csrc/cuda",
        0.94,
    ),
    raised(
        "driver",
        r"Torch not compiled with CUDA enabled|not compiled with (?:CUDA|GPU|cuda|ROCm)"
        r"|wasn't compiled with CUDA|compiled without (?:CUDA|GPU) support|without GPU"
        r" support",
        "torch/cuda/__init__.py",
        0.96,
    ),
    raised(
        "driver",
        r"doesn't have (?:NCCL|XCCL|HCCL) built ?in",
        "torch/distributed/distributed_c10d.py",
        0.96,
    ),
    raised(
        "driver",
        r"No (?:supported )?(?:gpu|GPU|CUDA|cuda)(?: backend| devices?|"
        r" GPUs?)?(?:-capable device)?"
        r"(?: is| are| was| were)? ?(?:found|available|detected)|no CUDA-capable"
        r" device|No CUDA GPUs are available"
        r"|no NVIDIA driver|No CUDA runtime is found|no kernel image is available"
        r"|could not select device driver|No devices were found|no usable GPU",
        "torch, lightning, docker",
        0.95,
    ),
    raised(
        "driver",
        r"(?:CUDA|cuda|Cuda|GPU|ROCm|MPS|HIP)(?:\s\w+)? (?:is |are )?(?:not|un)["
        r" -]?(?:available|usable)"
        r"|(?:requires?|needs?|need|require) (?:a |an |at least one )?(?:CUDA|cuda|GPU"
        r"|NVIDIA|nvidia)\b"
        r"|torch\.cuda\.is_available\(\) is False|(?:must|should) (?:be run|run) on"
        r" (?:a )?(?:GPU|CUDA)",
        "user code, torch, accelerate",
        0.9,
    ),
    raised(
        "driver",
        r"can not run on your system since|gpu accelerator[^\n]{0,60}not available"
        r"|You requested gpu: |requested GPUs?: \[|Your setup doesn't support bf16/gpu"
        r"|mixed precision requires a GPU|fp16[^\n]{0,60}requires? (?:a )?(?:GPU|CUDA)",
        "lightning, transformers, accelerate",
        0.92,
    ),
    raised(
        "driver",
        r"driver version is insufficient|driver/library version mismatch|NVMLError_\w+"
        r"|NVML/RM version mismatch|Driver/library version mismatch"
        r"|NVIDIA driver on your system is too old|Unable to initialize NVML"
        r"|NVML(?:Error)?[^\n]{0,60}(?:Driver|not found"
        r"|Not Initialized)|forward compatibility was attempted|system not yet"
        r" initialized|nvidia-smi has failed"
        r"|CUDA unknown error - this may be due to an incorrectly set up"
        r"|cuda(?:GetDeviceCount|Init)\w*\(\)"
        r"|cuInit\b|CUDA initialization|all CUDA-capable devices are busy or"
        r" unavailable|CUDA_ERROR_(?:NO_DEVICE"
        r"|SYSTEM_DRIVER_MISMATCH|NOT_INITIALIZED|COMPAT_NOT_SUPPORTED"
        r"|SYSTEM_NOT_READY|INVALID_DEVICE)"
        r"|PTX[^\n]{0,60}unsupported toolchain|unsupported PTX version"
        r"|cudaErrorNoDevice|cudaErrorInsufficientDriver",
        "CUDA driver, NVML",
        0.96,
    ),
    raised(
        "driver",
        r"invalid device ordinal|Invalid device id"
        r"|CUDA_VISIBLE_DEVICES[^\n]{0,80}(?:invalid|not)"
        r"|device >= 0 && device < num_gpus",
        "c10/cuda/CUDAException.cpp",
        0.86,
    ),
    raised(
        "driver",
        r"Unable to initialize backend '(?:cuda|gpu|rocm|tpu)'|Unknown backend:?"
        r" '?(?:gpu|cuda)"
        r"|Backend '(?:gpu|cuda)' failed to initialize|no supported devices found for"
        r" platform",
        "jax/_src/xla_bridge.py",
        0.94,
    ),
    raised(
        "driver",
        r"^(?:AssertionError|RuntimeError|KeyError)\b",
        "jax/_src/xla_bridge.py: the platform that was asked for",
        0.86,
        frames=r"xla_bridge\.py\"[^\n]*, in (?:backends|_init_backend|make_pjrt\w*"
        r"|_get_backend_uncached|make_\w+_client|register_plugin\w*)(?s:.)*\Z",
    ),
    raised(
        "driver",
        r"CUDA_HOME (?:does not exist|environment variable is not set)"
        r"|nvcc[^\n]{0,40}not found"
        r"|The detected CUDA version[^\n]{0,80}mismatches|MissingCUDAException"
        r"|CUDAMismatchException"
        r"|does not match the version torch was compiled with",
        "deepspeed/ops/op_builder, torch/utils/cpp_extension.py",
        0.93,
    ),
    raised(
        "driver",
        r"only supports? (?:Ampere|Hopper|Turing)|not supported on (?:your|this) GPU"
        r"|compute capability (?:of )?[^\n]{0,40}(?:at least|required|not supported"
        r"|>=)|sm_\d+ is not compatible"
        r"|Bfloat16 is only supported on GPUs with compute capability",
        "flash-attn, triton, vllm, torch",
        0.9,
    ),
    raised(
        "driver",
        r"lib(?:cuda|nvidia-ml)\.so\S*:"
        r" cannot open shared object|libcuda\.so(?:\.1)? (?:not found|cannot)",
        "the dynamic loader",
        0.9,
    ),
    raised(
        "driver",
        r"cuDNN version (?:incompatibility|mismatch)|CUDNN_STATUS_(?:VERSION_MISMATCH"
        r"|ARCH_MISMATCH"
        r"|SUBLIBRARY_VERSION_MISMATCH|NOT_SUPPORTED_ARCH_MISMATCH)"
        r"|cuDNN[^\n]{0,40}was compiled against",
        "torch/backends/cudnn",
        0.93,
    ),
    raised(
        "driver",
        r"(?:CUDA|GPU)s? (?:is |are )?(?:not found|missing|disabled)|Found no NVIDIA",
        "user code",
        0.85,
    ),
    printed("driver", "rror: Driver/library version mismatch", "", "nvidia-smi", 0.8),
    printed("driver", "NVIDIA-SMI has failed", "", "nvidia-smi", 0.7),
    printed(
        "driver",
        "Driver/library version mismatch",
        r"nvmlInit|Failed to initialize NVML",
        "NVML",
        0.93,
    ),
    printed("driver", "nvidia-smi", r"nvidia-smi: (?:command )?not found", "bash, dash", 0.9),
    printed("driver", "could not select device driver", "", "docker", 0.95, fatal=True),
    printed(
        "driver",
        "nvidia-container-cli",
        r"nvidia-container-cli: \w+ error",
        "nvidia-container-toolkit",
        0.93,
        fatal=True,
    ),
    printed("driver", "no kernel image is available", "", "CUDA runtime", 0.88),
    printed("driver", "driver version is insufficient", "", "CUDA runtime", 0.9),
    printed(
        "driver",
        "NVIDIA driver on your system is too old",
        r"(?!.*Warning)",
        "torch/cuda/__init__.py",
        0.7,
    ),
)

RULES = OOM + FAULT + DRIVER
