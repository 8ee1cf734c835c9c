"""Tuning LightGBM on the rolling folds, with Optuna (Akiba et al. 2019) under a budget.

The budget is a number of trials on a bounded number of rows, not a number of seconds: a slower machine would
try fewer and end with another model. The sampler is the tree-structured Parzen estimator (Bergstra et al.
2011) with our seed, and the first trial is the settings of parameters.yml: what is tuned is never worse on
the folds.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd

from ml.fitting import category_levels, tree_data, tree_settings
from ml.folds import Fold, is_sampled
from ml.served import encode


def tune(
    rows: pd.DataFrame, features: list[str], folds: list[Fold], parameters: dict
) -> tuple[dict, dict | None]:
    """LightGBM's settings for these data.

    Args:
        folds: only those that are later in time can tune; on folds of customers a model looks better the more
            it learns of the months themselves.

    Returns:
        The parameters with `candidates.lightgbm` replaced, and what was tried: `trials`, `auc_before`,
        `auc_after`, `settings`. Unchanged parameters and None where there is nothing to tune on.
    """
    rules = parameters["candidates"]["tuning"]
    if not rules["trials"] or not folds or not folds[0].is_later:
        return parameters, None
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    newest = folds[-rules["newest_folds"] :]
    prepared = [_prepare(rows, features, fold, parameters) for fold in newest]
    start = parameters["candidates"]["lightgbm"]

    def objective(trial) -> float:
        settings = {**start, **_suggest(trial, start)}
        with ThreadPoolExecutor(parameters["fold_threads"]) as pool:
            curves = list(
                pool.map(lambda each: _curve(each, settings, parameters, rules["most_trees"]), prepared)
            )
        mean = np.mean(curves, axis=0)
        trial.set_user_attr("n_estimators", int(mean.argmax()) + 1)
        trial.set_user_attr("auc_of_default_trees", float(mean[min(start["n_estimators"], len(mean)) - 1]))
        return float(mean.max())

    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=parameters["seed"] % 2**32)
    )
    study.enqueue_trial({name: start[name] for name in SEARCHED})
    study.optimize(objective, n_trials=rules["trials"])
    before, best = study.trials[0].user_attrs["auc_of_default_trees"], study.best_trial
    facts = {"trials": len(study.trials), "auc_before": before, "auc_after": best.value, "settings": {}}
    # A gain that chance alone would give to the best of so many trials is none.
    if best.value - before < rules["min_gain_auc"]:
        return parameters, facts
    facts["settings"] = {**best.params, "n_estimators": best.user_attrs["n_estimators"]}
    candidates = {**parameters["candidates"], "lightgbm": {**start, **facts["settings"]}}
    return {**parameters, "candidates": candidates}, facts


#: What is searched; the number of trees is read off each trial's curve.
SEARCHED = ("num_leaves", "min_child_samples", "colsample_bytree", "subsample", "reg_lambda", "learning_rate")


def _suggest(trial, start: dict) -> dict:
    """A point of the space; the settings of parameters.yml lie inside, whatever they are."""

    def between(low, high, name):
        return min(low, start[name]), max(high, start[name])

    return {
        "num_leaves": trial.suggest_int("num_leaves", *between(4, 48, "num_leaves"), log=True),
        "min_child_samples": trial.suggest_int(
            "min_child_samples", *between(20, 1000, "min_child_samples"), log=True
        ),
        "colsample_bytree": trial.suggest_float("colsample_bytree", *between(0.2, 1.0, "colsample_bytree")),
        "subsample": trial.suggest_float("subsample", *between(0.4, 1.0, "subsample")),
        "reg_lambda": trial.suggest_float("reg_lambda", *between(0.1, 100.0, "reg_lambda"), log=True),
        "learning_rate": trial.suggest_float(
            "learning_rate", *between(0.03, 0.15, "learning_rate"), log=True
        ),
    }


def _prepare(rows: pd.DataFrame, features: list[str], fold: Fold, parameters: dict) -> dict:
    """Encoded rows of a fold, whole customers by hash where there are more than the budget allows."""
    most = parameters["candidates"]["tuning"]["max_rows"]
    chosen = {}
    for part in ("train", "validate"):
        mask = getattr(fold, part)
        chosen[part] = rows.loc[mask & is_sampled(rows["customer_id"], int(mask.sum()), most)]
    levels = category_levels(chosen["train"], features, parameters["candidates"]["max_categories"])
    spec = {"kind": "lightgbm", "features": features, "categories": levels}
    return {
        "spec": spec,
        **{part: (encode(table, spec), table["label"].to_numpy()) for part, table in chosen.items()},
    }


def _curve(prepared: dict, settings: dict, parameters: dict, trees: int) -> np.ndarray:
    """AUC on the fold's validation rows after each tree, shape (trees,)."""
    import lightgbm

    matrix, label = prepared["train"]
    learned = tree_data(matrix, label, prepared["spec"])
    judged = learned.create_valid(*prepared["validate"])
    found: dict = {}
    lightgbm.train(
        {"objective": "binary", "metric": "auc", **tree_settings(settings, len(label), parameters)},
        learned,
        num_boost_round=trees,
        valid_sets=[judged],
        valid_names=["validate"],
        callbacks=[lightgbm.record_evaluation(found)],
    )
    curve = np.array(found["validate"]["auc"])
    # Where no split helps any more, LightGBM stops; further trees would change nothing.
    return np.concatenate([curve, np.full(trees - len(curve), curve[-1])])
