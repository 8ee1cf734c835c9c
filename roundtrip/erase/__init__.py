"""People who asked to be forgotten disappear from a home (docs/decisions/vault-and-erasure.md)."""

from roundtrip.erase.stage import erase

__all__ = ["erase"]
