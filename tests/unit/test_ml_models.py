"""Candidates: calibration, odd values, saving and loading, the rule, the choice and the gate."""

import numpy as np
import pandas as pd
import pytest

from ml import models, registry
from ml.registry import Version
from ml.rule import InactivityRule
from ml.served import ChurnModel
from ml.settings import parameters
from ml.train import choose

FEATURES = ["days_since_last_booking", "overdue_ratio", "value_12m", "unresolved_complaints", "country"]


def made_rows(n=1500, seed=1) -> pd.DataFrame:
    """Risk rises with overdue_ratio and complaints; value_12m says nothing."""
    random = np.random.default_rng(seed)
    ratio, complaints = random.gamma(2, 0.5, n), random.integers(0, 2, n)
    risk = 1 / (1 + np.exp(-(2 * np.log(ratio + 0.01) + 2 * complaints - 1)))
    return pd.DataFrame(
        {
            "customer_id": [f"c{i % (n // 3)}" for i in range(n)],
            "label": (random.random(n) < risk).astype(int),
            "overdue_ratio_for_rule": ratio,
            "days_since_last_booking": ratio * 100,
            "overdue_ratio": ratio,
            "value_12m": np.where(random.random(n) < 0.2, np.nan, random.gamma(2, 100, n)),
            "unresolved_complaints": complaints.astype(float),
            "country": random.choice(["DE", "FR", None], n),
        }
    )


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return made_rows()


@pytest.fixture(scope="module", params=models.KINDS)
def model(request, rows) -> ChurnModel:
    return models.fit_final(request.param, rows, FEATURES, parameters())


def test_probabilities_are_calibrated_on_new_customers(model):
    fresh = made_rows(6000, seed=2)
    probability = model.predict(None, fresh)
    for low, high in ((0, 0.3), (0.3, 0.6), (0.6, 1)):
        inside = (probability >= low) & (probability < high)
        assert fresh["label"][inside].mean() == pytest.approx(probability[inside].mean(), abs=0.07)


def test_same_data_same_model_to_the_last_digit(model, rows):
    again = models.fit_final(model.spec["kind"], rows, FEATURES, parameters())
    assert np.array_equal(model.predict(None, rows), again.predict(None, rows))


def test_saved_as_plain_files_and_loaded_the_same(model, rows, tmp_path):
    model.save(tmp_path)
    kept = {file.name for file in tmp_path.iterdir()}
    assert kept == ({"model.json", "lightgbm.txt"} if model.spec["kind"] == "lightgbm" else {"model.json"})
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


def test_a_feature_that_is_empty_in_training_only_is_no_obstacle(rows):
    empty = rows.assign(value_12m=np.nan)
    for kind in models.KINDS:
        fitted = models.fit(kind, empty, FEATURES, parameters())
        assert np.isfinite(fitted.predict(None, rows)).all()


def test_a_feature_that_hardly_varied_in_training_decides_nothing_in_the_linear_model(rows):
    # Seen in a real company: constant but for rounding in training, then free to vary. Trees are bounded.
    still = rows.assign(value_12m=180.0 + 1e-13 * np.arange(len(rows)))
    fitted = models.fit("logistic", still, FEATURES, parameters())
    parts = fitted.contributions(rows.assign(value_12m=400.0))[:, FEATURES.index("value_12m")]
    assert np.abs(parts).max() < 0.01


def test_parts_add_up_to_the_log_odds(model, rows):
    rest = model.log_odds(rows) - model.contributions(rows).sum(axis=1)
    assert np.ptp(rest) < 1e-6


def test_what_raises_the_risk_has_a_positive_part(model, rows):
    some = rows.head(2).assign(unresolved_complaints=[0.0, 1.0])
    part = model.contributions(some)[:, FEATURES.index("unresolved_complaints")]
    assert part[0] < 0 < part[1]


def test_a_model_that_ranks_backwards_gets_the_base_rate():
    label = np.array([0, 0, 0, 1] * 20)
    found = models.calibration(-label + np.linspace(0, 0.01, 80), label, parameters())
    assert found["slope"] == 0
    assert 1 / (1 + np.exp(-found["intercept"])) == pytest.approx(0.25)


def test_enough_rows_are_calibrated_by_steps():
    random = np.random.default_rng(0)
    log_odds = random.normal(size=6000)
    label = (random.random(6000) < 1 / (1 + np.exp(-log_odds))).astype(int)
    assert models.calibration(log_odds, label, parameters())["method"] == "isotonic"


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


def test_the_simple_model_is_preferred_within_a_hair():
    assert choose({"logistic": 0.7490, "lightgbm": 0.7505}, parameters()) == "logistic"
    assert choose({"logistic": 0.7490, "lightgbm": 0.7515}, parameters()) == "lightgbm"


CHAMPION = Version("3", pd.Timestamp("2024-01-31").date(), "run", "hash")


def differences(rule, champion=None) -> dict:
    found = {"logistic - rule": dict(zip(("value", "low", "high"), rule, strict=True))}
    if champion:
        found["logistic - champion"] = dict(zip(("value", "low", "high"), champion, strict=True))
    return {"differences": found}


@pytest.mark.parametrize(
    ("evaluation", "champion", "opens", "words"),
    [
        (differences((0.05, 0.01, 0.09)), None, True, "no champion"),
        (differences((0.05, -0.001, 0.1)), None, False, "does not clearly beat"),
        (differences((0.05, 0.01, 0.09), (0.0, 0.0, 0.0)), CHAMPION, True, "not worse than champion"),
        (differences((0.05, 0.01, 0.09), (-0.01, -0.02, 0.0)), CHAMPION, False, "may be worse"),
        (differences((-0.01, -0.02, 0.0), (0.1, 0.05, 0.2)), CHAMPION, False, "does not clearly beat"),
    ],
)
def test_the_gate(evaluation, champion, opens, words):
    promoted, reason = registry.gate(evaluation, "logistic", champion, parameters())
    assert promoted is opens
    assert words in reason
