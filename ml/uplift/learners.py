"""The learners that are compared: each is fitted on some assignments and tells the effect on others.

econml's T-, X- and DR-learners and its linear double machine learning stand beside the shrunk one; a plain
response model (who brings much is treated) and chance are the controls that an uplift model has to beat.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from ml.uplift.bases import measures
from ml.uplift.settings import parameters
from ml.uplift.shrunk import fit_shrunk

#: Fitted on rows of UpliftFrame.learned; tells the effect on value of each row's own action, shape (n,).
Told = Callable[[pd.DataFrame], np.ndarray]
#: From the simplest on; the first is preferred where nothing is clearly better.
LEARNERS = ("shrunk", "linear_dml", "dr_learner", "x_learner", "t_learner")
CONTROLS = ("response", "random")


def fit(name: str, rows: pd.DataFrame) -> Told:
    """Fit one of LEARNERS or CONTROLS; `value` of the rows is without what later treatments did."""
    if name == "shrunk":
        return _shrunk(rows)
    if name == "response":
        return lambda others: others["expected_value"].to_numpy(float)
    if name == "random":
        return _by_chance
    return _econml(name, rows)


def _shrunk(rows: pd.DataFrame) -> Told:
    learner = fit_shrunk(rows, "value", "expected_value", "expected_margin")

    def told(others: pd.DataFrame) -> np.ndarray:
        found = np.zeros(len(others))
        for action, at in others.groupby("action").indices.items():
            found[at] = learner.effect(others.iloc[at], action)[0]
        return found

    return told


def _by_chance(rows: pd.DataFrame) -> np.ndarray:
    return np.random.default_rng(parameters()["seed"]).random(len(rows))


def _econml(name: str, rows: pd.DataFrame) -> Told:
    """One of econml's on all actions at once, the action being a covariate: alone most have too few."""
    import econml.dml
    import econml.dr
    import econml.metalearners
    from lightgbm import LGBMRegressor
    from sklearn.dummy import DummyClassifier

    seed = parameters()["seed"]
    names = sorted(rows["action"].unique())

    def trees():
        settings = parameters()["comparison"]["lightgbm"]
        return LGBMRegressor(**settings, random_state=seed, n_jobs=1, verbose=-1, deterministic=True)

    # Chance decided the arm: its share is known, nothing has to be learned about it.
    chance = DummyClassifier(strategy="prior")
    if name == "t_learner":
        learner = econml.metalearners.TLearner(models=trees())
    elif name == "x_learner":
        learner = econml.metalearners.XLearner(models=trees(), propensity_model=chance)
    elif name == "dr_learner":
        learner = econml.dr.DRLearner(
            model_propensity=chance, model_regression=trees(), model_final=trees(), cv=2, random_state=seed
        )
    else:
        learner = econml.dml.LinearDML(
            model_y=trees(), model_t=chance, discrete_treatment=True, cv=2, random_state=seed
        )
    residual = (rows["value"] - rows["expected_value"]).to_numpy(float)
    x = _covariates(rows, names)
    # A column that is not delivered is the same for all.
    varies = x.std(axis=0) > 0
    learner.fit(residual, rows["is_treated"].to_numpy(int), X=x[:, varies])
    return lambda others: np.ravel(learner.effect(_covariates(others, names)[:, varies]))


def _covariates(rows: pd.DataFrame, names: list[str]) -> np.ndarray:
    # The first action is the one that all others are compared with: a constant stands for it already.
    one_hot = np.column_stack([rows["action"] == name for name in names[1:]]) if names[1:] else None
    parts = [measures(rows).fillna(0.0).to_numpy(float), rows[["expected_margin"]].to_numpy(float)]
    return np.hstack([*parts, *([one_hot.astype(float)] if one_hot is not None else [])])
