"""Personal data, apart from everything else and encrypted at rest (docs/decisions/vault-and-erasure.md)."""

from roundtrip.vault.vault import Identities

__all__ = ["Identities"]
