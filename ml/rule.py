"""The inactivity rule: the baseline that every model must beat, and what scores until one does.

logit(p) = intercept + slope * ln(overdue_ratio), so the order is that of overdue_ratio, whatever the numbers.
"""

from dataclasses import dataclass

import numpy as np

#: Below this the logarithm runs away; a hundredth of a usual gap is hours.
SMALLEST_RATIO = 0.01


@dataclass(frozen=True)
class InactivityRule:
    """Attributes: intercept, slope (never negative); source says where the two numbers come from."""

    intercept: float
    slope: float
    source: str

    @classmethod
    def default(cls, parameters: dict) -> "InactivityRule":
        """Without labels: even odds at `half_risk_at` usual gaps (parameters.yml)."""
        slope = parameters["rule"]["default_slope"]
        return cls(-slope * float(np.log(parameters["rule"]["half_risk_at"])), slope, "default")

    @classmethod
    def fit(cls, overdue_ratio, label, parameters: dict) -> "InactivityRule":
        """Two numbers by maximum likelihood; the default where the labels are of one class only.

        A slope that comes out negative (the overdue return more often: seasonal travellers) becomes 0, and
        everybody gets the base rate: the rule stays monotone.
        """
        label = np.asarray(label)
        if len(label) == 0 or label.min() == label.max():
            return cls.default(parameters)
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=1e6).fit(_log_ratio(overdue_ratio)[:, None], label)
        slope = float(model.coef_[0, 0])
        if slope <= 0:
            base = float(label.mean())
            return cls(float(np.log(base / (1 - base))), 0.0, "labels")
        return cls(float(model.intercept_[0]), slope, "labels")

    def probability(self, overdue_ratio) -> np.ndarray:
        """Shape (n,); an unknown ratio counts as one usual gap."""
        return 1 / (1 + np.exp(-(self.intercept + self.slope * _log_ratio(overdue_ratio))))


def _log_ratio(overdue_ratio) -> np.ndarray:
    ratio = np.asarray(overdue_ratio, dtype=float)
    ratio = np.where(np.isfinite(ratio), ratio, 1.0)
    return np.log(np.maximum(ratio, SMALLEST_RATIO))
