"""Checkpoints that cannot be read or do not fit."""

from __future__ import annotations

import pytest

from tests.unit.node.diagnose import logs

CHECKPOINT = [
    "RuntimeError: Error(s) in loading state_dict for ResNet: size mismatch for "
    "fc.weight: copying a param with shape torch.Size([10, 512])",
    "safetensors_rust.SafetensorError: Error while deserializing header: HeaderTooLarge",
    "_pickle.UnpicklingError: invalid load key, '<'.",
    "RuntimeError: unexpected EOF, expected 123 more bytes. The file might be corrupted.",
    "RuntimeError: PytorchStreamReader failed locating file data.pkl: file not found",
    "ValueError: loaded state dict contains a parameter group that doesn't match the "
    "size of optimizer's group",
    "tensorflow.python.framework.errors_impl.DataLossError: Unable to open table file "
    "ckpt/model-100: Data loss: not an sstable (bad magic number)",
    "ValueError: Layer count mismatch when loading weights from file. Model expected 4 "
    "layers, found 3 saved layers.",
    "OSError: Unable to load weights from pytorch checkpoint file for 'm/pytorch_model.bin'",
    "ValueError: Can't find a valid checkpoint at outputs/checkpoint-500",
]


@pytest.mark.parametrize("message", CHECKPOINT)
def test_checkpoint(message: str) -> None:
    """Messages of several libraries are taken for checkpoint."""
    assert logs.kind(logs.raising(message), exit_code=1) == "checkpoint"


def test_the_checkpoint_is_a_fact() -> None:
    """Its path stands above the traceback."""
    log = "=> loading checkpoint 'outputs/last.pt'\n" + logs.raising(CHECKPOINT[3])
    assert logs.diagnosed(log, exit_code=1).facts["checkpoint"] == "outputs/last.pt"


def test_whatever_fails_inside_torch_load() -> None:
    """Even an error that says nothing by itself."""
    frames = (
        '  File "/env/lib/site-packages/torch/serialization.py", line 15, in load\n    open(f)\n'
    )
    log = logs.HEAD + frames + "OSError: [Errno 22] Invalid argument\n"
    assert logs.kind(log, exit_code=1) == "checkpoint"
