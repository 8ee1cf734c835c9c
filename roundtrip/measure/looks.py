"""Looking at a campaign several times without finding something by looking often enough."""

import numpy as np
from scipy import stats


def levels(days: list[int], alpha: float) -> np.ndarray:
    """The p value below which each look, at a window of so many days, counts; shape (looks,).

    Error is spent by Lan and DeMets' (1983) function after O'Brien and Fleming, α(t) = 2 − 2Φ(z₁₋α/₂ / √t), t
    the share of the last window. A look may use what was newly allowed since the one before: by Bonferroni's
    inequality all looks together then keep α whatever their correlation, which matters, since each looks at
    another outcome of the same people, and the exact boundaries assume independent increments.
    """
    t = np.asarray(sorted(days), float) / max(days)
    spent = 2 * stats.norm.sf(stats.norm.ppf(1 - alpha / 2) / np.sqrt(t))
    return np.diff(spent, prepend=0.0)


def is_crossed(p_values: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Whether this look or one before was significant; one not taken (NaN) is not. Shape (looks,)."""
    with np.errstate(invalid="ignore"):
        return np.maximum.accumulate(np.asarray(p_values) <= allowed)


def benjamini_hochberg(p_values: np.ndarray, rate: float) -> np.ndarray:
    """Which tests of a family are significant at a false discovery rate; NaN is no test. Shape (n,)."""
    found = np.zeros(len(p_values), bool)
    told = np.isfinite(p_values)
    if told.any():
        found[told] = stats.false_discovery_control(np.asarray(p_values)[told]) <= rate
    return found
