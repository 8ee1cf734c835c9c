"""Buy till you die: expected purchases against first principles, and what if nothing can be fitted."""

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from ml.purchases import fit_purchases, median_customer
from ml.served import HISTORY, expected_purchases
from tests.unit.test_alive import CDNOW, HISTORIES

PARAMETERS = {name: getattr(CDNOW, name) for name in ("r", "alpha", "a", "b")}
HORIZON = {"gaps": 2, "min_days": 180, "max_days": 365}


def from_first_principles(repeats: float, recency: float, age: float, ahead: float) -> float:
    """Who is still there leaves after each purchase with chance p: (1 - exp(-rate p t)) / p to come. Averaged
    over what the history leaves open: the rate, the chance to leave, and whether the customer has left."""
    r, alpha, a, b = PARAMETERS.values()
    shape, scale = r + repeats, 1 / (alpha + age)
    leaves = stats.beta(a, b + repeats + 1)

    def to_come(p: float) -> float:
        # The gamma mean of 1 - exp(-rate p t).
        return (1 - (1 + p * ahead * scale) ** -shape) / p

    value, _ = integrate.quad(lambda quantile: to_come(leaves.ppf(quantile)), 0, 1, epsabs=1e-9, limit=200)
    gone = a / (b + repeats) * ((alpha + age) / (alpha + recency)) ** (r + repeats)
    return value / (1 + gone)


@pytest.mark.parametrize(("repeats", "recency", "age"), HISTORIES)
@pytest.mark.parametrize("ahead", [26.0, 52.0])
def test_expected_purchases_from_first_principles(repeats, recency, age, ahead):
    found = expected_purchases(PARAMETERS, float(repeats), recency, age, ahead)
    assert found == pytest.approx(from_first_principles(repeats, recency, age, ahead), rel=1e-4)


def test_any_history_gets_a_number_between_none_and_the_plain_rate():
    random = np.random.default_rng(1)
    age = random.uniform(0, 500, 2000)
    repeats, recency = random.integers(0, 300, 2000).astype(float), age * random.random(2000)
    for a in (0.3, 1.0, 5.0, 1e4):
        found = expected_purchases({**PARAMETERS, "a": a}, repeats, recency, age, 26.0)
        plain = (PARAMETERS["r"] + repeats) / (PARAMETERS["alpha"] + age) * 26
        assert np.isfinite(found).all()
        assert (found >= 0).all()
        assert (found <= plain * (1 + 1e-9)).all()


def rows_of(n: int, repeats: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "as_of_date": pd.Timestamp("2024-01-31"),
            "gap_count": float(repeats),
            "days_since_first_booking": 200.0,
            "days_since_last_booking": 100.0,
            "typical_gap_days": np.nan,
        }
    )


def test_only_histories_of_the_date_are_used():
    def counts(day: str, repeats: list[int]) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "fitted_on": pd.Timestamp(day),
                "repeats": repeats,
                "recency_weeks": [10, 20, 30],
                "age_weeks": 40,
                "customers": 50,
            }
        )

    past, future = counts("2023-12-31", [1, 2, 3]), counts("2024-03-31", [9, 9, 9])
    day = pd.Timestamp("2024-01-31")
    found = fit_purchases(pd.concat([past, future]), rows_of(5, 1), day, HORIZON)
    assert found == fit_purchases(past, rows_of(5, 1), day, HORIZON)
    assert found != fit_purchases(future.assign(fitted_on=day), rows_of(5, 1), day, HORIZON)


def test_nobody_who_bought_twice_is_no_obstacle():
    found = fit_purchases(pd.DataFrame(), rows_of(5, 0), pd.Timestamp("2024-01-31"), HORIZON)
    assert np.isfinite([found[name] for name in ("r", "alpha", "a", "b")]).all()


def test_the_median_customer_is_known_even_where_a_column_is_empty():
    assert median_customer(rows_of(3, 2)) == dict(zip(HISTORY, (2.0, 200.0, 100.0, 0.0), strict=True))
