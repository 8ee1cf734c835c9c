"""Reasons: direction, order, both languages; and what the catalogue refuses."""

import string

import numpy as np
import pandas as pd
import pytest

from ml import reasons
from ml.settings import catalogue, check_feature_names
from roundtrip.errors import BadInput

FEATURES = [
    "days_since_last_booking",
    "overdue_ratio",
    "purchase_occasions_12m",
    "unresolved_complaints",
    "csat_latest",
]
VALUES = [412.0, 2.25, 1.0, 0.0, np.nan]


def told(*parts, is_above=True) -> pd.Series:
    rows = pd.DataFrame([VALUES], columns=FEATURES)
    return reasons.explain(np.array([parts]), rows, FEATURES, [is_above]).iloc[0]


def test_a_risky_customer_hears_first_what_raises_the_risk():
    found = told(0.6, 0.5, 0.2, -0.9, 0.0)
    assert found["reason_1"] == "Raises the risk: last booked 412 days ago"
    assert found["reason_1_zh"] == "风险升高:上次预订在 412 天前"
    assert found["reason_2"] == "Raises the risk: 1 purchase in the last 12 months"
    assert found["reason_3"] == "Lowers the risk: 0 unresolved complaints"


def test_a_safe_customer_hears_first_what_lowers_it():
    found = told(0.6, 0.5, -0.2, -0.9, 0.0, is_above=False)
    assert found["reason_1"] == "Lowers the risk: 0 unresolved complaints"
    assert found["reason_2"] == "Lowers the risk: 1 purchase in the last 12 months"
    assert found["reason_3"].startswith("Raises the risk: ")


def test_correlated_features_are_one_reason_told_by_the_one_of_its_sign():
    # Together the two raise the risk; the larger single part lowers it and would contradict the sentence.
    found = told(-0.4, 0.7, 0.0, 0.0, 0.0)
    assert found["reason_1"] == "Raises the risk: 2.2 usual gaps have passed since the last booking"
    assert found["reason_2"] is None


def test_an_unknown_value_is_told_as_unknown():
    assert told(0.0, 0.0, 0.0, 0.0, 0.3)["reason_1"] == "Raises the risk: satisfaction answers: nothing known"


@pytest.mark.parametrize(
    ("value", "unit", "language", "written"),
    [
        (1234567.8, "money", "en", "1,234,568"),
        (0.254, "share", "en", "25%"),
        (1.0, "flag", "en", "yes"),
        (0.0, "flag", "zh", "否"),
        (2.0, "count", "en", "2"),
        ("DE", "label", "zh", "DE"),
    ],
)
def test_values_are_written_as_people_write_them(value, unit, language, written):
    assert reasons.write_value(value, unit, language) == written


@pytest.mark.parametrize("name", sorted(catalogue()["features"]))
def test_every_feature_can_be_told_both_ways_in_both_languages(name):
    entry = catalogue()["features"][name]
    value = "5" if entry["kind"] == "category" else 5.0
    for language in reasons.LANGUAGES:
        fields = {field for _, field, _, _ in string.Formatter().parse(entry[language]) if field}
        assert "value" in fields
        texts = {
            reasons.reason(name, shown, way, language) for shown in (value, None) for way in ("up", "down")
        }
        assert len(texts) == 4
        assert all("{" not in text for text in texts)


@pytest.mark.parametrize(
    "name",
    [
        "horizon_ends_on",
        "horizon_days",
        "is_churned",
        "is_censored",
        "has_left_programme_183d",
        "gender",
        "age_years",
    ],
)
def test_what_is_known_later_or_must_not_decide_is_refused_by_name(name):
    with pytest.raises(BadInput, match=name):
        check_feature_names(["tenure_days", name])
