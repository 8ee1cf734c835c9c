"""TreeSHAP by patterns gives LightGBM's own numbers, whatever the values are."""

from types import SimpleNamespace

import lightgbm
import numpy as np
import pytest

from ml import tree_parts as module
from ml.tree_parts import COMPARED, QuickTrees, quicken, splits_of, tree_parts

ROWS = 3000


def rows(seed: int, rows: int = ROWS) -> np.ndarray:
    """Numbers with and without missing values, and a category with a level training did not know."""
    random = np.random.default_rng(seed)
    matrix = np.column_stack(
        [
            random.normal(size=rows),
            random.poisson(2, rows).astype(float),
            random.integers(0, 6, rows).astype(float),
            random.normal(size=rows),
        ]
    )
    matrix[random.random(rows) < 0.3, 1] = np.nan
    matrix[random.random(rows) < 0.1, 2] = np.nan
    return matrix


@pytest.fixture(scope="module")
def booster():
    matrix = rows(0)
    score = matrix[:, 0] + np.nan_to_num(matrix[:, 1]) * (matrix[:, 2] % 2 == 0) - 0.5 * matrix[:, 3] ** 2
    label = (score > np.median(score)).astype(int)
    settings = {"objective": "binary", "num_leaves": 15, "num_threads": 1, "verbosity": -1, "seed": 1}
    data = lightgbm.Dataset(matrix, label, categorical_feature=[2])
    return lightgbm.train(settings, data, num_boost_round=20)


def own(booster, matrix: np.ndarray) -> np.ndarray:
    return booster.predict(matrix, pred_contrib=True, num_threads=1)


def test_the_numbers_are_lightgbms_own(booster, monkeypatch):
    expected = own(booster, matrix := rows(1))
    # Without the way back to LightGBM: what is compared must be ours.
    monkeypatch.setattr(module, "TOLERANCE", np.inf)
    assert np.abs(tree_parts(booster, matrix, threads=2) - expected[:, :-1]).max() < 1e-12


def test_values_that_training_never_saw(booster, monkeypatch):
    matrix = rows(2)
    matrix[::3, 0] = np.nan
    matrix[::5, 2] = 77.0
    matrix[::7, 3] = 1e300
    expected = own(booster, matrix)
    monkeypatch.setattr(module, "TOLERANCE", np.inf)
    assert np.abs(tree_parts(booster, matrix, threads=1) - expected[:, :-1]).max() < 1e-12


def test_threads_change_no_digit(booster):
    matrix = rows(3)
    once = tree_parts(booster, matrix, threads=2)
    assert (once == tree_parts(booster, matrix, threads=2)).all()


def test_where_the_two_differ_lightgbm_explains(booster, monkeypatch):
    matrix = rows(4)
    monkeypatch.setattr(module, "_by_patterns", lambda *_: np.zeros((len(matrix), 4)))
    assert (tree_parts(booster, matrix, threads=1) == own(booster, matrix)[:, :-1]).all()


def test_trees_with_many_splits_are_left_to_lightgbm(booster, monkeypatch):
    most = max(len(splits_of(tree["tree_structure"])) for tree in booster.dump_model()["tree_info"])
    monkeypatch.setattr(module, "MOST_SPLITS", most - 1)
    monkeypatch.setattr(module, "_by_patterns", None)
    matrix = rows(5)
    assert (tree_parts(booster, matrix, threads=1) == own(booster, matrix)[:, :-1]).all()


@pytest.mark.parametrize("few", [1, COMPARED])
def test_few_rows(booster, few):
    found = QuickTrees(booster).predict(rows(6)[:few], pred_contrib=True)
    assert found.shape == (few, 5)


def test_a_model_and_its_members_are_quickened_once_and_older_ones_without_members(booster):
    member = SimpleNamespace(booster=booster)
    ensemble = quicken(quicken(SimpleNamespace(booster=None, members=[member])))
    assert ensemble.booster is None
    assert isinstance(member.booster, QuickTrees)
    assert member.booster._booster is booster


def test_a_quick_booster_answers_as_the_booster(booster):
    quick, matrix = QuickTrees(booster), rows(7)
    assert np.allclose(quick.predict(matrix, pred_contrib=True), own(booster, matrix), atol=1e-12)
    raw = booster.predict(matrix, raw_score=True, num_threads=1)
    assert (quick.predict(matrix, raw_score=True) == raw).all()
    assert np.allclose(quick.predict(matrix, pred_contrib=True).sum(axis=1), raw)
