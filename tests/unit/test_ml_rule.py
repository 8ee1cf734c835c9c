"""The baseline: the best of several inactivity rules, chosen on the folds, monotone whatever the labels."""

import numpy as np
import pandas as pd
import pytest

from ml.folds import Fold
from ml.rule import RULES, InactivityRule, choose_rule, signal
from ml.settings import parameters


def rows_of(n=2000, seed=1, by="purchase_occasions_12m") -> pd.DataFrame:
    """Silent with a chance that depends on one column only."""
    random = np.random.default_rng(seed)
    rows = pd.DataFrame(
        {
            "overdue_ratio_for_rule": random.gamma(2, 0.5, n),
            "days_since_last_booking": random.gamma(2, 60, n),
            "typical_gap_days": random.gamma(9, 20, n),
            "purchase_occasions_12m": random.poisson(3, n).astype(float),
            "purchase_occasions_lifetime": random.poisson(9, n).astype(float),
        }
    )
    values = rows[by].rank(pct=True) - 0.5
    direction = -1 if by.startswith("purchase") else 1
    risk = 1 / (1 + np.exp(-4 * direction * values))
    return rows.assign(label=(random.random(n) < risk).astype(int))


def folds_of(n: int) -> list[Fold]:
    half = np.arange(n) < n // 2
    return [Fold(half, ~half, pd.Timestamp("2024-01-31"), is_later=True)]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("overdue_ratio_for_rule", "overdue_ratio"),
        ("days_since_last_booking", "days_since_last_booking"),
        ("purchase_occasions_12m", "few_bookings_in_a_year"),
        ("purchase_occasions_lifetime", "few_bookings_ever"),
    ],
)
def test_the_best_rule_is_the_baseline(by, expected):
    rows = rows_of(by=by)
    name, auc = choose_rule(rows, folds_of(len(rows)), parameters())
    assert name == expected
    assert set(auc) == set(RULES)
    assert max(auc, key=auc.get) == expected


def test_a_rule_whose_column_is_missing_is_left_out():
    rows = rows_of().drop(columns=["purchase_occasions_12m"])
    _, auc = choose_rule(rows, folds_of(len(rows)), parameters())
    assert set(auc) == set(RULES) - {"few_bookings_in_a_year"}


def test_training_rows_of_a_fold_choose_no_rule():
    # In the first half the ratio says all, in the second (validated) half the count does.
    first, second = rows_of(by="overdue_ratio_for_rule"), rows_of(seed=2)
    rows = pd.concat([first, second], ignore_index=True)
    assert choose_rule(rows, folds_of(len(rows)), parameters())[0] == "few_bookings_in_a_year"


@pytest.mark.parametrize("by", RULES)
def test_any_rule_is_monotone_and_takes_any_value(by):
    rows = rows_of()
    for label in (rows["label"], 1 - rows["label"], 0 * rows["label"]):
        rule = InactivityRule.fit_rows(rows.assign(label=label), parameters(), by)
        order = np.argsort(signal(rule.by, rows), kind="stable")
        assert (np.diff(rule.probability_of(rows)[order]) >= -1e-12).all()
    for odd in (np.nan, np.inf, -np.inf, -1.0):
        strange = rows.head(2).assign(**dict.fromkeys(RULES[by].columns, odd))
        assert np.isfinite(InactivityRule.fit_rows(rows, parameters(), by).probability_of(strange)).all()


def test_by_overdue_ratio_it_is_the_rule_that_scores():
    rows = rows_of(by="overdue_ratio_for_rule")
    ratio = rows["overdue_ratio_for_rule"]
    one = InactivityRule.fit(ratio, rows["label"], parameters())
    assert one == InactivityRule.fit_rows(rows, parameters())
    assert np.array_equal(one.probability(ratio), one.probability_of(rows))
