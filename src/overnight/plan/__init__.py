"""Phase 1: the plan."""
