"""By what the effect of an action may differ between customers: a few measures with a meaning."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.uplift.settings import parameters


def measures(rows: pd.DataFrame) -> pd.DataFrame:
    """The bases of parameters.yml for rows with FEATURES and expectations; NaN where not delivered."""
    return _all_measures(rows)[parameters()["bases"]]


def _all_measures(rows: pd.DataFrame) -> pd.DataFrame:
    days = parameters()["complaint_days"]
    has_tickets = rows["complaints_12m"].notna()
    complained = (rows["days_since_last_complaint"] <= days).astype(float).where(has_tickets)
    return pd.DataFrame(
        {
            "log_expected_margin": np.log(rows["expected_margin"].clip(lower=1.0)),
            "silence": rows["overdue_ratio"].clip(0, 4),
            "discount_share": rows["discount_share_12m"],
            "is_member": rows["is_loyalty_member"],
            "has_complained": complained,
            "party_size": np.log(rows["average_travellers"].clip(lower=1.0)),
            "lead_days": np.log1p(rows["average_lead_days"].clip(lower=0.0)),
        }
    )


def suits(rows: pd.DataFrame, action: str) -> np.ndarray:
    """1 for customers an action can do something for, 0 for others; shape (n,)."""
    name = parameters()["suits"].get(action)
    if name is None:
        return np.ones(len(rows))
    return _all_measures(rows)[name].fillna(1.0).to_numpy()


@dataclass(frozen=True)
class Scale:
    """Mean and spread of the bases over those assigned, shape (k,): what others are standardised by."""

    mean: np.ndarray
    spread: np.ndarray

    @classmethod
    def of(cls, rows: pd.DataFrame) -> "Scale":
        x = measures(rows)
        spread = x.std().fillna(0.0).to_numpy()
        return cls(x.mean().fillna(0.0).to_numpy(), np.where(spread > 1e-9, spread, np.inf))

    def standardised(self, rows: pd.DataFrame) -> np.ndarray:
        """Unknown counts as average, beyond two spreads as two: no extrapolation; shape (n, k)."""
        x = (measures(rows).to_numpy(float) - self.mean) / self.spread
        return np.clip(np.nan_to_num(x, nan=0.0), -2, 2)


def movable_return(expected_return: np.ndarray) -> np.ndarray:
    """By how much the chance of a booking p moves as demand doubles, −(1 − p) ln(1 − p); shape (n,)."""
    stays_away = 1 - np.clip(expected_return, 1e-4, 1 - 1e-4)
    return -stays_away * np.log(stays_away)
