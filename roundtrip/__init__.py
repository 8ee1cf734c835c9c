"""Roundtrip: the open retention warehouse for travel companies."""

__version__ = "0.1.0"
