"""How trackers pack their records: framing, checksums, protobuf fields. Nothing of any tracker's."""
