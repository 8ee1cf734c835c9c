"""Metrics against numbers worked out by hand, and against scikit-learn where weights come in."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from ml.evaluate import (
    METRICS,
    Scored,
    brier,
    calibration_curve,
    calibration_error,
    evaluate,
    pr_auc,
    roc_auc,
    top_lift,
)
from ml.settings import parameters

# Ten customers, riskiest first; four churned.
PROBABILITY = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05])
LABEL = np.array([1, 1, 0, 1, 0, 0, 0, 1, 0, 0])
ONES = np.ones(10)


@pytest.fixture
def scored() -> Scored:
    return Scored(PROBABILITY, LABEL)


def test_roc_auc_counts_pairs_in_the_right_order(scored):
    # Of 4 x 6 pairs the churned customer ranks higher in 6 + 6 + 5 + 2 = 19.
    assert roc_auc(scored, ONES) == pytest.approx(19 / 24)


def test_pr_auc_averages_the_precision_where_a_churned_customer_is_found(scored):
    assert pr_auc(scored, ONES) == pytest.approx((1 / 1 + 2 / 2 + 3 / 4 + 4 / 8) / 4)


def test_top_lift_compares_the_top_with_the_base_rate(scored):
    assert top_lift(scored, ONES, 0.1) == pytest.approx(1 / 0.4)
    assert top_lift(scored, ONES, 0.5) == pytest.approx(0.6 / 0.4)


def test_brier_is_the_mean_squared_distance(scored):
    by_hand = (0.01 + 0.04 + 0.49 + 0.16 + 0.25 + 0.16 + 0.09 + 0.64 + 0.01 + 0.0025) / 10
    assert brier(scored, ONES) == pytest.approx(by_hand)


def test_calibration_error_with_two_bins(scored):
    # Riskier half: said 0.7, happened 3/5. Other half: said 0.21, happened 1/5.
    assert calibration_error(scored, ONES, bins=2) == pytest.approx((0.1 + 0.01) / 2)


def test_ties_count_half_and_do_not_depend_on_the_order_of_rows():
    one = Scored([0.5, 0.5, 0.5, 0.5], [1, 0, 0, 1])
    other = Scored([0.5, 0.5, 0.5, 0.5], [0, 1, 1, 0])
    for metric, value in ((roc_auc, 0.5), (pr_auc, 0.5), (top_lift, 1.0)):
        assert metric(one, np.ones(4)) == pytest.approx(value)
        assert metric(other, np.ones(4)) == pytest.approx(value)


def test_weights_do_what_repeating_rows_does():
    random = np.random.default_rng(3)
    probability, label = random.random(200).round(1), random.integers(0, 2, 200)
    weight = random.integers(0, 4, 200).astype(float)
    scored = Scored(probability, label)
    assert roc_auc(scored, weight) == pytest.approx(roc_auc_score(label, probability, sample_weight=weight))
    assert pr_auc(scored, weight) == pytest.approx(
        average_precision_score(label, probability, sample_weight=weight)
    )
    repeated = Scored(np.repeat(probability, weight.astype(int)), np.repeat(label, weight.astype(int)))
    assert top_lift(scored, weight) == pytest.approx(top_lift(repeated, np.ones(int(weight.sum()))))


def test_every_model_gets_every_metric_with_an_interval_around_it():
    found = evaluate(
        {"a": PROBABILITY, "b": PROBABILITY[::-1]}, LABEL, np.arange(10), parameters(), [("a", "b")]
    )
    assert (found["n"], found["customers"], found["base_rate"]) == (10, 10, 0.4)
    for metric in METRICS:
        interval = found["models"]["a"][metric]
        assert interval["low"] <= interval["high"]
    auc = found["models"]["a"]["roc_auc"]
    assert auc["low"] <= auc["value"] <= auc["high"]
    assert found["differences"]["a - b"]["value"] == pytest.approx(19 / 24 - 5 / 24)


def test_a_model_is_never_better_than_itself():
    found = evaluate({"a": PROBABILITY, "b": PROBABILITY}, LABEL, np.arange(10), parameters(), [("a", "b")])
    assert found["differences"]["a - b"] == {"value": 0.0, "low": 0.0, "high": 0.0}


def test_rows_of_one_customer_are_drawn_together_and_widen_the_interval():
    random = np.random.default_rng(5)
    probability, label = random.random(60), random.integers(0, 2, 60)
    alone = evaluate({"a": np.repeat(probability, 10)}, np.repeat(label, 10), np.arange(600), parameters())
    together = evaluate(
        {"a": np.repeat(probability, 10)}, np.repeat(label, 10), np.repeat(np.arange(60), 10), parameters()
    )

    def width(found):
        auc = found["models"]["a"]["roc_auc"]
        return auc["high"] - auc["low"]

    assert width(together) > 2 * width(alone)


def test_the_interval_of_a_calibration_error_is_around_it():
    # Perfectly calibrated: all that is measured is noise, and each draw adds its own to it.
    random = np.random.default_rng(9)
    probability = random.random(1500)
    label = (random.random(1500) < probability).astype(float)
    found = evaluate({"a": probability}, label, np.arange(1500), parameters())
    error = found["models"]["a"]["calibration_error"]
    width = error["high"] - error["low"]
    assert error["low"] + 0.25 * width < error["value"] < error["high"] - 0.25 * width


def test_the_calibration_curve_is_the_table_with_intervals_by_customer():
    random = np.random.default_rng(10)
    probability = np.repeat(random.random(400), 3)
    label = (random.random(1200) < probability).astype(float)
    curve = calibration_curve(Scored(probability, label), np.repeat(np.arange(400), 3), parameters())
    assert sum(point["rows"] for point in curve) == 1200
    assert [point["said"] for point in curve] == sorted(point["said"] for point in curve)
    assert all(point["low"] <= point["value"] <= point["high"] for point in curve)
    weighted = sum(point["rows"] * abs(point["said"] - point["value"]) for point in curve) / 1200
    assert weighted == pytest.approx(calibration_error(Scored(probability, label), np.ones(1200)))
