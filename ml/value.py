"""What a customer is expected to bring: bookings of the next twelve months, and their net value over three
years.

Rates: each customer's purchase rate is a gamma-Poisson posterior mean (Ehrenberg 1959; the purchase half of
Schmittlein, Morrison and Colombo's NBD models, 1987), the gamma fitted by moments over the scored
customers. Whether the customer comes at all is the churn model's word: with churn probability p over H days
and N ~ Poisson(rate * H), E[N in H] = (1 - p) * E[N | N >= 1], so the expectation never contradicts the
probability beside it.
"""

import numpy as np
import pandas as pd

DAYS_PER_YEAR = 365.25


def expected_bookings(rows: pd.DataFrame, churn_probability) -> np.ndarray:
    """Bookings expected in the twelve months after the date, shape (n,).

    Args:
        rows: purchase_occasions_lifetime, bookings_lifetime, days_since_first_booking, horizon_days of
        customers
            who have booked and are not lost.
        churn_probability: of no booking within horizon_days.
    """
    if len(rows) == 0:
        return np.zeros(0)
    occasions = rows["purchase_occasions_lifetime"].to_numpy(float)
    years = np.maximum(rows["days_since_first_booking"].to_numpy(float), 30) / DAYS_PER_YEAR
    rate = purchase_rate(occasions - 1, years)
    window = rows["horizon_days"].to_numpy(float) / DAYS_PER_YEAR
    comes = 1 - np.asarray(churn_probability, dtype=float)
    any_by_chance = -np.expm1(-rate * window)
    in_window = comes * rate * window / any_by_chance
    # After the window the plain rate holds, for the share that must still be customers for p to come out.
    still_customer = np.minimum(1.0, comes / any_by_chance)
    later = still_customer * rate * np.maximum(0.0, 1 - window)
    bookings_per_occasion = rows["bookings_lifetime"].sum() / max(occasions.sum(), 1)
    return (in_window + later) * bookings_per_occasion


def purchase_rate(repeats: np.ndarray, years: np.ndarray) -> np.ndarray:
    """Posterior mean purchases per year: (shape + repeats) / (shape / mean + years).

    Args:
        repeats: purchase occasions after the first, since that one started the clock.
        years: since the first purchase.
    """
    mean = max(repeats.sum() / years.sum(), 1e-3)
    excess = ((repeats - mean * years) ** 2 - mean * years).sum() / (years**2).sum()
    # Without spread beyond chance everybody has the common rate; a large shape says that.
    shape = mean**2 / excess if excess > mean**2 / 1e3 else 1e3
    return (shape + repeats) / (shape / mean + years)


def lifetime_value(rows: pd.DataFrame, bookings, churn_probability, parameters: dict) -> np.ndarray:
    """Net value expected over `horizon_years`, discounted, in the reporting currency; NaN without prices.

    A year's bookings times the customer's average net booking value (shrunk toward the common average),
    times the chance to be still a customer in each later year, (1 - p) ** year.
    """
    rules = parameters["value"]
    own, count = rows["average_booking_value"].to_numpy(float), rows["bookings_lifetime"].to_numpy(float)
    known = np.isfinite(own) & (count > 0)
    if not known.any():
        return np.full(len(rows), np.nan)
    count, own = np.where(known, count, 0), np.where(known, own, 0)
    common = (own * count).sum() / count.sum()
    prior = rules["average_prior_bookings"]
    average = (own * count + prior * common) / (count + prior)
    stays = 1 - np.asarray(churn_probability, dtype=float)
    per_year = stays / (1 + rules["discount_rate_per_year"])
    years = sum(per_year**year for year in range(rules["horizon_years"]))
    return np.asarray(bookings) * average * years
