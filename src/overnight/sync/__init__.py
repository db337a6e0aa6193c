"""Phase 3: manifest, snapshot, transfer."""
