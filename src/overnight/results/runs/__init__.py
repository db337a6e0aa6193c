"""The files of one run: found, read on where they have grown, joined into series, packed."""
