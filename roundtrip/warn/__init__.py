"""Early warnings: who is at risk, by which signals, why, what it would cost, and what to do until when."""

from roundtrip.warn.stage import warn

__all__ = ["warn"]
