"""Groups: who is in which, who is too few to tell, and who is served worse."""

import numpy as np
import pandas as pd
import pytest

from ml.fairness import flagged_share, judge_fairness
from ml.groups import age_bands, evaluate_groups, levels
from ml.settings import parameters

RULES = parameters()


def people(size: int = 6000, seed: int = 4):
    """Test rows, probabilities that are calibrated for all, and genders of which one is rare."""
    random = np.random.default_rng(seed)
    probability = random.beta(2, 3, size)
    label = (random.random(size) < probability).astype(int)
    gender = random.choice(["female", "male", "other"], size, p=[0.5, 0.49, 0.01])
    test = pd.DataFrame({"customer_id": [f"c{i}" for i in range(size)], "label": label})
    groups = pd.DataFrame({"gender": gender, "month": "2024-01"}, index=test.index)
    return test, probability, groups


def status_of(found: dict, group: str) -> dict:
    return next(entry for entry in found["columns"]["gender"] if entry["group"] == group)


def test_a_model_that_treats_all_alike_is_within_the_bounds_and_few_are_too_few_to_tell():
    test, probability, groups = people()
    found = judge_fairness(groups, probability, test, RULES)
    assert found["verdict"] == "within"
    assert found["breaches"] == []
    assert status_of(found, "female")["status"] == "within"
    assert status_of(found, "other")["status"] == "too_small"
    assert found["missing"] == ["country", "age_band"]


@pytest.mark.parametrize("measure", ["auc_gap", "recall_gap", "calibration_gap"])
def test_a_group_that_is_served_worse_is_named_with_the_measure(measure):
    test, probability, groups = people()
    is_female = (groups["gender"] == "female").to_numpy()
    random = np.random.default_rng(1)
    if measure == "calibration_gap":
        probability = np.where(is_female, np.clip(probability + 0.2, 0, 1), probability)
    elif measure == "recall_gap":
        # Their order among themselves stays, but none of them comes into the riskiest tenth.
        probability = np.where(is_female, 0.7 * probability, probability)
    else:
        # Their own numbers, dealt out among them at random: the ranking is lost, the level is not.
        probability = probability.copy()
        probability[is_female] = random.permutation(probability[is_female])
    found = judge_fairness(groups, probability, test, RULES)
    assert found["verdict"] == "outside"
    breach = next(b for b in found["breaches"] if b["group"] == "female" and b["measure"] == measure)
    assert abs(breach["value"]) > breach["bound"]
    assert breach["column"] == "gender"


def test_a_risk_that_is_understated_is_outside_too():
    test, probability, groups = people()
    is_female = (groups["gender"] == "female").to_numpy()
    found = judge_fairness(groups, np.where(is_female, probability * 0.4, probability), test, RULES)
    breach = next(
        b for b in found["breaches"] if b["measure"] == "calibration_gap" and b["group"] == "female"
    )
    assert breach["high"] < -breach["bound"]


def test_a_small_sample_proves_nothing_either_way():
    test, probability, groups = people(size=400)
    found = judge_fairness(groups, probability, test, RULES)
    assert found["verdict"] == "unclear"


def test_without_any_recorded_column_nothing_can_be_told():
    test, probability, groups = people(size=300)
    found = judge_fairness(groups[["month"]], probability, test, RULES)
    assert (found["verdict"], found["columns"]) == ("cannot_tell", {})


def test_the_top_share_is_cut_through_a_tie_in_proportion():
    assert flagged_share(np.array([0.9, 0.5, 0.5, 0.1]), 0.5).tolist() == [1.0, 0.5, 0.5, 0.0]
    assert flagged_share(np.full(10, 0.3), 0.1).sum() == pytest.approx(1.0)


def test_age_bands_meet_without_a_gap():
    years = pd.Series([18, 29, 30, 44, 45, 59, 60, 90, np.nan])
    expected = ["<30", "<30", "30-44", "30-44", "45-59", "45-59", "60+", "60+", None]
    found = age_bands(years, RULES["evaluation"]["groups"]["age_bands"])
    assert found.where(found.notna(), None).tolist() == expected


def test_levels_are_the_largest_and_age_bands_stay_in_order():
    assert levels(pd.Series(["b", "a", "a", None], name="country"), 1) == ["a"]
    bands = pd.Series(["60+", "60+", "<30", "30-44"], name="age_band")
    assert levels(bands, 8) == ["<30", "30-44", "60+"]


def test_every_group_gets_every_metric_unless_it_is_too_small():
    test, probability, groups = people(size=2000)
    found = evaluate_groups(groups, {"rule": probability, "logistic": probability}, test, RULES)
    female = next(entry for entry in found["gender"] if entry["group"] == "female")
    assert set(female["models"]) == {"rule", "logistic"}
    assert female["models"]["rule"]["roc_auc"]["low"] < female["models"]["rule"]["roc_auc"]["high"]
    other = next(entry for entry in found["gender"] if entry["group"] == "other")
    assert other["is_too_small"]
    assert "models" not in other
    assert [entry["group"] for entry in found["month"]] == ["2024-01"]
