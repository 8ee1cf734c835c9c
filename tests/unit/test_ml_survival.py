"""The discrete-time survival candidate: its likelihood, what it watches, and what silence teaches it."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import approx_fprime

from ml.evaluate import Scored, roc_auc
from ml.fitting import Lesson, fit, horizon_of, why_not
from ml.settings import parameters
from ml.survival import LONGEST, baseline, followed_rows, objective

MONTHS = pd.date_range("2022-01-31", periods=12, freq="ME")
FEATURES = ["typical_gap_days", "value_12m"]


def lives(n=4000, seed=3, newest_only=False) -> pd.DataFrame:
    """Bookings come each month with a chance that doubles with value_12m; the horizon is 180 days for all."""
    random = np.random.default_rng(seed)
    value = random.normal(size=n)
    as_of = MONTHS[random.integers(9, 11, n) if newest_only else random.integers(0, 5, n)]
    booked = np.ceil(random.exponential(8 / np.exp(0.7 * value)))
    return pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "as_of_date": as_of,
            "horizon_ends_on": as_of + pd.Timedelta(days=180),
            "label": (booked > 6).astype(int),
            "booked_in_months": booked,
            "typical_gap_days": 60.0,
            "value_12m": value,
        }
    )


def minus_log_likelihood(score: float, months: int, is_event: bool, hazard: np.ndarray) -> float:
    """From the chances themselves: silent in all months before, then a booking in the last one or none."""
    chance = 1 - np.exp(-np.exp(score) * hazard)
    silent = np.log(1 - chance[: months - is_event]).sum()
    return -(silent + (np.log(chance[months - 1]) if is_event else 0.0))


@pytest.mark.parametrize("is_event", [True, False])
@pytest.mark.parametrize("months", [1, 5, LONGEST])
@pytest.mark.parametrize("score", [-2.0, 0.3, 1.5])
def test_gradient_and_curvature_are_those_of_the_likelihood(score, months, is_event):
    hazard = np.linspace(0.2, 0.05, LONGEST)
    gradient = objective(np.array([months]), np.array([is_event]), hazard)

    def slope(at):
        return approx_fprime(at, lambda s: minus_log_likelihood(s[0], months, is_event, hazard), 1e-6)[0]

    first, second = gradient(np.array([score]), None)
    assert first[0] == pytest.approx(slope(np.array([score])), abs=1e-4)
    numeric = (gradient(np.array([score + 1e-5]), None)[0] - first)[0] / 1e-5
    assert second[0] == pytest.approx(numeric, rel=1e-3, abs=1e-5)


def test_baseline_of_customers_who_are_all_alike_is_events_by_those_at_risk():
    months, is_event = np.array([1, 1, 2, 3, 3]), np.array([True, False, True, True, False])
    found = baseline(months, is_event, np.ones(5))
    # One of five in the first month, one of three in the second, one of two in the third; half a month each.
    assert found[:4] == pytest.approx([1 / 4.5, 1 / 2.5, 1 / 1.5, 1 / 1.5])
    assert found[0] == pytest.approx(-np.log(4 / 5), rel=0.01)


def test_only_what_was_seen_by_the_date_is_watched():
    rows = lives().head(1).assign(as_of_date=MONTHS[0], booked_in_months=4.0)
    nothing = pd.DataFrame()
    early = followed_rows(rows, nothing, MONTHS[3], set(), 10)
    assert (early["months"].item(), early["is_event"].item()) == (3, False)
    late = followed_rows(rows, nothing, MONTHS[4], set(), 10)
    assert (late["months"].item(), late["is_event"].item()) == (4, True)
    assert followed_rows(rows, nothing, MONTHS[0], set(), 10).empty
    assert followed_rows(rows, nothing, MONTHS[4], {"c0"}, 10).empty


def test_it_ranks_and_says_nearly_the_right_chances():
    rows, fresh = lives(), lives(seed=4)
    model = fit("survival", Lesson(rows, MONTHS[-1], rows, len(rows)), FEATURES, parameters())
    probability = model.predict(None, fresh)
    assert roc_auc(Scored(probability, fresh["label"]), np.ones(len(fresh))) > 0.69
    # Without calibration: the chance of no booking is exp(-cumulative hazard), the score minus its logarithm.
    assert probability == pytest.approx(np.exp(-np.exp(-model.score(fresh))), abs=1e-9)
    assert probability.mean() == pytest.approx(fresh["label"].mean(), abs=0.03)


def test_silence_that_is_not_over_teaches():
    old = lives(120, seed=5)
    new = lives(4000, seed=6, newest_only=True).assign(label=np.nan)
    fresh = lives(seed=7)
    found = []
    for unfinished in (pd.DataFrame(), new):
        lesson = Lesson(old, MONTHS[-1], old, 10_000, unfinished)
        model = fit("survival", lesson, FEATURES, parameters())
        found.append(roc_auc(Scored(model.log_odds(fresh), fresh["label"]), np.ones(len(fresh))))
    assert found[1] > found[0] + 0.01


def test_the_longer_the_horizon_the_less_likely_nothing_is_booked_in_it():
    rows = lives()
    rows.loc[::2, "horizon_ends_on"] = rows["as_of_date"] + pd.Timedelta(days=365)
    model = fit("survival", Lesson(rows, MONTHS[-1], rows, len(rows)), FEATURES, parameters())
    # All gaps were 60 days, so that the trees know nothing of gaps, and only the horizon is left.
    some = rows.head(1)
    found = [model.predict(None, some.assign(typical_gap_days=gap))[0] for gap in (60, 90, 150, 900, np.nan)]
    assert found[0] == found[1] > found[2] > found[3] == found[4]


@pytest.mark.parametrize(
    ("change", "features", "label", "words"),
    [
        ({}, ["value_12m"], "no_booking", "typical_gap_days"),
        ({"booked_in_months": np.nan}, FEATURES, "no_booking", "no booking after a month end"),
        ({}, FEATURES, "left_programme", "left_programme"),
    ],
)
def test_what_it_lacks_is_said(change, features, label, words):
    rows = lives(10).assign(**change)
    assert words in why_not("survival", rows, features, {**parameters(), "label": label})
    assert why_not("survival", lives(10), FEATURES, parameters()) is None


def test_the_horizon_is_that_of_the_labels():
    rows = lives(40)
    days = np.where(np.arange(40) % 2, 90, 120)
    rows["horizon_ends_on"] = rows["as_of_date"] + pd.to_timedelta(days, unit="D")
    assert horizon_of(rows, parameters()) == {"gaps": 2, "min_days": 90, "max_days": 120}


def test_a_horizon_has_as_many_gaps_as_in_the_warehouse():
    import yaml

    from roundtrip.home import PROJECT_ROOT

    rules = yaml.safe_load((PROJECT_ROOT / "dbt_project" / "dbt_project.yml").read_text())["vars"]
    assert parameters()["horizon"]["gaps"] == rules["label_horizon_gaps"]
