"""The buy-till-you-die candidate: customers ranked by the purchases they are expected to make in the horizon.

The MBG/NBD (roundtrip/alive.py), fitted on the purchases of all customers, the lost ones too. It knows four
numbers of a customer: purchases, first, last, and the horizon. P(alive) alone would not do: it says whether a
customer is still there, not whether a trip falls into the horizon.
"""

import numpy as np
import pandas as pd

from ml.served import DAYS_PER_WEEK, HISTORY
from roundtrip import alive


def fit_purchases(
    histories: pd.DataFrame, rows: pd.DataFrame, known_until: pd.Timestamp, horizon: dict
) -> dict:
    """The parameters r, alpha, a, b (weeks), the median customer and the horizon, for the spec.

    Where nothing can be fitted (nobody has bought twice) they are those of a purchase a year, as likely to
    be the last as not: all customers then look nearly alike.

    Args:
        histories: of the frame; the newest date up to `known_until` is used.
        rows: training rows, of which the newest of each customer serves where there are no histories, and
            which say who the median customer is.
    """
    known = histories[histories["fitted_on"] <= known_until] if len(histories) else histories
    if len(known):
        newest = known[known["fitted_on"] == known["fitted_on"].max()]
        counts = (newest[name] for name in ("repeats", "recency_weeks", "age_weeks", "customers"))
        found = alive.fit(*(column.to_numpy() for column in counts))
    else:
        found = _fit_on_rows(rows)
    found = found or alive.Parameters(r=1.0, alpha=52.0, a=1.0, b=1.0, log_likelihood=float("nan"))
    return {
        **{name: getattr(found, name) for name in ("r", "alpha", "a", "b")},
        "median": median_customer(rows),
        "horizon": horizon,
    }


def median_customer(rows: pd.DataFrame) -> dict[str, float]:
    """The columns of HISTORY of the customer in the middle; 0 where nobody's is known."""
    known = {name: rows[name].to_numpy(dtype=float) for name in HISTORY}
    known = {name: values[np.isfinite(values)] for name, values in known.items()}
    return {name: float(np.median(values)) if len(values) else 0.0 for name, values in known.items()}


def _fit_on_rows(rows: pd.DataFrame) -> alive.Parameters | None:
    newest = rows.sort_values("as_of_date").groupby("customer_id").tail(1)
    repeats, first, last = (newest[name].to_numpy(dtype=float) for name in HISTORY[:3])
    known = np.isfinite(repeats) & np.isfinite(first) & np.isfinite(last)
    age, recency = first[known] / DAYS_PER_WEEK, (first - last)[known] / DAYS_PER_WEEK
    return alive.fit(repeats[known], np.maximum(recency, 0), age, np.ones(known.sum()))
