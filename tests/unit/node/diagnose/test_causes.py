"""Plain mistakes in the code."""

from __future__ import annotations

import pytest

from tests.unit.node.diagnose import logs

CODE = [
    "NameError: name 'modle' is not defined",
    "TypeError: forward() got an unexpected keyword argument 'attention_mask'",
    "RuntimeError: Expected all tensors to be on the same device, but found at least "
    "two devices, cuda:0 and cpu!",
    "RuntimeError: one of the variables needed for gradient computation has been "
    "modified by an inplace operation",
    "RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn",
    "RuntimeError: expected scalar type Half but found Float",
    "RuntimeError: Input type (torch.cuda.FloatTensor) and weight type "
    "(torch.FloatTensor) should be the same",
    "AssertionError",
    "ZeroDivisionError: division by zero",
    "KeyError: 'input_ids'",
    "IndexError: list index out of range",
    "ValueError: not enough values to unpack (expected 3, got 2)",
    "AttributeError: 'NoneType' object has no attribute 'shape'",
    "RuntimeError: mat1 and mat2 must have the same dtype, but got Half and Float",
    "jax.errors.TracerBoolConversionError: Attempted boolean conversion of traced "
    "array with shape int32[3].",
    "jax.errors.ConcretizationTypeError: Abstract tracer value encountered where "
    "concrete value is expected",
    "TypeError: Object of type Tensor is not JSON serializable",
    "RuntimeError: Boolean value of Tensor with more than one value is ambiguous",
    "ValueError: optimizer got an empty parameter list",
    "RuntimeError: Expected to have finished reduction in the prior iteration before "
    "starting a new one. This error indicates that your module has parameters that "
    "were not used in producing loss.",
]


@pytest.mark.parametrize("message", CODE)
def test_code(message: str) -> None:
    """Messages of several libraries are taken for code."""
    assert logs.kind(logs.raising(message), exit_code=1) == "code"
