"""What cannot be imported."""

from __future__ import annotations

import pytest

from tests.unit.node.diagnose import logs

MISSING_MODULE = [
    "ModuleNotFoundError: No module named 'flash_attn'",
    "ImportError: cannot import name 'AdamW' from 'transformers' "
    "(/env/lib/python3.10/site-packages/transformers/__init__.py)",
    "ImportError: libGL.so.1: cannot open shared object file: No such file or directory",
    "ImportError: /lib64/libstdc++.so.6: version `GLIBCXX_3.4.29' not found (required "
    "by /env/lib/x.so)",
    "ImportError: Using `low_cpu_mem_usage=True` or a `device_map` requires "
    "Accelerate: `pip install 'accelerate>=0.26.0'`",
    "importlib.metadata.PackageNotFoundError: No package metadata was found for bitsandbytes",
    "RuntimeError: Failed to import transformers.models.llama.modeling_llama because "
    "of the following error: No module named 'torch._C'",
    "ValueError: numpy.dtype size changed, may indicate binary incompatibility. "
    "Expected 96 from C header, got 88 from PyObject",
]


@pytest.mark.parametrize("message", MISSING_MODULE)
def test_missing_module(message: str) -> None:
    """Messages of several libraries are taken for missing_module."""
    assert logs.kind(logs.raising(message), exit_code=1) == "missing_module"


def test_the_module_is_a_fact() -> None:
    """What would have to be installed."""
    found = logs.diagnosed(logs.raising(MISSING_MODULE[0]), exit_code=1)
    assert found.facts["module"] == "flash_attn"
