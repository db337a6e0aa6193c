"""The local mirror, in SQLite."""
