"""What a customer is expected to bring: bookings and net value of the next twelve months, each with an
interval, and the net value over three years.

Rates: each customer's purchase rate is a gamma-Poisson posterior mean (Ehrenberg 1959; the purchase half of
Schmittlein, Morrison and Colombo's NBD models, 1987), the gamma fitted by moments over the scored
customers. Whether the customer comes at all is the churn model's word: with churn probability p over H days
and N ~ Poisson(rate * H), E[N in H] = (1 - p) * E[N | N >= 1], so the expectation never contradicts the
probability beside it.

Intervals are of what will be counted, not of its mean: a hurdle (nothing at all, with a chance of its own)
and above it a negative binomial for bookings, whose spread is the posterior gamma's, and a gamma for value
with the same mean and variance as so many bookings of such values. Checked in ml/value_check.py.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

DAYS_PER_YEAR = 365.25


@dataclass(frozen=True)
class Year:
    """The twelve months after the date, customer by customer; shape (n,) each.

    Attributes:
        bookings: expected, with `bookings_low` and `bookings_high`: whole numbers, which hold the count with
            the chance of the interval, or more (a count cannot hit it exactly).
        value: expected net value in the reporting currency, with `value_low` and `value_high`; NaN without
            prices.
        nothing: the chance of no booking at all.
    """

    bookings: np.ndarray
    bookings_low: np.ndarray
    bookings_high: np.ndarray
    value: np.ndarray
    value_low: np.ndarray
    value_high: np.ndarray
    nothing: np.ndarray


def next_year(rows: pd.DataFrame, churn_probability, parameters: dict) -> Year:
    """Bookings and value of the twelve months after the date, with intervals.

    Args:
        rows: as for expected_bookings, and average_booking_value.
        churn_probability: of no booking within horizon_days, shape (n,).
    """
    if len(rows) == 0:
        return Year(*[np.zeros(0)] * 7)
    bookings = expected_bookings(rows, churn_probability)
    years, repeats = _years(rows), _occasions(rows) - 1
    shape, rate = _gamma(repeats, years)
    nothing = _chance_of_nothing(rows, churn_probability, (shape + repeats) / (rate + years))
    # Who books, books at least once; what is beyond the first follows the customer's own spread.
    further = np.maximum(0.0, bookings / (1 - nothing) - 1)
    spread = shape + np.maximum(repeats, 0.0)
    tail = (1 - parameters["value"]["interval"]) / 2
    low, high = (_count_at(share, nothing, further, spread) for share in (tail, 1 - tail))
    average, within, uncertain = average_value(rows, parameters)
    value_low, value_high = (
        _value_at(share, nothing, further, spread, (average, within, uncertain)) for share in (tail, 1 - tail)
    )
    return Year(bookings, low, high, bookings * average, value_low, value_high, nothing)


def expected_bookings(rows: pd.DataFrame, churn_probability) -> np.ndarray:
    """Bookings expected in the twelve months after the date, shape (n,).

    Args:
        rows: purchase_occasions_lifetime, bookings_lifetime, days_since_first_booking, horizon_days of
            customers who have booked and are not lost.
        churn_probability: of no booking within horizon_days.
    """
    if len(rows) == 0:
        return np.zeros(0)
    occasions = _occasions(rows)
    rate = purchase_rate(occasions - 1, _years(rows))
    window = _window(rows)
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
    shape, rate = _gamma(repeats, years)
    return (shape + repeats) / (rate + years)


def lifetime_value(rows: pd.DataFrame, bookings, churn_probability, parameters: dict) -> np.ndarray:
    """Net value expected over `horizon_years`, discounted, in the reporting currency; NaN without prices.

    A year's bookings times the customer's average net booking value (shrunk toward the common average),
    times the chance to be still a customer in each later year, (1 - p) ** year.
    """
    rules = parameters["value"]
    average, _, _ = average_value(rows, parameters)
    stays = 1 - np.asarray(churn_probability, dtype=float)
    per_year = stays / (1 + rules["discount_rate_per_year"])
    years = sum(per_year**year for year in range(rules["horizon_years"]))
    return np.asarray(bookings) * average * years


def average_value(rows: pd.DataFrame, parameters: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A customer's average net booking value, the variance of one booking around it, and that of the average.

    The average is shrunk toward the common one by `average_prior_bookings` bookings of it, which says, too,
    how much of the spread between one-time bookers is between customers (Buehlmann's credibility: one booking
    varies that many times as much as averages do).

    Returns:
        Three arrays of shape (n,), in money, money squared and money squared; NaN without prices.
    """
    own, count = rows["average_booking_value"].to_numpy(float), rows["bookings_lifetime"].to_numpy(float)
    known = np.isfinite(own) & (count > 0)
    if not known.any():
        return tuple(np.full(len(rows), np.nan) for _ in range(3))
    count, own = np.where(known, count, 0), np.where(known, own, 0)
    common = (own * count).sum() / count.sum()
    prior = parameters["value"]["average_prior_bookings"]
    average = (own * count + prior * common) / (count + prior)
    # An average of n bookings varies by between + within / n = between * (1 + prior / n); in shares of the
    # common average, so that who books dearly varies in proportion.
    expected = 1 + prior / count[known]
    between = float(((own[known] / common - 1) ** 2).sum() / expected.sum()) if common else 0.0
    within = prior * between
    return average, within * average**2, within / (count + prior) * average**2


def _occasions(rows: pd.DataFrame) -> np.ndarray:
    return rows["purchase_occasions_lifetime"].to_numpy(float)


def _years(rows: pd.DataFrame) -> np.ndarray:
    return np.maximum(rows["days_since_first_booking"].to_numpy(float), 30) / DAYS_PER_YEAR


def _window(rows: pd.DataFrame) -> np.ndarray:
    return rows["horizon_days"].to_numpy(float) / DAYS_PER_YEAR


def _gamma(repeats: np.ndarray, years: np.ndarray) -> tuple[float, float]:
    """Shape and rate (in years) of the gamma that purchase rates follow, by moments."""
    mean = max(repeats.sum() / years.sum(), 1e-3)
    excess = ((repeats - mean * years) ** 2 - mean * years).sum() / (years**2).sum()
    # Without spread beyond chance everybody has the common rate; a large shape says that.
    shape = mean**2 / excess if excess > mean**2 / 1e3 else 1e3
    return shape, shape / mean


def _chance_of_nothing(rows: pd.DataFrame, churn_probability, rate: np.ndarray) -> np.ndarray:
    """The chance of no booking in twelve months: none in the window, and none in the rest of the year."""
    window = _window(rows)
    none_in_window = np.asarray(churn_probability, dtype=float)
    comes = 1 - none_in_window
    still_customer = np.minimum(1.0, comes / -np.expm1(-rate * window))
    # Of those who do not come in the window some are customers all the same.
    still_of_them = np.clip((still_customer - comes) / np.maximum(none_in_window, 1e-9), 0.0, 1.0)
    rest = np.maximum(0.0, 1 - window)
    return none_in_window * (1 + still_of_them * np.expm1(-rate * rest))


def _count_at(share: float, nothing, further, spread) -> np.ndarray:
    """The count that is not exceeded with a chance of at least `share`, shape (n,)."""
    from scipy.stats import nbinom

    beyond = (share - nothing) / (1 - nothing)
    count = np.zeros(len(nothing))
    some = beyond > 0
    count[some] = 1 + nbinom.ppf(beyond[some], spread[some], spread[some] / (spread[some] + further[some]))
    return count


def _value_at(share: float, nothing, further, spread, values) -> np.ndarray:
    """The value that is not exceeded with a chance of `share`, shape (n,); NaN where it is not known."""
    from scipy.special import gammaincinv

    average, within, uncertain = values
    counted = 1 + further
    variance_of_count = further + further**2 / spread
    mean = counted * average
    variance = (
        counted * within + variance_of_count * average**2 + (variance_of_count + counted**2) * uncertain
    )
    beyond = (share - nothing) / (1 - nothing)
    result = np.where(np.isnan(average), np.nan, 0.0)
    some = (beyond > 0) & (mean > 0)
    # Where values do not vary at all the mean is all there is.
    varies = some & (variance > 0)
    result[some & ~varies] = mean[some & ~varies]
    shape = mean[varies] ** 2 / variance[varies]
    result[varies] = gammaincinv(shape, beyond[varies]) * variance[varies] / mean[varies]
    return result
