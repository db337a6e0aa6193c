"""Phase 2: what a project is, and how its code is recognised."""
