"""Tensors whose shapes do not fit each other."""

from __future__ import annotations

from overnight.node.diagnose.rules import printed, raised

RULES = (
    raised(
        "shape",
        r"mat1 and mat2 (?:shapes cannot be multiplied(?: \((?P<shapes>[^)]+)\))?)"
        r"|size mismatch, m1|mat1 dim 1 must match"
        r"|vec and mat|batch1 and batch2|Expected size for first two dimensions of batch2",
        "aten/src/ATen/native/LinearAlgebra.cpp",
        0.95,
    ),
    raised(
        "shape",
        r"Given (?:groups|transposed|normalized_shape|input"
        r" size)[^\n]{0,200}(?P<got>but got[^\n]{0,120}|expected[^\n]{0,120})?",
        "aten/src/ATen/native/Convolution.cpp",
        0.93,
    ),
    raised(
        "shape",
        r"The size of tensor a \((?P<a>\d+)\) must match the size of tensor b"
        r" \((?P<b>\d+)\)|Sizes of tensors must match except"
        r"|Tensors must have same number of dimensions|invalid for input of size|must"
        r" match the existing size|is invalid for input of size"
        r"|The expanded size of the tensor|shape mismatch|doesn't match the broadcast"
        r" shape|output with shape|inconsistent tensor size|tensors? of the same size",
        "aten/src/ATen",
        0.92,
    ),
    raised(
        "shape",
        r"Expected (?:\d+D|input|target|tensor|hidden|more than 1 value per channel"
        r"|\d+-dimensional|weight|all tensors)[^\n]{0,160}"
        r"(?:but got|got|to have|to match|size|shape|batch)(?!.*(?:device|cuda:\d))"
        r"|Expected more than 1 value per channel|expected input\[|input.size\(-1\)"
        r" must be equal|"
        r"Target size \(|Using a target size|must have the same (?:shape|size|number"
        r" of dimensions|dtype)?|must be the same as input size",
        "torch/nn/functional.py, torch/nn/modules/rnn.py",
        0.88,
    ),
    raised(
        "shape",
        r"Expected input batch_size \((?P<input>\d+)\) to match target batch_size"
        r" \((?P<target>\d+)\)|only batches of spatial targets supported"
        r"|0D or 1D target tensor expected|multi-target not supported",
        "torch/nn/functional.py",
        0.94,
    ),
    raised(
        "shape",
        r"einsum\(\)|einops|EinopsError|Shape mismatch, can't divide axis|not aligned:"
        r" |operands could not be broadcast together"
        r"|could not broadcast input array|cannot reshape (?:array|tensor)|all the"
        r" input array dimensions|matmul: Input operand|inhomogeneous shape"
        r"|axes don't match array|Found input variables with inconsistent numbers of"
        r" samples|X has \d+ features, but",
        "numpy, einops, sklearn",
        0.88,
    ),
    raised(
        "shape",
        r"(?:dot_general|conv_general_dilated|concatenate|broadcast_in_dim|add|mul|sub"
        r"|dynamic_slice|reshape|select|scan|vmap)\b[^\n]{0,60}"
        r"(?:shapes?|dimensions?|sizes?)|[Ii]ncompatible shapes|got (?:arrays of"
        r" )?incompatible shapes|ScopeParamShapeError|Initializer expected to generate"
        r" shape"
        r"|Cannot concatenate arrays|vmap got inconsistent sizes|carry (?:input"
        r"|output) and|total size of the reshaped",
        "jax, flax",
        0.9,
    ),
    raised(
        "shape",
        r"(?:Matrix size-incompatible|Dimensions must be equal|Incompatible shapes"
        r"|Input \d+ of layer|is incompatible with the layer|Shapes?"
        r" \([^)]*\)[^\n]{0,20}"
        r"(?:and|are|is)[^\n]{0,40}(?:incompatible|must)|Shapes must be equal rank"
        r"|ConcatOp : Dimension|logits and labels must|Cannot reshape a tensor"
        r"|must have the same (?:first )?dimension|Argument `(?:output|target)` must"
        r"|Dimension \d+ in both shapes must|Data cardinality is ambiguous"
        r"|expected (?:axis|shape|min_ndim|ndim))",
        "tensorflow, keras",
        0.93,
    ),
    raised(
        "shape",
        r"(?:shape|dimension|size)s?\b[^\n]{0,80}(?:do(?:es)? not match|doesn't match"
        r"|don't match|mismatch|incompatible|not compatible|must match|cannot be"
        r" multiplied"
        r"|inconsistent|unequal)|(?:mismatch|incompatible|inconsistent|wrong"
        r"|unexpected|bad)(?:ed)? (?:\w+ ){0,2}(?:shape|dimension|dim|size)s?\b",
        "user code, libraries",
        0.75,
    ),
    raised(
        "shape",
        r"number of dimensions|dimension out of range|Dimension out of range|too many"
        r" indices for (?:tensor|array)|permute\(|view size is not compatible"
        r"|The shape of the mask|shape '\[[^\]]*\]'|embed_dim must be divisible|was"
        r" expecting embedding dimension|input must have \d dimensions"
        r"|Kernel size can't be greater|Output size is too small|calculated padded"
        r" input size",
        "aten/src/ATen",
        0.85,
    ),
    raised(
        "shape",
        r"(?:Token indices sequence length|index out of range in self|exceeds? (?:the"
        r" )?(?:maximum|max|model's)[^\n]{0,40}(?:length|position|context))",
        "transformers, torch/nn/functional.py embedding",
        0.5,
    ),
    printed(
        "shape", "cannot be multiplied", r"mat1 and mat2 shapes cannot be multiplied", "torch", 0.8
    ),
    printed("shape", "must match the size of tensor", r"The size of tensor a", "torch", 0.8),
)
