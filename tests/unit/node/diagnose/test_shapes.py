"""Shapes that do not fit."""

from __future__ import annotations

import pytest

from tests.unit.node.diagnose import logs

SHAPE = [
    "RuntimeError: The size of tensor a (512) must match the size of tensor b (77) at "
    "non-singleton dimension 1",
    "ValueError: operands could not be broadcast together with shapes (3,) (4,)",
    "RuntimeError: shape '[2, 5]' is invalid for input of size 12",
    "ValueError: Expected input batch_size (32) to match target batch_size (64).",
    'ValueError: Input 0 of layer "dense" is incompatible with the layer: expected '
    "axis -1 of input shape to have value 10, but received input with shape (None, 12)",
    "tensorflow.python.framework.errors_impl.InvalidArgumentError: Matrix "
    "size-incompatible: In[0]: [32,10], In[1]: [12,5] [Op:MatMul]",
    "flax.errors.ScopeParamShapeError: Initializer expected to generate shape (3, 3, "
    '1, 32) but got shape (3, 3, 3, 32) instead for parameter "kernel"',
    "TypeError: add got incompatible shapes for broadcasting: (3,), (4,).",
    "ValueError: X has 12 features, but StandardScaler is expecting 10 features as input.",
    "RuntimeError: einsum(): subscript i has size 3 for operand 1 which does not "
    "broadcast with previously seen size 4",
    "RuntimeError: The expanded size of the tensor (514) must match the existing size "
    "(512) at non-singleton dimension 1.",
    "IndexError: Dimension out of range (expected to be in range of [-1, 0], but got 1)",
    "ValueError: matmul: Input operand 1 has a mismatch in its core dimension 0, with "
    "gufunc signature (n?,k),(k,m?)->(n?,m?) (size 4 is different from 3)",
]


@pytest.mark.parametrize("message", SHAPE)
def test_shape(message: str) -> None:
    """Messages of several libraries are taken for shape."""
    assert logs.kind(logs.raising(message), exit_code=1) == "shape"
