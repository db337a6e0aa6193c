"""Comparisons as text, one module a format: each takes a `Comparison` and gives a string."""
