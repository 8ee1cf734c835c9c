"""The smallest effect that a comparison of so many customers will probably show."""

import math

from scipy import stats

from roundtrip.errors import BadInput
from roundtrip.measure.settings import parameters


def minimum_detectable_effect(
    n_treatment: int,
    n_control: int,
    base_rate: float | None = None,
    *,
    standard_deviation: float | None = None,
    r_squared: float = 0.0,
    alpha: float | None = None,
    power: float | None = None,
) -> float:
    """(z₁₋α/₂ + z_power) × σ × √((1 − R²)(1/n₁ + 1/n₀)); for use before a round is sent (Bloom 1995).

    Args:
        base_rate: share of the control arm expected to return; σ is then that of a share, √(b(1 − b)).
        standard_deviation: of the outcome within an arm, instead of a base rate.
        r_squared: share of the variance that covariates take away.
        alpha, power: those of parameters.yml where not given.

    Returns:
        In the outcome's unit, two-sided; infinite where an arm is empty.

    Raises:
        BadInput: neither or both of base_rate and standard_deviation, or one outside its range.
    """
    if (base_rate is None) == (standard_deviation is None):
        raise BadInput(
            "a smallest detectable effect needs a base rate or a standard deviation", "give one of them"
        )
    if base_rate is not None and not 0 <= base_rate <= 1:
        raise BadInput(f"a base rate of {base_rate} is no share", "give one between 0 and 1")
    if standard_deviation is not None and standard_deviation < 0:
        raise BadInput(f"a standard deviation of {standard_deviation} is below zero", "give its size")
    if not 0 <= r_squared < 1:
        raise BadInput(f"r_squared of {r_squared} is no share below 1", "give one between 0 and 1")
    if n_treatment <= 0 or n_control <= 0:
        return math.inf
    sigma = standard_deviation if base_rate is None else math.sqrt(base_rate * (1 - base_rate))
    spread = sigma * math.sqrt((1 - r_squared) * (1 / n_treatment + 1 / n_control))
    return detectable(spread, alpha, power)


def detectable(se: float, alpha: float | None = None, power: float | None = None) -> float:
    """The smallest detectable effect of an estimate with this standard error."""
    alpha = parameters()["alpha"] if alpha is None else alpha
    power = parameters()["power"] if power is None else power
    return float((stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(power)) * se)
