"""A simulated Chinese travel company: a landing folder of files, and the truth behind them kept apart."""

from roundtrip.simulate.company import live_on, simulate

__all__ = ["live_on", "simulate"]
