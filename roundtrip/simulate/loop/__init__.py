"""The closed loop on a simulated company: warn, decide, act, the world answers, measure; every month."""

from roundtrip.simulate.loop.compare import compare
from roundtrip.simulate.loop.measured import measured
from roundtrip.simulate.loop.months import live_the_plan, twin
from roundtrip.simulate.loop.show import months_shown, show

__all__ = ["compare", "live_the_plan", "measured", "months_shown", "show", "twin"]
