"""How trackers pack their records: framing, checksums, protobuf fields, databases."""
