"""From landing files to raw tables: every delivered row is loaded, superseded or quarantined, and counted."""

from roundtrip.ingest.load import load
from roundtrip.ingest.read import read_files

__all__ = ["load", "read_files"]
