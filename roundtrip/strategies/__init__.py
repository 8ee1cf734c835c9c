"""Service strategies: whom to offer what, after what, at what cost, in a table that people change."""

from roundtrip.strategies.candidates import candidates
from roundtrip.strategies.table import Strategies, Strategy, load, of_company

__all__ = ["Strategies", "Strategy", "candidates", "load", "of_company"]
