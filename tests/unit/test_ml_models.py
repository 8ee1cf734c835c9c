"""Candidates: calibration, odd values, saving and loading, the rule, the choice and the gate."""

import numpy as np
import pandas as pd
import pytest

from ml import fitting, models
from ml.fitting import Lesson
from ml.rule import InactivityRule
from ml.served import ChurnModel
from ml.settings import parameters

FEATURES = [
    *("days_since_first_booking", "days_since_last_booking", "typical_gap_days", "gap_count"),
    *("overdue_ratio", "value_12m", "unresolved_complaints", "country"),
]
MONTHS = pd.date_range("2022-01-31", periods=5, freq="ME")


def made_rows(n=1500, seed=1) -> pd.DataFrame:
    """Risk rises with overdue_ratio and complaints; value_12m says nothing. The usual gap is always 60 days,
    the horizon 180."""
    random = np.random.default_rng(seed)
    ratio, complaints = random.gamma(2, 0.5, n), random.integers(0, 2, n)
    risk = 1 / (1 + np.exp(-(2 * np.log(ratio + 0.01) + 2 * complaints - 1)))
    label = (random.random(n) < risk).astype(int)
    as_of = MONTHS[np.arange(n) % len(MONTHS)]
    repeats = random.poisson(random.gamma(1.0, 3.0, n) * (1.1 - risk))
    return pd.DataFrame(
        {
            "customer_id": [f"c{i % (n // 3)}" for i in range(n)],
            "as_of_date": as_of,
            "horizon_ends_on": as_of + pd.Timedelta(days=180),
            "label": label,
            "overdue_ratio_for_rule": ratio,
            "booked_in_months": np.where(label == 1, np.nan, random.integers(1, 6, n)),
            "days_since_first_booking": ratio * 60 + random.uniform(100, 500, n),
            "gap_count": repeats.astype(float),
            "typical_gap_days": 60.0,
            "days_since_last_booking": ratio * 60,
            "overdue_ratio": ratio,
            "value_12m": np.where(random.random(n) < 0.2, np.nan, random.gamma(2, 100, n)),
            "unresolved_complaints": complaints.astype(float),
            "country": random.choice(["DE", "FR", None], n),
        }
    )


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return made_rows(3000)


@pytest.fixture(scope="module", params=[*models.KINDS, models.ENSEMBLE])
def model(request, rows) -> ChurnModel:
    return models.fit_final(request.param, rows, FEATURES, parameters())


def test_probabilities_are_calibrated_on_new_customers(model):
    fresh = made_rows(6000, seed=2)
    probability = model.predict(None, fresh)
    low, high = np.quantile(probability, [1 / 3, 2 / 3])
    for inside in (probability <= low, (probability > low) & (probability <= high), probability > high):
        assert fresh["label"][inside].mean() == pytest.approx(probability[inside].mean(), abs=0.07)


def test_same_data_same_model_to_the_last_digit(model, rows):
    again = models.fit_final(model.spec["kind"], rows, FEATURES, parameters())
    assert np.array_equal(model.predict(None, rows), again.predict(None, rows))


def test_saved_as_plain_files_and_loaded_the_same(model, rows, tmp_path):
    model.save(tmp_path)
    kept = {file.name for file in tmp_path.iterdir()}
    trees = {"lightgbm.txt"} if model.booster else set()
    assert kept == {"model.json"} | trees | {f"member_{place}" for place in range(len(model.members))}
    assert {file.suffix for file in tmp_path.rglob("*") if file.is_file()} <= {".json", ".txt"}
    loaded = ChurnModel().load(tmp_path)
    assert np.array_equal(loaded.predict(None, rows), model.predict(None, rows))
    assert np.array_equal(loaded.contributions(rows), model.contributions(rows))


def test_the_order_of_columns_does_not_matter(model, rows):
    assert np.array_equal(model.predict(None, rows[FEATURES[::-1]]), model.predict(None, rows[FEATURES]))


@pytest.mark.parametrize(
    "odd",
    [
        {"value_12m": np.inf},
        {"overdue_ratio": -np.inf},
        {"value_12m": np.nan, "overdue_ratio": np.nan, "unresolved_complaints": np.nan},
        {"country": "ATLANTIS"},
        {"country": None},
    ],
)
def test_odd_values_get_an_ordinary_probability(model, rows, odd):
    strange = rows.head(3).assign(**odd)
    probability = model.predict(None, strange)
    assert ((probability > 0) & (probability < 1)).all()
    assert np.isfinite(model.contributions(strange)).all()


def test_an_infinite_value_counts_as_unknown(model, rows):
    some = rows.head(5)
    unknown = model.predict(None, some.assign(value_12m=np.nan))
    for infinite in (np.inf, -np.inf):
        assert np.array_equal(model.predict(None, some.assign(value_12m=infinite)), unknown)


def fitted(kind: str, rows: pd.DataFrame) -> ChurnModel:
    lesson = Lesson(rows, rows["horizon_ends_on"].max(), rows, len(rows))
    return fitting.fit(kind, lesson, FEATURES, parameters())


@pytest.mark.parametrize("kind", models.KINDS)
@pytest.mark.parametrize("empty", ["value_12m", "country", "gap_count", "typical_gap_days"])
def test_a_feature_that_is_empty_in_training_only_is_no_obstacle(rows, kind, empty):
    without = rows.assign(**{empty: None if empty == "country" else np.nan})
    assert np.isfinite(fitted(kind, without).predict(None, rows)).all()


@pytest.mark.parametrize("kind", models.KINDS)
def test_infinite_values_in_training_are_no_obstacle(rows, kind):
    odd = rows.assign(
        value_12m=np.inf,
        days_since_last_booking=rows["days_since_last_booking"].mask(rows.index % 7 == 0, np.inf),
    )
    assert np.isfinite(fitted(kind, odd).predict(None, rows)).all()


def test_a_feature_that_hardly_varied_in_training_decides_nothing_in_the_linear_model(rows):
    # Seen in a real company: constant but for rounding in training, then free to vary. Trees are bounded.
    still = rows.assign(value_12m=180.0 + 1e-13 * np.arange(len(rows)))
    parts = fitted("logistic", still).contributions(rows.assign(value_12m=400.0))[
        :, FEATURES.index("value_12m")
    ]
    assert np.abs(parts).max() < 0.01


def test_parts_add_up_to_the_score(model, rows):
    rest = model.score(rows) - model.contributions(rows).sum(axis=1)
    assert np.ptp(rest) < 1e-6


def test_probabilities_rise_with_the_score(model, rows):
    order = np.argsort(model.score(rows), kind="stable")
    assert (np.diff(model.predict(None, rows)[order]) >= 0).all()


def test_what_raises_the_risk_has_a_positive_part(model, rows):
    # Two bookings more or a complaint, all else equal; buy-till-you-die has not heard of complaints.
    feature, values = (
        ("gap_count", [9.0, 0.0])
        if model.spec["kind"] == "buy_till_you_die"
        else ("unresolved_complaints", [0.0, 1.0])
    )
    some = rows.iloc[[0, 0]].assign(**{feature: values})
    part = model.contributions(some)[:, FEATURES.index(feature)]
    assert part[0] < 0 < part[1]
    low, high = model.predict(None, some)
    assert low < high


def test_the_rule_without_labels_says_what_the_parameters_say():
    rule = InactivityRule.default(parameters())
    assert rule.probability([0.5, 1.5, 3.0]) == pytest.approx([0.1, 0.5, 0.8])


def test_the_rule_is_monotone_even_where_the_overdue_come_back():
    ratio = np.linspace(0.1, 3, 200)
    for label in ((ratio > 1.5).astype(int), (ratio < 1.5).astype(int), np.zeros(200, dtype=int)):
        rule = InactivityRule.fit(ratio, label, parameters())
        assert (np.diff(rule.probability(ratio)) >= 0).all()


def test_the_rule_takes_any_ratio():
    rule = InactivityRule.default(parameters())
    assert np.isfinite(rule.probability([0.0, np.nan, np.inf, 1e9])).all()
