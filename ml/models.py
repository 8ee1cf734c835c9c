"""Step 3, the candidates: logistic regression and LightGBM, each with calibrated probabilities.

The inactivity rule, the third on the list, is in rule.py: it must score even where nothing can be learned.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.rule import InactivityRule
from ml.served import ChurnModel, encode, expanded, standardised
from ml.settings import catalogue
from ml.split import Split

#: From simple to hard.
KINDS = ("logistic", "lightgbm")


@dataclass
class Candidate:
    """A fitted, calibrated model and the log-odds it gave to rows it had not learned from."""

    model: ChurnModel
    selection_rows: np.ndarray
    selection_log_odds: np.ndarray


def fit_candidate(
    kind: str, rows: pd.DataFrame, features: list[str], split: Split, parameters: dict
) -> Candidate:
    """Fit on the split's training rows; calibrate on its slice, or by cross-validation over customers."""
    train = np.flatnonzero(split.train)
    if split.calibrate_by == "slice":
        held_out = np.flatnonzero(split.calibration)
        model = fit(kind, rows.iloc[train], features, parameters)
        log_odds = model.log_odds(rows.iloc[held_out])
    else:
        held_out = train
        model, log_odds = fit_with_folds(kind, rows.iloc[train], features, parameters)
    model.spec["calibration"] = calibration(log_odds, rows["label"].to_numpy()[held_out], parameters)
    return Candidate(model, held_out, log_odds)


def fit_final(kind: str, rows: pd.DataFrame, features: list[str], parameters: dict) -> ChurnModel:
    """The model to serve: every labelled row, calibrated by cross-validation over customers."""
    model, log_odds = fit_with_folds(kind, rows, features, parameters)
    model.spec["calibration"] = calibration(log_odds, rows["label"].to_numpy(), parameters)
    return model


def fit_with_folds(
    kind: str, rows: pd.DataFrame, features: list[str], parameters: dict
) -> tuple[ChurnModel, np.ndarray]:
    """A model of all rows, and log-odds for each row from a model that saw none of that customer's rows.

    The fits are independent, so some go side by side; which finishes first changes nothing.
    """
    from threadpoolctl import threadpool_limits

    folds = parameters["calibration"]["folds"]
    fold = (pd.util.hash_array(rows["customer_id"].to_numpy(dtype=object)) % folds).astype(int)
    filled = np.unique(fold)

    def fit_outside(number: int | None) -> ChurnModel:
        return fit(kind, rows.loc[fold != number] if number is not None else rows, features, parameters)

    # Set here, too: limits are the process's, and each fit puts back what it found.
    with threadpool_limits(parameters["threads"]), ThreadPoolExecutor(parameters["fold_threads"]) as pool:
        model, *others = pool.map(fit_outside, [None, *filled])
    log_odds = np.zeros(len(rows))
    for number, other in zip(filled, others, strict=True):
        log_odds[fold == number] = other.log_odds(rows.loc[fold == number])
    return model, log_odds


def fit(kind: str, rows: pd.DataFrame, features: list[str], parameters: dict) -> ChurnModel:
    """One fit without calibration (until it is set, probabilities are those of the raw log-odds)."""
    settings = parameters["candidates"]
    spec = {
        "kind": kind,
        "features": features,
        "categories": {
            name: _levels(rows[name], settings["max_categories"])
            for name in features
            if catalogue()["features"][name]["kind"] == "category"
        },
        "calibration": {"method": "sigmoid", "intercept": 0.0, "slope": 1.0},
        "base_rate": float(rows["label"].mean()),
        "threads": parameters["scoring_threads"],
    }
    matrix, label = encode(rows, spec), rows["label"].to_numpy()
    if kind == "lightgbm":
        return ChurnModel(spec, _boost(matrix, label, spec, settings["lightgbm"], parameters))
    return _logistic(matrix, label, spec, settings["logistic"], parameters["threads"])


def calibration(log_odds: np.ndarray, label: np.ndarray, parameters: dict) -> dict:
    """Isotonic (Zadrozny and Elkan 2002) with enough rows of both classes, else a sigmoid (Platt 1999)."""
    smaller = min(int(label.sum()), int(len(label) - label.sum()))
    if smaller >= parameters["calibration"]["isotonic_min_each_class"]:
        from sklearn.isotonic import IsotonicRegression

        steps = IsotonicRegression(out_of_bounds="clip").fit(log_odds, label)
        return {"method": "isotonic", "x": steps.X_thresholds_.tolist(), "y": steps.y_thresholds_.tolist()}
    from sklearn.linear_model import LogisticRegression

    curve = LogisticRegression(C=1e6).fit(log_odds[:, None], label)
    # A falling sigmoid would turn the ranking round; a model that bad gets the base rate instead.
    if curve.coef_[0, 0] <= 0:
        base = float(np.clip(label.mean(), 0.001, 0.999))
        return {"method": "sigmoid", "intercept": float(np.log(base / (1 - base))), "slope": 0.0}
    return {"method": "sigmoid", "intercept": float(curve.intercept_[0]), "slope": float(curve.coef_[0, 0])}


def fit_rule(rows: pd.DataFrame, parameters: dict) -> InactivityRule:
    return InactivityRule.fit(rows["overdue_ratio_for_rule"], rows["label"], parameters)


def _levels(values: pd.Series, most: int) -> list[str]:
    counts = values.dropna().value_counts()
    # Ties by name, so that the same data always give the same codes.
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return [str(level) for level, _ in ordered[:most]]


def _boost(matrix: np.ndarray, label: np.ndarray, spec: dict, settings: dict, parameters: dict):
    import lightgbm

    leaf = min(settings["min_child_samples"], max(5, int(settings["min_child_share"] * len(label))))
    categorical = [i for i, name in enumerate(spec["features"]) if name in spec["categories"]]
    return lightgbm.train(
        {
            "objective": "binary",
            "learning_rate": settings["learning_rate"],
            "num_leaves": settings["num_leaves"],
            "max_bin": settings["max_bin"],
            "min_data_in_leaf": leaf,
            "bagging_fraction": settings["subsample"],
            "bagging_freq": settings["subsample_freq"],
            "feature_fraction": settings["colsample_bytree"],
            "lambda_l2": settings["reg_lambda"],
            "seed": parameters["seed"],
            "num_threads": parameters["threads"],
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        },
        lightgbm.Dataset(
            matrix,
            label,
            feature_name=list(spec["features"]),
            categorical_feature=categorical,
            free_raw_data=True,
        ),
        num_boost_round=settings["n_estimators"],
    )


def _logistic(matrix: np.ndarray, label: np.ndarray, spec: dict, settings: dict, threads: int) -> ChurnModel:
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    spec["linear"] = linear = _columns(matrix, spec)
    columns = expanded(matrix, spec)
    linear["means"] = columns.mean(axis=0).tolist()
    spread = columns.std(axis=0)
    # A column without spread beyond rounding carries nothing; dividing by 1 keeps it near 0.
    carries = spread > 1e-9 * np.maximum(1.0, np.abs(columns).max(axis=0))
    linear["scales"] = np.where(carries, spread, 1.0).tolist()
    with threadpool_limits(threads):
        model = LogisticRegression(C=settings["C"], max_iter=settings["max_iter"])
        model.fit(standardised(matrix, spec), label)
    linear["coefficients"], linear["intercept"] = model.coef_[0].tolist(), float(model.intercept_[0])
    return ChurnModel(spec)


def _columns(matrix: np.ndarray, spec: dict) -> dict:
    """Which features become which columns, and what fills the unknown."""
    numeric = [i for i, name in enumerate(spec["features"]) if name not in spec["categories"]]
    known = ~np.isnan(matrix[:, numeric])
    medians = [
        float(np.median(matrix[known[:, place], i])) if known[:, place].any() else 0.0
        for place, i in enumerate(numeric)
    ]
    return {
        "numeric": numeric,
        "medians": medians,
        "unknown": [i for place, i in enumerate(numeric) if not known[:, place].all()],
        "categorical": [
            (i, len(spec["categories"][name]) + 1)
            for i, name in enumerate(spec["features"])
            if name in spec["categories"]
        ],
    }
