"""Choosing: the simple model within a hair, tuning by a budget, an ensemble by a paired test, old recipes."""

import numpy as np
import pandas as pd
import pytest

from ml import choice
from ml.choice import choose, compare, paired_gain, recipe
from ml.frame import Frame
from ml.models import Candidate, fit_candidate
from ml.settings import parameters
from ml.split import split_frame
from ml.tuning import tune

MONTHS = pd.date_range("2021-01-31", periods=30, freq="ME")
FEATURES = [
    *("days_since_first_booking", "days_since_last_booking", "typical_gap_days", "gap_count"),
    *("value_12m", "country"),
]


def made_frame(customers=250, seed=1) -> Frame:
    """Risk falls with gap_count and, for those with a large value_12m only, rises with the days."""
    random = np.random.default_rng(seed)
    n = customers * len(MONTHS)
    as_of = np.repeat(MONTHS.to_numpy(), customers)
    repeats, value = random.poisson(3, n).astype(float), random.gamma(2, 100, n)
    days = random.gamma(2, 40, n)
    rate = np.exp(0.3 * repeats - 2 - 0.02 * days * (value > 200))
    booked = np.ceil(random.exponential(1 / rate))
    rows = pd.DataFrame(
        {
            "customer_id": np.tile([f"c{i}" for i in range(customers)], len(MONTHS)),
            "as_of_date": as_of,
            "horizon_ends_on": as_of + np.timedelta64(180, "D"),
            "label": (booked > 6).astype(int),
            "booked_in_months": booked,
            "overdue_ratio_for_rule": days / 60,
            "days_since_first_booking": days + 60 * repeats,
            "days_since_last_booking": days,
            "typical_gap_days": 60.0,
            "gap_count": repeats,
            "value_12m": value,
            "country": random.choice(["DE", "FR"], n),
        }
    )
    months = pd.DataFrame({"as_of_date": MONTHS, "candidates": customers, "labelled": customers})
    return Frame(rows, FEATURES, months, [])


@pytest.fixture(scope="module")
def quick() -> dict:
    found = parameters()
    found["evaluation"]["bootstrap_replicates"] = 50
    found["candidates"]["tuning"] |= {"trials": 3, "most_trees": 40, "min_gain_auc": 0.0}
    found["candidates"]["lightgbm"]["n_estimators"] = 30
    return found


@pytest.fixture(scope="module")
def frame() -> Frame:
    return made_frame()


@pytest.fixture(scope="module")
def compared(frame, quick):
    return compare(frame, split_frame(frame, quick), quick)


def test_all_candidates_are_judged_on_the_same_folds_and_the_same_test(frame, quick, compared):
    kinds = {"buy_till_you_die", "logistic", "survival", "lightgbm"}
    assert set(compared.candidates) == set(compared.selection_auc) >= kinds
    assert set(compared.evaluation["models"]) >= kinds | {"rule"}
    folds = len(split_frame(frame, quick).folds)
    assert {len(found) for found in compared.selection["auc_by_fold"].values()} == {folds}
    assert {f"{kind} - rule" for kind in kinds} <= set(compared.evaluation["differences"])


def test_the_same_data_give_the_same_choice_and_the_same_probabilities(frame, quick, compared):
    again = compare(frame, split_frame(frame, quick), quick)
    assert again.selection == compared.selection
    assert recipe(again.chosen, FEATURES, again.parameters) == recipe(
        compared.chosen, FEATURES, compared.parameters
    )
    for kind, probability in compared.probabilities.items():
        assert np.array_equal(again.probabilities[kind], probability)


def test_labels_of_the_test_choose_nothing(frame, quick, compared):
    split = split_frame(frame, quick)
    turned = frame.rows.assign(label=np.where(split.test, 1 - frame.rows["label"], frame.rows["label"]))
    other = compare(Frame(turned, FEATURES, frame.months, []), split, quick)
    assert other.selection == compared.selection
    assert other.chosen == compared.chosen


def test_tuning_is_kept_only_where_it_gains_enough(frame, quick):
    split = split_frame(frame, quick)
    tuned, said = tune(frame.rows, FEATURES, split.folds, quick)
    assert said["trials"] == 3
    assert said["auc_after"] >= said["auc_before"]
    assert tuned["candidates"]["lightgbm"]["n_estimators"] <= 40
    greedy = {**quick["candidates"], "tuning": {**quick["candidates"]["tuning"], "min_gain_auc": 1.0}}
    kept, said = tune(frame.rows, FEATURES, split.folds, {**quick, "candidates": greedy})
    assert kept["candidates"]["lightgbm"] == quick["candidates"]["lightgbm"]
    assert said["settings"] == {}


def test_nothing_is_tuned_on_folds_of_customers(frame, quick):
    early = frame.rows[frame.rows["as_of_date"] < MONTHS[13]]
    short = Frame(early.reset_index(drop=True), FEATURES, frame.months.head(13), [])
    split = split_frame(short, quick)
    assert split.calibrate_by == "cross_validation"
    assert tune(short.rows, FEATURES, split.folds, quick) == (quick, None)


def test_the_simple_model_is_preferred_within_a_hair():
    assert choose({"logistic": 0.7490, "lightgbm": 0.7505}, parameters()) == "logistic"
    assert choose({"logistic": 0.7490, "lightgbm": 0.7515}, parameters()) == "lightgbm"


def candidate(label: np.ndarray, noise: float, seed: int) -> Candidate:
    random = np.random.default_rng(seed)
    positions = [np.arange(0, 1500), np.arange(1500, 3000)]
    scores = label + noise * random.normal(size=len(label))
    return Candidate(None, positions, [scores[at] for at in positions])


def test_a_paired_gain_tells_better_from_alike():
    random = np.random.default_rng(0)
    rows = pd.DataFrame({"customer_id": np.arange(3000) % 900, "label": random.integers(0, 2, 3000)})
    label = rows["label"].to_numpy()
    better, worse = candidate(label, 1.0, 1), candidate(label, 1.5, 2)
    gain = paired_gain(better, worse, rows, parameters())
    assert 0.03 < gain["low"] < gain["value"] < gain["high"]
    alike = paired_gain(candidate(label, 1.0, 1), candidate(label, 1.0, 3), rows, parameters())
    assert alike["low"] < 0 < alike["high"]


def test_an_ensemble_that_earns_its_place_is_chosen_and_one_that_does_not_is_no_candidate(
    frame, quick, monkeypatch
):
    split = split_frame(frame, quick)
    for gain, is_earned in (
        ((0.004, 0.001, 0.007), True),
        ((0.004, -0.001, 0.009), False),
        ((0.001, 0.0005, 0.002), False),
    ):
        monkeypatch.setattr(
            choice,
            "paired_gain",
            lambda *_, found=gain: dict(zip(("value", "low", "high"), found, strict=True)),
        )
        found = compare(frame, split, quick)
        assert (found.chosen == "ensemble") is is_earned
        assert ("ensemble" in found.candidates) is is_earned
        assert found.selection["ensemble"]["is_earned"] is is_earned


def test_a_champion_made_by_an_older_recipe_is_still_compared(frame, quick):
    # The first versions knew neither folds nor tuning, and another calibration.
    old = {
        "kind": "logistic",
        "features": [*FEATURES, "a_column_that_is_gone"],
        "parameters": {
            "candidates": {"logistic": {"C": 0.1, "max_iter": 300}, "max_categories": 30},
            "calibration": {"folds": 3, "isotonic_min_each_class": 1000},
            "seed": 1,
        },
    }
    found = compare(frame, split_frame(frame, quick), quick, old)
    assert f"{found.chosen} - champion" in found.evaluation["differences"]


def test_the_champions_own_recipe_is_not_fitted_again(frame, quick, compared, monkeypatch):
    own = recipe(compared.chosen, FEATURES, compared.parameters)
    monkeypatch.setattr(choice, "_by_recipe", lambda *_: pytest.fail("fitted again"))
    found = compare(frame, split_frame(frame, quick), quick, own)
    assert np.array_equal(found.probabilities["champion"], found.probabilities[found.chosen])


def test_what_a_company_lacks_is_said_and_the_rest_goes_on(frame, quick):
    split = split_frame(frame, quick)
    poor = ["value_12m", "country"]
    rows = frame.rows.drop(columns=["gap_count"]).assign(
        country=np.where(split.test, "BR", frame.rows["country"])
    )
    found = compare(Frame(rows, poor, frame.months, []), split, quick)
    assert set(found.candidates) >= {"logistic", "lightgbm"}
    said = "; ".join(found.messages)
    assert "buy_till_you_die is left out" in said
    assert "survival is left out" in said
    assert "country: 100.0% of the test rows have levels" in said
    assert "BR" in said


@pytest.mark.parametrize("kind", ["lightgbm", "survival"])
def test_nothing_predicts_with_more_threads_while_others_are_fitted(kind, monkeypatch):
    """LightGBM's number of threads is the process's: a fit beside it once changed it in the middle, and the
    process was gone."""
    import lightgbm

    asked, predict = [], lightgbm.Booster.predict

    def watched(self, *arguments, num_threads, **options):
        asked.append(num_threads)
        return predict(self, *arguments, num_threads=num_threads, **options)

    monkeypatch.setattr(lightgbm.Booster, "predict", watched)
    frame, chosen = made_frame(), parameters()
    found = fit_candidate(kind, frame.rows, FEATURES, split_frame(frame, chosen), chosen, frame)
    assert asked
    assert set(asked) == {chosen["threads"]}
    assert found.model.spec["threads"] == chosen["scoring_threads"]
