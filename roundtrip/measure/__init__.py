"""Measuring what campaigns and rounds have changed, against who was held out."""

from roundtrip.measure.power import minimum_detectable_effect
from roundtrip.measure.stage import measure

__all__ = ["measure", "minimum_detectable_effect"]
