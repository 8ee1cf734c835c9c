"""How each kind is fitted: from rows to a ChurnModel whose probabilities are not yet calibrated."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ml.folds import is_sampled
from ml.purchases import fit_purchases
from ml.sentences import Sentence, words
from ml.served import HISTORY, ChurnModel, encode, expanded, standardised
from ml.settings import catalogue
from ml.survival import fit_survival, followed_rows

say = words("training")

#: From simple to hard; a tie goes to the simpler one. An ensemble of some of them is built in models.py.
KINDS = ("buy_till_you_die", "logistic", "survival", "lightgbm")


@dataclass
class Lesson:
    """What one fit may learn from.

    Attributes:
        rows: labelled rows.
        known_until: nothing later may be used.
        followed: rows whose silence may be watched until then, labelled or not (survival); `rows` are among
            them or of the same customers.
        most_followed: of these and the unfinished, whole customers by hash.
        unfinished, histories: of the frame.
        without: customers who must not be learned from.
    """

    rows: pd.DataFrame
    known_until: pd.Timestamp
    followed: pd.DataFrame
    most_followed: int
    unfinished: pd.DataFrame = field(default_factory=pd.DataFrame)
    histories: pd.DataFrame = field(default_factory=pd.DataFrame)
    without: set | frozenset = frozenset()


def why_not(kind: str, rows: pd.DataFrame, features: list[str], parameters: dict) -> Sentence | None:
    """What a kind lacks to be a candidate here, in words; None where it lacks nothing."""
    if kind in ("buy_till_you_die", "survival") and parameters["label"] != "no_booking":
        return say("other_label", kind=kind, label=parameters["label"])
    needed = {"buy_till_you_die": HISTORY, "survival": ("typical_gap_days",)}.get(kind, ())
    missing = [name for name in needed if name not in features]
    if missing:
        return say("lacks_columns", kind=kind, names=", ".join(missing))
    if kind == "survival" and ("booked_in_months" not in rows or rows["booked_in_months"].isna().all()):
        return say("no_later_booking")
    return None


def fit(kind: str, lesson: Lesson, features: list[str], parameters: dict) -> ChurnModel:
    """One fit (until a calibration is set, probabilities are those of the raw score)."""
    rows, settings = lesson.rows, parameters["candidates"]
    spec = {
        "kind": kind,
        "features": features,
        "categories": category_levels(rows, features, settings["max_categories"]),
        "calibration": {"method": "sigmoid", "intercept": 0.0, "slope": 1.0},
        "base_rate": float(rows["label"].mean()),
        # LightGBM's number of threads is the process's: beside a fit, whoever predicts with more crashes.
        "threads": parameters["threads"],
    }
    if kind == "lightgbm":
        data = tree_data(encode(rows, spec), rows["label"].to_numpy(), spec)
        return ChurnModel(spec, _boost(data, len(rows), "binary", parameters))
    if kind == "survival":
        return _survival(lesson, spec, parameters)
    if kind == "buy_till_you_die":
        spec["purchases"] = fit_purchases(
            lesson.histories, rows, lesson.known_until, horizon_of(rows, parameters)
        )
        return ChurnModel(spec)
    rows = rows[is_sampled(rows["customer_id"], len(rows), settings["logistic"]["max_rows"])]
    matrix, label = encode(rows, spec), rows["label"].to_numpy()
    return _logistic(matrix, label, spec, settings["logistic"], parameters["threads"])


def _survival(lesson: Lesson, spec: dict, parameters: dict) -> ChurnModel:
    followed = followed_rows(
        lesson.followed, lesson.unfinished, lesson.known_until, lesson.without, lesson.most_followed
    )
    matrix = encode(followed, spec)

    # LightGBM sorts the values into bins once for both growths; the outcomes are in the objective.
    data = tree_data(matrix, np.zeros(len(matrix)), spec)

    def grow(objective, share: float):
        return _boost(data, len(matrix), objective, parameters, share)

    spec["survival"], booster = fit_survival(
        followed, matrix, spec, horizon_of(lesson.rows, parameters), grow
    )
    return ChurnModel(spec, booster)


def horizon_of(rows: pd.DataFrame, parameters: dict) -> dict:
    """How long a horizon is: `gaps` usual gaps, from `min_days` to `max_days`, as labelled rows have them."""
    days = (rows["horizon_ends_on"] - rows["as_of_date"]).dt.days
    return {**parameters["horizon"], "min_days": int(days.min()), "max_days": int(days.max())}


def tree_settings(settings: dict, rows: int, parameters: dict) -> dict:
    """LightGBM's own names for what parameters.yml says, for a fit on so many rows."""
    leaf = min(settings["min_child_samples"], max(5, int(settings["min_child_share"] * rows)))
    return {
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
        # 63 bins are known as well from 50,000 rows as from 200,000, in a quarter of the time.
        "bin_construct_sample_cnt": 50_000,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }


def tree_data(matrix: np.ndarray, label: np.ndarray, spec: dict, **more):
    """A lightgbm.Dataset with names and categories."""
    import lightgbm

    categorical = [i for i, name in enumerate(spec["features"]) if name in spec["categories"]]
    return lightgbm.Dataset(
        matrix,
        label,
        feature_name=list(spec["features"]),
        categorical_feature=categorical,
        free_raw_data=True,
        **more,
    )


def _boost(data, rows: int, objective, parameters: dict, share: float = 1):
    import lightgbm

    settings = parameters["candidates"]["lightgbm"]
    return lightgbm.train(
        {"objective": objective, **tree_settings(settings, rows, parameters)},
        data,
        num_boost_round=max(1, round(share * settings["n_estimators"])),
    )


def category_levels(rows: pd.DataFrame, features: list[str], most: int) -> dict[str, list[str]]:
    """For each feature that is a category its `most` commonest levels; ties by name, so that the same data
    always give the same codes."""
    found = {}
    for name in features:
        if catalogue()["features"][name]["kind"] == "category":
            counts = rows[name].dropna().value_counts()
            ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
            found[name] = [str(level) for level, _ in ordered[:most]]
    return found


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
