"""Phase 4: smoke, launch, watch."""
