"""One person across accounts: which customer ids belong together, from what the vault knows of them."""

from roundtrip.identity.stage import identify

__all__ = ["identify"]
