"""A simulated Chinese travel company: a landing folder of files, and the truth behind them kept apart."""

from roundtrip.simulate.company import simulate

__all__ = ["simulate"]
