"""The inactivity rules: the baseline that every model must beat, and what scores until one does.

logit(p) = intercept + slope * signal, the signal being one number about the customer, the larger the more
silent; so the order is that of the signal, whatever the two numbers. The best of RULES on the folds is the
baseline.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

#: Below this the logarithm runs away; a hundredth of a usual gap is hours.
SMALLEST_RATIO = 0.01


@dataclass(frozen=True)
class Signal:
    """What a rule looks at: the columns it needs, and the signal of shape (n,) from them."""

    columns: tuple[str, ...]
    of: Callable[..., np.ndarray]


def _log_ratio(overdue_ratio) -> np.ndarray:
    ratio = np.asarray(overdue_ratio, dtype=float)
    ratio = np.where(np.isfinite(ratio), ratio, 1.0)
    return np.log(np.maximum(ratio, SMALLEST_RATIO))


def _days(days) -> np.ndarray:
    """In years, so that slopes of all rules are of one size; unknown counts as half a year."""
    days = np.asarray(days, dtype=float)
    return np.where(np.isfinite(days), days, 182.5) / 365


def _few(count) -> np.ndarray:
    count = np.asarray(count, dtype=float)
    return -np.log1p(np.where(np.isfinite(count), np.maximum(count, 0), 0.0))


#: By name; a tie goes to the one named first. `overdue_ratio` needs no learning, and scores where nothing can
#: be learned.
RULES = {
    "overdue_ratio": Signal(("overdue_ratio_for_rule",), _log_ratio),
    "days_since_last_booking": Signal(("days_since_last_booking",), _days),
    "days_beyond_the_usual_gap": Signal(
        ("days_since_last_booking", "typical_gap_days"), lambda days, gap: _days(days) - _days(gap)
    ),
    "few_bookings_in_a_year": Signal(("purchase_occasions_12m",), _few),
    "few_bookings_ever": Signal(("purchase_occasions_lifetime",), _few),
}


@dataclass(frozen=True)
class InactivityRule:
    """Attributes: intercept, slope (never negative); source says where the two come from; by: of RULES."""

    intercept: float
    slope: float
    source: str
    by: str = "overdue_ratio"

    @classmethod
    def default(cls, parameters: dict) -> "InactivityRule":
        """Without labels: even odds at `half_risk_at` usual gaps (parameters.yml)."""
        slope = parameters["rule"]["default_slope"]
        return cls(-slope * float(np.log(parameters["rule"]["half_risk_at"])), slope, "default")

    @classmethod
    def fit(cls, overdue_ratio, label, parameters: dict) -> "InactivityRule":
        """By overdue_ratio: two numbers by maximum likelihood; the default where there is one class only.

        A slope that comes out negative (the overdue return more often: seasonal travellers) becomes 0, and
        everybody gets the base rate: the rule stays monotone.
        """
        return cls._fit("overdue_ratio", _log_ratio(overdue_ratio), label, parameters)

    @classmethod
    def fit_rows(cls, rows: pd.DataFrame, parameters: dict, by: str = "overdue_ratio") -> "InactivityRule":
        """The rule `by` fitted on labelled rows, as `fit` does it."""
        return cls._fit(by, signal(by, rows), rows["label"], parameters)

    @classmethod
    def _fit(cls, by: str, values: np.ndarray, label, parameters: dict) -> "InactivityRule":
        label = np.asarray(label)
        if len(label) == 0 or label.min() == label.max():
            return cls.default(parameters)
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=1e6).fit(values[:, None], label)
        slope = float(model.coef_[0, 0])
        if slope <= 0:
            base = float(label.mean())
            return cls(float(np.log(base / (1 - base))), 0.0, "labels", by)
        return cls(float(model.intercept_[0]), slope, "labels", by)

    def probability(self, overdue_ratio) -> np.ndarray:
        """Shape (n,), for the rule by overdue_ratio; an unknown ratio counts as one usual gap."""
        return self._probability(_log_ratio(overdue_ratio))

    def probability_of(self, rows: pd.DataFrame) -> np.ndarray:
        """Shape (n,), for any rule, from rows of the frame."""
        return self._probability(signal(self.by, rows))

    def _probability(self, values: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-(self.intercept + self.slope * values)))


def signal(by: str, rows: pd.DataFrame) -> np.ndarray:
    """The signal of a rule, shape (n,): the larger, the more silent."""
    return RULES[by].of(*(rows[column] for column in RULES[by].columns))


def choose_rule(rows: pd.DataFrame, folds, parameters: dict) -> tuple[str, dict[str, float]]:
    """The best rule on the folds' validation rows, and the mean AUC of every rule whose columns are there."""
    from ml.evaluate import Scored, roc_auc

    label, found = rows["label"].to_numpy(), {}
    for name, rule in RULES.items():
        if not set(rule.columns) <= set(rows.columns):
            continue
        values = signal(name, rows)
        aucs = [
            roc_auc(Scored(values[fold.validate], label[fold.validate]), np.ones(fold.validate.sum()))
            for fold in folds
        ]
        found[name] = float(np.mean(aucs)) if aucs else 0.5
    best, near = max(found.values()), parameters["candidates"]["prefer_simple_within_auc"]
    return next(name for name, auc in found.items() if auc >= best - near), found
