"""Expected bookings and value: worked examples, agreement with the probability, and no prices."""

import numpy as np
import pandas as pd
import pytest

from ml.settings import parameters
from ml.value import expected_bookings, lifetime_value, purchase_rate


def customers(**columns) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "purchase_occasions_lifetime": [1, 3, 9, 2],
            "bookings_lifetime": [1, 3, 9, 2],
            "days_since_first_booking": [365.25, 730.5, 1095.75, 365.25],
            "horizon_days": [365.25] * 4,
            "average_booking_value": [100.0, 200.0, 100.0, 200.0],
            **columns,
        }
    )


def test_rates_lie_between_the_own_and_the_common_one():
    repeats, years = np.array([0.0, 2, 8, 1]), np.array([1.0, 2, 3, 1])
    rate, common = purchase_rate(repeats, years), repeats.sum() / years.sum()
    own = repeats / years
    assert ((rate >= np.minimum(own, common)) & (rate <= np.maximum(own, common))).all()
    assert rate[2] > rate[1] > rate[0] > 0


def test_without_spread_beyond_chance_everybody_has_the_common_rate():
    assert purchase_rate(np.array([1.0, 1, 1]), np.ones(3)) == pytest.approx(1.0, abs=0.01)


def test_over_the_whole_year_the_expectation_is_that_of_a_truncated_poisson():
    rows = customers()
    rate = purchase_rate(np.array([0.0, 2, 8, 1]), np.array([1.0, 2, 3, 1]))
    by_hand = 0.6 * rate / (1 - np.exp(-rate))
    assert expected_bookings(rows, np.full(4, 0.4)) == pytest.approx(by_hand)


@pytest.mark.parametrize("probability", [0.05, 0.5, 0.95])
@pytest.mark.parametrize("days", [180, 365])
def test_never_fewer_bookings_than_the_chance_to_book_at_all(probability, days):
    found = expected_bookings(customers(horizon_days=[days] * 4), np.full(4, probability))
    assert (found >= 1 - probability - 1e-9).all()


def test_more_risk_means_fewer_bookings_and_less_value():
    rows = customers()
    few, many = (expected_bookings(rows, np.full(4, p)) for p in (0.8, 0.2))
    assert (few < many).all()
    low, high = (lifetime_value(rows, b, np.full(4, p), parameters()) for b, p in ((few, 0.8), (many, 0.2)))
    assert (low < high).all()


def test_value_is_bookings_times_shrunken_average_times_discounted_years():
    # The common average is 2000 / 15; the first customer has one booking of 100 against three of the common
    # average.
    found = lifetime_value(customers(), np.ones(4), np.full(4, 0.45), parameters())
    average = (100 + 3 * 2000 / 15) / 4
    assert found[0] == pytest.approx(average * (1 + 0.5 + 0.25))


def test_without_prices_there_is_no_value():
    rows = customers(average_booking_value=[np.nan] * 4)
    assert np.isnan(lifetime_value(rows, np.ones(4), np.zeros(4), parameters())).all()


def test_nobody_is_no_obstacle():
    assert len(expected_bookings(customers().iloc[:0], np.zeros(0))) == 0
