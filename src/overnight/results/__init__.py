"""Phase 5: pull, readers, comparison."""
