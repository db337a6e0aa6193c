"""Collectives and rendezvous."""

from __future__ import annotations

import pytest

from tests.unit.node.diagnose import logs

NCCL = [
    "torch.distributed.DistBackendError: NCCL error in: "
    "../torch/csrc/distributed/c10d/ProcessGroupNCCL.cpp:1333, internal error - please "
    "report this issue to the NCCL developers, NCCL version 2.18.1",
    "RuntimeError: NCCL communicator was aborted on rank 1. Original reason for "
    "failure was: [Rank 1] Watchdog caught collective operation timeout",
    "torch.distributed.DistStoreError: Timed out after 601 seconds waiting for "
    "clients. 1/2 clients joined.",
    "RuntimeError: "
    "[/opt/conda/third_party/gloo/gloo/transport/tcp/unbound_buffer.cc:81] Timed out "
    "waiting 1800000ms for recv operation to complete",
    "torch.distributed.elastic.rendezvous.api.RendezvousTimeoutError",
    "RuntimeError: Socket Timeout",
    "RuntimeError: Rank 1 successfully reached monitoredBarrier, but received errors "
    "while waiting for send/recv from rank 0.",
    "jaxlib.xla_extension.XlaRuntimeError: DEADLINE_EXCEEDED: Barrier timed out. Id: "
    "PjRT_Client_Connect",
    "RuntimeError: [1] is setting up NCCL communicator and retrieving ncclUniqueId "
    "from [0] via c10d key-value store by store->get('0'), but store->get('0') got "
    "error: Connection reset by peer",
    "horovod.common.exceptions.HorovodInternalError: Horovod has been shut down.",
]


@pytest.mark.parametrize("message", NCCL)
def test_nccl(message: str) -> None:
    """Messages of several libraries are taken for nccl."""
    assert logs.kind(logs.raising(message), exit_code=1) == "nccl"
