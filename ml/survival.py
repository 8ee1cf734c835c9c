"""The discrete-time survival candidate: in which month will the next booking come?

Grouped proportional hazards (Prentice and Gloeckler 1978, Regression analysis of grouped survival data with
application to breast cancer data, Biometrics 34(1), 57-67; as discrete-time survival in Allison 1982): given
no booking before, the chance of one in month k is 1 - exp(-exp(f(x)) h_k). Then the chance of none within H
is exp(-exp(f(x)) (h_1 + ... + h_H)), whatever H is. f is a LightGBM model, grown with this likelihood (its
gradient is below), h the monthly baseline.

What it has over the other candidates: a customer who has been silent for four months so far is a whole
example of four months, long before the label of half a year or more is known. So it learns from newer months
than they do.
"""

import numpy as np
import pandas as pd

from ml.folds import is_sampled
from ml.served import DAYS_PER_MONTH, horizon_days

#: Months after which nobody is followed: the longest horizon.
LONGEST = 12
#: Steps beyond this in f would be rounding, not learning; the hazards stay finite.
_LARGEST_SCORE = 8.0


def followed_rows(
    rows: pd.DataFrame, unfinished: pd.DataFrame, known_until: pd.Timestamp, without: set, most: int
) -> pd.DataFrame:
    """Everybody whose silence could be watched for a month or more by `known_until`, with a label or without.

    Args:
        without: customers who must not be learned from (those of the validation fold).
        most: rows; above it whole customers are left out, by hash.

    Returns:
        The rows with `months` (followed, 1 to LONGEST) and `is_event` (a booking was seen in the last one).
    """
    tables = [table for table in (rows, unfinished) if len(table)]
    masks = [(table["as_of_date"] < known_until) & ~table["customer_id"].isin(without) for table in tables]
    count = sum(int(mask.sum()) for mask in masks)
    chosen = pd.concat(
        [
            table[mask & is_sampled(table["customer_id"], count, most)]
            for table, mask in zip(tables, masks, strict=True)
        ]
    )
    until = known_until.year * 12 + known_until.month
    on = chosen["as_of_date"].dt
    months = np.minimum(until - (on.year * 12 + on.month), LONGEST).to_numpy(dtype=float)
    # Bookings after known_until are in the column, too: not known then, so not looked at.
    booked = chosen["booked_in_months"].to_numpy(dtype=float)
    is_event = booked <= months
    chosen = chosen.assign(months=np.where(is_event, booked, months).astype(int), is_event=is_event)
    return chosen[chosen["months"] >= 1]


def baseline(months: np.ndarray, is_event: np.ndarray, relative_risk: np.ndarray) -> np.ndarray:
    """Monthly baseline hazards h_1..h_LONGEST: events over the risk of those still silent (Breslow 1974).

    Who books in a month is at risk in half of it, as in a life table: without that a month in which a fifth
    books would count as a fifth of them a month, not as -ln(4/5). A month that nobody was followed into goes
    on at the hazard of the last one that was.
    """
    events = np.bincount(months[is_event], minlength=LONGEST + 1)[1:].astype(float)
    ending = np.bincount(months, weights=relative_risk, minlength=LONGEST + 1)[1:]
    booking = np.bincount(months[is_event], weights=relative_risk[is_event], minlength=LONGEST + 1)[1:]
    at_risk = ending[::-1].cumsum()[::-1] - booking / 2
    hazard = np.divide(events, at_risk, out=np.full(LONGEST, np.nan), where=at_risk > 0)
    return np.maximum(pd.Series(hazard).ffill().fillna(0.0).to_numpy(), 1e-6)


def objective(months: np.ndarray, is_event: np.ndarray, hazard: np.ndarray):
    """LightGBM objective: gradient and curvature of minus the grouped likelihood by f, for each row."""
    cumulative = np.concatenate([[0.0], np.cumsum(hazard)])
    survived = np.where(is_event, cumulative[months - 1], cumulative[months])
    booked = np.flatnonzero(is_event)
    last = hazard[months[booked] - 1]

    def gradient(score: np.ndarray, _) -> tuple[np.ndarray, np.ndarray]:
        risk = np.exp(np.clip(score, -_LARGEST_SCORE, _LARGEST_SCORE))
        # ln(1 - exp(-x)) of the month of the booking, x = risk h: its derivative by f is x / (e^x - 1).
        x = np.minimum(risk[booked] * last, 500)
        pull = x / np.expm1(x)
        down = risk * survived
        curvature = down.copy()
        curvature[booked] += pull * (pull + x - 1)
        down[booked] -= pull
        return down, np.maximum(curvature, 1e-6)

    return gradient


def fit_survival(
    followed: pd.DataFrame, matrix: np.ndarray, spec: dict, horizon: dict, grow
) -> tuple[dict, object]:
    """Grow f twice: with the hazards of all alike, then with those that f leaves over.

    Args:
        followed: of followed_rows.
        matrix: encoded features of the same rows.
        grow: (objective, share of the trees) → lightgbm.Booster.

    Returns:
        What goes into the spec as `survival`, and the booster.
    """
    months, is_event = followed["months"].to_numpy(), followed["is_event"].to_numpy()
    hazard = baseline(months, is_event, np.ones(len(followed)))
    # The first time only for the hazards, for which a third of the trees is enough.
    for share in (1 / 3, 1):
        booster = grow(objective(months, is_event, hazard), share)
        score = booster.predict(matrix, raw_score=True, num_threads=spec["threads"])
        hazard = baseline(months, is_event, np.exp(np.clip(score, -_LARGEST_SCORE, _LARGEST_SCORE)))
    cumulative = np.concatenate([[0.0], np.cumsum(hazard)]).tolist()
    gaps = followed["typical_gap_days"].to_numpy(dtype=float)
    at_horizon = np.interp(horizon_days(gaps, horizon) / DAYS_PER_MONTH, np.arange(LONGEST + 1), cumulative)
    return {
        "cumulative": cumulative,
        "horizon": horizon,
        "mean_log_hazard": float(np.log(at_horizon).mean()),
    }, booster
