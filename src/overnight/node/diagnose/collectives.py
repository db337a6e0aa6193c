"""Collectives and rendezvous: NCCL, gloo, MPI. Mostly the echo of what befell another rank."""

from __future__ import annotations

from overnight.node.diagnose.rules import printed, raised

RULES = (
    raised(
        "nccl",
        r"DistBackendError|NCCL error|nccl\w+Error\b|NCCL (?:communicator|Error"
        r"|operation|WARN)|ncclUnhandledCudaError|RCCL error",
        "torch/csrc/distributed/c10d/ProcessGroupNCCL.cpp",
        0.84,
        cascade=True,
    ),
    raised(
        "nccl",
        r"Watchdog caught collective operation timeout|collective operation timeout"
        r"|Timeout\(ms\)=\d+|detected by watchdog"
        r"|Some NCCL operations have failed|Work(?:NCCL|GLOO)|monitoredBarrier"
        r"|monitored_barrier|failed to pass (?:monitoredBarrier|within)",
        "ProcessGroupNCCL.cpp, ProcessGroupGloo.cpp",
        0.93,
        cascade=True,
    ),
    raised(
        "nccl",
        r"gloo/|GLOO|Gloo|unbound_buffer\.cc|transport/tcp|Connection closed by peer"
        r" \[|Connection reset by peer[^\n]*remote worker"
        r"|Read timeout \[|Application timeout caused pair closure",
        "gloo/transport/tcp/pair.cc",
        0.93,
        cascade=True,
    ),
    raised(
        "nccl",
        r"DistStoreError|DistNetworkError|Timed out after \d+ seconds waiting for"
        r" clients|TCPStore|Socket Timeout|store->(?:get|wait)|"
        r"wait timeout after|key '?[^\n]{0,60}'? in store|client socket has (?:timed"
        r" out|failed)|Broken pipe[^\n]*(?:TCPStore|store)"
        r"|Stop_waiting response|failed to recv, got 0 bytes",
        "torch/csrc/distributed/c10d/TCPStore.cpp",
        0.86,
        cascade=True,
    ),
    raised(
        "nccl",
        r"Rendezvous(?:Timeout|Connection|Closed|State|Graceful\w*)?Error"
        r"|rendezvous[^\n]{0,60}(?:timed out|failed|closed)|node[^\n]{0,40}left the"
        r" rendezvous",
        "torch/distributed/elastic/rendezvous",
        0.88,
        cascade=True,
    ),
    raised(
        "nccl",
        r"Default process group has not been initialized|process"
        r" group[^\n]{0,60}(?:destroyed|aborted)|Duplicate GPU detected|invalid"
        r" usage[^\n]*NCCL"
        r"|Broadcast|allreduce|all_?gather|reduce_scatter\b[^\n]{0,40}fail",
        "torch/distributed",
        0.5,
    ),
    raised(
        "nccl",
        r"HorovodInternalError|Horovod[^\n]{0,80}(?:shut down|stall|failed)"
        r"|MPI_(?:ABORT|ERR|Abort)\w*|PMIX|PMI[X2]? ERROR|UCX\s+ERROR"
        r"|mpi4py[^\n]{0,60}Exception",
        "horovod, Open MPI, UCX",
        0.88,
        cascade=True,
    ),
    raised(
        "nccl",
        r"DEADLINE_EXCEEDED[^\n]{0,120}(?:[Bb]arrier|coordination|GetKeyValue|connect)"
        r"|[Cc]oordination service|barrier timed out|Barrier timed out|heartbeat"
        r" timeout"
        r"|tasks? (?:are|is) (?:unhealthy|died|stale)"
        r"|distributed\.initialize[^\n]{0,80}(?:timed|fail)",
        "jax: tsl/distributed_runtime/coordination",
        0.9,
        cascade=True,
    ),
    raised(
        "nccl",
        r"appears not to match (?:sizes|strides) of the same param|DDP expects same"
        r" model across all ranks|params\[\d+\] in (?:this|rank) ",
        "torch/csrc/distributed/c10d/reducer.cpp",
        0.9,
    ),
    raised(
        "nccl",
        r"Expected to have finished reduction in the prior iteration",
        "torch/csrc/distributed/c10d/reducer.cpp",
        0.45,
    ),
    raised(
        "nccl",
        r"[Dd]etected mismatch between collectives|collective mismatch|ranks? (?:\d+"
        r" )?(?:is|are) (?:out of sync|desynchronized|unresponsive)|ranks? failed to"
        r"|desync",
        "torch/distributed: DETAIL debug mode",
        0.9,
    ),
    printed(
        "nccl",
        "Watchdog caught collective operation timeout",
        r"(?:Rank (?P<rank>\d+)\])?.*?OpType=(?P<collective>\w+)",
        "ProcessGroupNCCL.cpp",
        0.92,
        cascade=True,
        fatal=True,
    ),
    printed(
        "nccl",
        "ProcessGroupNCCL",
        r"Some NCCL operations have failed|taking the entire process down|terminated"
        r" with exception|Process group watchdog thread"
        r"|Timeout at NCCL|detected by watchdog|Heartbeat monitor timed out"
        r"|[Cc]ollective operation timeout"
        r"|Received a (?:dump|timeout) signal|Observed flight recorder",
        "ProcessGroupNCCL.cpp",
        0.85,
        cascade=True,
        fatal=True,
    ),
    printed(
        "nccl", "NCCL error", r"NCCL error (?:in|at)", "ProcessGroupNCCL.cpp", 0.75, cascade=True
    ),
    printed("nccl", "gloo::EnforceNotMet", "", "gloo", 0.88, cascade=True, fatal=True),
    printed(
        "nccl",
        "transport/tcp/pair.cc",
        r"(?:Read|Write|Connection) (?:error|closed|timeout)",
        "gloo/transport/tcp/pair.cc",
        0.85,
        cascade=True,
    ),
    printed("nccl", "gloo::IoException", "", "gloo", 0.88, cascade=True, fatal=True),
    printed("nccl", "MPI_ABORT was invoked", "", "Open MPI", 0.7, cascade=True, fatal=True),
    printed("nccl", "UCX  ERROR", "", "UCX", 0.65, cascade=True),
    printed(
        "nccl",
        "NCCL WARN",
        r"NCCL WARN (?:Cuda failure|Call to|Connect|Timeout|Error|.*(?:failed|timed?"
        r" ?out))",
        "NCCL",
        0.5,
        cascade=True,
    ),
    printed("hang", "Timeout (", r"^Timeout \(\d+:\d\d:\d\d", "CPython's faulthandler", 0.8),
    printed(
        "hang",
        "tensors were submitted to be reduced",
        r"waiting for remainder of ranks",
        "horovod stall inspector",
        0.7,
    ),
)
