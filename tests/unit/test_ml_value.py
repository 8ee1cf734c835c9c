"""Expected bookings and value: worked examples, agreement with the probability, and no prices."""

import numpy as np
import pandas as pd
import pytest

from ml.settings import parameters
from ml.value import average_value, expected_bookings, lifetime_value, next_year, purchase_rate


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


# --- the interval of the coming year ------------------------------------------------------------------------


def many(seed: int = 0, rows: int = 4000) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Customers whose truth is the model's own: rates from a gamma, values around an average of their own.

    Returns:
        rows for next_year, the bookings and the value counted in the year after.
    """
    random = np.random.default_rng(seed)
    years = random.uniform(0.5, 4, rows)
    rate = random.gamma(2.0, 0.75, rows)
    repeats = random.poisson(rate * years)
    mean = 100 * random.gamma(4, 0.25, rows)
    averages = np.array([random.gamma(1, each, n + 1).mean() for each, n in zip(mean, repeats, strict=True)])
    frame = pd.DataFrame(
        {
            "purchase_occasions_lifetime": repeats + 1.0,
            "bookings_lifetime": repeats + 1.0,
            "days_since_first_booking": years * 365.25,
            "horizon_days": 365.25,
            "average_booking_value": averages,
        }
    )
    bookings = random.poisson(rate)
    value = np.array([random.gamma(1, each, n).sum() for each, n in zip(mean, bookings, strict=True)])
    return frame, bookings, value


def no_booking(frame: pd.DataFrame) -> np.ndarray:
    """The chance of nothing in a year under the gamma of `many`: (b / (b + 1)) ** shape, posterior."""
    repeats, years = frame["purchase_occasions_lifetime"] - 1, frame["days_since_first_booking"] / 365.25
    rate = 1 / 0.75 + years
    return ((rate / (rate + 1)) ** (2.0 + repeats)).to_numpy()


def test_intervals_hold_what_they_say_where_the_model_is_true():
    frame, bookings, value = many()
    year = next_year(frame, no_booking(frame), parameters())
    assert year.bookings.mean() == pytest.approx(bookings.mean(), rel=0.05)
    # A count cannot hit 80 % exactly, so it is more; what lies above the upper end is at most a tenth.
    inside = ((bookings >= year.bookings_low) & (bookings <= year.bookings_high)).mean()
    assert 0.8 <= inside < 0.95
    assert 0.02 < (bookings > year.bookings_high).mean() <= 0.105
    inside = ((value >= year.value_low) & (value <= year.value_high)).mean()
    assert 0.78 < inside < 0.9
    assert 0.06 < (value > year.value_high).mean() < 0.13


def test_the_expectation_lies_in_its_interval_but_for_those_likely_gone():
    frame, _, _ = many()
    year = next_year(frame, no_booking(frame), parameters())
    assert (year.bookings_low <= year.bookings).all()
    assert (year.bookings <= year.bookings_high).mean() > 0.95
    assert (year.value_low <= year.value_high).all()
    whole = np.concatenate([year.bookings_low, year.bookings_high])
    assert (whole == np.round(whole)).all()


def test_who_is_almost_surely_gone_has_nothing_at_both_ends():
    year = next_year(customers(), np.full(4, 0.95), parameters())
    assert (year.bookings_high == 0).all()
    assert (year.value_high == 0).all()
    assert (year.nothing >= 0.9).all()


def test_the_chance_of_nothing_in_a_whole_year_is_the_probability_itself():
    year = next_year(customers(), np.full(4, 0.3), parameters())
    assert year.nothing == pytest.approx(0.3)


def test_in_half_a_year_more_there_is_a_booking_now_and_then():
    half = next_year(customers(horizon_days=[180] * 4), np.full(4, 0.5), parameters())
    assert (half.nothing < 0.5).all()
    assert (half.nothing > 0.2).all()


def test_a_wider_interval_holds_the_narrower():
    rules = parameters()
    rules["value"]["interval"] = 0.5
    frame, _, _ = many(rows=300)
    wide, narrow = (next_year(frame, no_booking(frame), each) for each in (parameters(), rules))
    assert (wide.value_low <= narrow.value_low).all()
    assert (wide.value_high >= narrow.value_high).all()
    assert (wide.bookings_high >= narrow.bookings_high).all()


def test_one_booking_says_less_of_the_average_than_many():
    _, _, uncertain = average_value(customers(average_booking_value=[90.0, 110.0, 90.0, 110.0]), parameters())
    assert uncertain[2] < uncertain[0]


def test_without_prices_bookings_have_their_interval_all_the_same():
    year = next_year(customers(average_booking_value=[np.nan] * 4), np.full(4, 0.3), parameters())
    assert np.isnan([year.value, year.value_low, year.value_high]).all()
    assert (year.bookings_high > 0).all()


@pytest.mark.parametrize("probability", [0.001, 0.999])
@pytest.mark.parametrize("value", [0.0, 100.0])
def test_extreme_customers_have_finite_numbers(probability, value):
    rows = customers(average_booking_value=[value] * 4, days_since_first_booking=[0, 1, 4000, 10])
    year = next_year(rows, np.full(4, probability), parameters())
    for numbers in (year.bookings, year.bookings_high, year.value, year.value_low, year.value_high):
        assert np.isfinite(numbers).all()
    assert next_year(rows.iloc[:0], np.zeros(0), parameters()).bookings.shape == (0,)


def test_the_ends_are_those_of_so_many_bookings_of_such_values():
    """Against draws of what value.py says: a hurdle, counts, values around an unsure mean."""
    rows = customers()
    year = next_year(rows, np.full(4, 0.3), parameters())
    average, within, uncertain = average_value(rows, parameters())
    random, draws = np.random.default_rng(0), 200_000
    third = 2
    further = year.bookings[third] / (1 - year.nothing[third]) - 1
    shape = purchase_shape(rows) + rows["purchase_occasions_lifetime"][third] - 1
    count = 1 + random.negative_binomial(shape, shape / (shape + further), draws)
    mean = random.gamma(average[third] ** 2 / uncertain[third], uncertain[third] / average[third], draws)
    scale = within[third] / average[third]
    value = random.gamma(count * mean / scale, scale) * (random.random(draws) > year.nothing[third])
    assert year.value_high[third] == pytest.approx(np.quantile(value, 0.9), rel=0.04)


def purchase_shape(rows: pd.DataFrame) -> float:
    """Of the gamma that rates follow, from what more time does to the posterior: (shape + x) / (rate + t)."""
    repeats = rows["purchase_occasions_lifetime"].to_numpy(float) - 1
    years = rows["days_since_first_booking"].to_numpy(float) / 365.25
    rate = purchase_rate(repeats, years)
    # rate_i * (b + t_i) = a + x_i, two customers give a and b.
    matrix = np.column_stack([np.ones(2), -rate[:2]])
    return float(np.linalg.solve(matrix, rate[:2] * years[:2] - repeats[:2])[0])
