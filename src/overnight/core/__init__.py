"""Pure values and rules of the laptop side."""
