"""Calibration: each curve, the choice by the months after, and what is done with too few rows or nonsense."""

import numpy as np
import pytest

from ml.calibration import apply_curve, choose_calibration, fit_curve
from ml.settings import parameters


def fold(n: int, seed: int, bend=lambda log_odds: log_odds) -> tuple[np.ndarray, np.ndarray]:
    """Scores, and labels whose true log-odds are `bend` of them."""
    random = np.random.default_rng(seed)
    log_odds = random.normal(scale=2, size=n)
    return log_odds, (random.random(n) < 1 / (1 + np.exp(-bend(log_odds)))).astype(int)


def chosen(folds: list, is_later=True) -> dict:
    log_odds, label = zip(*folds, strict=True)
    return choose_calibration(list(log_odds), list(label), is_later, parameters())


@pytest.mark.parametrize("method", ["sigmoid", "beta", "isotonic"])
def test_each_curve_finds_the_true_chances(method):
    curve = fit_curve(method, *fold(20_000, 1, lambda z: 0.5 * z - 1), parameters())
    assert curve["method"] == method
    at = np.array([-2.0, 0.0, 2.0])
    assert apply_curve(curve, at) == pytest.approx(1 / (1 + np.exp(1 - 0.5 * at)), abs=0.03)


@pytest.mark.parametrize("method", ["sigmoid", "beta", "isotonic"])
def test_every_curve_rises(method):
    curve = fit_curve(method, *fold(5000, 2), parameters())
    assert (np.diff(apply_curve(curve, np.linspace(-30, 30, 500))) >= 0).all()


def test_a_model_that_ranks_backwards_gets_the_base_rate():
    label = np.array([0, 0, 0, 1] * 20)
    for method in ("sigmoid", "beta"):
        curve = fit_curve(method, -label + np.linspace(0, 0.01, 80), label, parameters())
        assert apply_curve(curve, np.array([-9.0, 9.0])) == pytest.approx([0.25, 0.25])


def test_scores_that_hardly_differ_are_told_apart():
    log_odds, label = fold(5000, 3)
    curve = fit_curve("sigmoid", 7 + log_odds / 1e4, label, parameters())
    assert apply_curve(curve, np.array([7 - 2e-4, 7 + 2e-4])) == pytest.approx([0.12, 0.88], abs=0.03)


def test_few_rows_are_not_calibrated_by_steps():
    assert fit_curve("isotonic", *fold(500, 4), parameters())["method"] == "sigmoid"


def test_the_simple_curve_is_used_where_it_does():
    curve = chosen([fold(8000, seed) for seed in range(3)])
    assert curve["method"] == "sigmoid"
    assert set(curve["compared"]) == {"sigmoid", "beta", "isotonic"}


def test_a_bent_truth_gets_a_bent_curve():
    # Nobody below a threshold churns less than one in three: no sigmoid can say so.
    curve = chosen([fold(8000, seed, lambda z: np.maximum(3 * z, -0.7)) for seed in range(3)])
    assert curve["method"] != "sigmoid"
    assert curve["compared"][curve["method"]] < curve["compared"]["sigmoid"] - 0.002


def test_the_newest_fold_counts_where_the_rate_has_moved():
    old = [fold(8000, seed) for seed in range(2)]
    curve = chosen([*old, fold(8000, 9, lambda z: z + 1)])
    assert apply_curve(curve, np.array([0.0])) == pytest.approx([1 / (1 + np.exp(-1))], abs=0.03)


def test_folds_of_customers_are_all_of_one_time_and_all_count():
    folds = [fold(300, 1, lambda z: z - 1), fold(300, 2, lambda z: z + 1)]
    joined = tuple(np.concatenate(parts) for parts in zip(*folds, strict=True))
    curve = chosen(folds, is_later=False)
    at = np.array([0.0])
    assert apply_curve(curve, at) == pytest.approx(
        apply_curve(fit_curve(curve["method"], *joined, parameters()), at)
    )
