"""Memory of the host and of /dev/shm."""

from __future__ import annotations

from overnight.node.diagnose.rules import printed, raised

SIZE = r"[\d.]+ ?(?:[KMGTP]i?B|bytes|B)"

SHM = (
    raised(
        "shm",
        r"unable to (?:allocate|open|write|mmap|resize)[^\n]{0,60}shared memory|unable"
        r" to write to file"
        r" </torch_|could not (?:create|open|resize) shared memory",
        "torch/lib/libshm, aten/src/ATen/MapAllocator.cpp",
        0.97,
    ),
    raised(
        "shm",
        r"unable to (?:mmap|open|resize|write)[^\n]{0,80}/?torch_\d+",
        "aten/src/ATen/MapAllocator.cpp",
        0.97,
    ),
    raised(
        "shm",
        r"killed by signal: Bus error|out of shared memory|insufficient shared memory",
        "torch/utils/data/_utils/signal_handling.py",
        0.97,
    ),
    raised(
        "shm",
        r"(?:Errno 28|No space left on device)",
        "multiprocessing/{shared_memory,heap,synchronize}.py on a full /dev/shm",
        0.97,
        frames=r"multiprocessing/(?:shared_memory|heap|synchronize|popen_\w+|context)\.py"
        r"|\bSemLock\b|shm_open|SharedMemory\(",
    ),
    raised(
        "shm",
        r"No space left on device[^\n]{0,40}'/?(?:dev/shm|psm_|torch_|sem\.)",
        "CPython",
        0.97,
    ),
    raised("shm", r"/dev/shm\b[^\n]{0,200}(?:No space|full|too small|exceed)", "various", 0.96),
    raised(
        "shm",
        r"Error while creating shared memory segment|Call to (?:posix_fallocate"
        r"|ftruncate)"
        r"[^\n]{0,80}(?:No space|shm)",
        "NCCL src/misc/shmutils.cc",
        0.96,
    ),
    raised("shm", r"plasma|object store[^\n]{0,80}/dev/shm", "ray", 0.6),
    printed(
        "shm",
        "shared memory",
        r"It is possible that dataloader's workers are out of shared memory"
        r"|insufficient shared memory \(shm\)|unable to allocate shared memory",
        "torch/utils/data/_utils/signal_handling.py",
        0.95,
    ),
    printed(
        "shm",
        "/dev/shm",
        r"(?:No space left|posix_fallocate|Error while creating shared memory|"
        r"too small|is full)",
        "NCCL src/misc/shmutils.cc",
        0.93,
    ),
    printed(
        "shm",
        "Bus error",
        r"(?:^|\W)Bus error(?:\s*\(core dumped\))?|signal: Bus error",
        "bash, glibc",
        0.75,
        fatal=True,
    ),
    printed(
        "shm",
        "SIGBUS",
        r"Fatal Python error: Bus error|\(SIGBUS\)|SIGBUS",
        "torchrun, CPython",
        0.7,
    ),
)

HOST = (
    raised("host_oom", r"^(?:\w+\.)*MemoryError\b", "CPython", 0.94),
    raised(
        "host_oom",
        rf"Unable to allocate (?P<wanted>{SIZE}) for an array",
        "numpy/core/_exceptions.py",
        0.96,
    ),
    raised(
        "host_oom",
        r"DefaultCPUAllocator: (?:can't allocate|not enough) memory"
        r"(?:: you tried to allocate (?P<wanted>\d+ bytes))?",
        "c10/core/impl/alloc_cpu.cpp",
        0.97,
    ),
    raised("host_oom", r"Cannot allocate memory|\[Errno 12\]|ENOMEM", "libc", 0.93),
    raised("host_oom", r"std::bad_alloc|bad_alloc\b", "libstdc++", 0.85),
    raised(
        "host_oom",
        r"DataLoader worker \(pid(?:\(s\))?[ \d,]*\) is killed by signal: Killed",
        "torch/utils/data/_utils/signal_handling.py",
        0.93,
    ),
    raised(
        "host_oom",
        r"DataLoader worker \(pid\(s\)[ \d,]*\) exited unexpectedly",
        "torch/utils/data/dataloader.py",
        0.62,
    ),
    raised(
        "host_oom",
        r"^(?:\w+\.)*(?:Connection(?:Reset|Refused|Aborted)Error|BrokenPipeError|EOFError)\b",
        "multiprocessing/resource_sharer.py: the worker that had made the tensor is gone",
        0.85,
        frames=r"multiprocessing/(?:resource_sharer|reductions|reduction)\.py"
        r"|\b_(?:try_)?get_data\(",  # of a loader with workers
    ),
    raised(
        "host_oom", r"ArrowMemoryError|malloc of size \d+ failed|realloc of size", "pyarrow", 0.93
    ),
    raised("host_oom", r"java\.lang\.OutOfMemoryError|Java heap space", "Spark", 0.9),
    raised(
        "host_oom",
        r"(?:TerminatedWorkerError|BrokenProcessPool|WorkerCrashedError|KilledWorker)\b",
        "joblib/externals/loky, concurrent/futures/process.py, dask",
        0.66,
    ),
    raised(
        "host_oom",
        r"killed (?:due to|because of|by)[^\n]{0,60}(?:memory|OOM)|OutOfMemoryError:"
        r" Task was killed"
        r"|Memory on the node[^\n]{0,120}above the memory usage threshold|OOMKilled",
        "ray/_private/memory_monitor.py",
        0.95,
    ),
    raised(
        "host_oom",
        r"RESOURCE_EXHAUSTED: Out of memory allocating (?P<wanted>\d+ bytes)",
        "xla/pjrt/cpu (the GPU says: while trying to allocate)",
        0.94,
    ),
    raised(
        "host_oom",
        r"OOM when allocating tensor[^\n]{0,200}device:CPU|by allocator (?:cpu|mklcpu)",
        "tensorflow/core/framework/op_kernel.cc",
        0.96,
    ),
    raised(
        "host_oom",
        r"Signals\.SIGKILL: 9|terminated with signal SIGKILL|died with <Signals\.SIGKILL",
        "subprocess.py, torch/multiprocessing/spawn.py",
        0.6,
    ),
    printed(
        "host_oom",
        "Killed",
        r"(?:^|\s)(?:\S+: line \d+:\s*)?\d+ Killed(?:\s|$)|(?:^|\]\s?)Killed\s*$"
        r"|^Killed\b|\bKilled: 9\b|srun: error: \S+ tasks? [\d,-]+: Killed|\bKilled\s+python",
        "bash jobs.c",
        0.8,
        fatal=True,
    ),
    printed(
        "host_oom",
        "illed process",
        r"Killed process (?P<pid>\d+)|Out of memory: Kill",
        "Linux mm/oom_kill.c",
        0.95,
        fatal=True,
    ),
    printed(
        "host_oom",
        "oom",
        r"oom[-_ ]kill(?:er|ed)?\b(?!\s*[:=]?\s*0\b)|oom_kill event|out-of-memory"
        r" \(oom\) kill"
        r"|Detected \d+ oom",
        "slurmstepd, Linux mm/oom_kill.c",
        0.94,
        fatal=True,
    ),
    printed(
        "host_oom",
        "OOM",
        r"\bOOM[- ]?[kK]ill|Some of the step tasks have been OOM|OUT_OF_MEMORY|OOMKilled",
        "slurm, kubelet",
        0.94,
        fatal=True,
    ),
    printed(
        "host_oom",
        "emory limit",
        r"[Ee]xceeded (?:job|step)? ?memory limit",
        "slurmstepd",
        0.95,
        fatal=True,
    ),
    printed("host_oom", "MemoryError", r"^(?:\w+\.)*_?(?:Array)?MemoryError\b", "CPython", 0.9),
    printed(
        "host_oom",
        "bad_alloc",
        r"terminate called[^\n]*bad_alloc|what\(\):\s+std::bad_alloc",
        "libstdc++",
        0.88,
        fatal=True,
    ),
    printed(
        "host_oom",
        "annot allocate memory",
        r"fork: Cannot allocate memory|\[Errno 12\]|DefaultCPUAllocator",
        "bash, libc",
        0.85,
    ),
    printed(
        "host_oom",
        "can't allocate memory",
        r"DefaultCPUAllocator: can't allocate memory",
        "c10/core/impl/alloc_cpu.cpp",
        0.85,
    ),
    printed("host_oom", "killed by signal: Killed", "", "torch/utils/data", 0.85),
)

RULES = SHM + HOST
