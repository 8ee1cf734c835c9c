"""What MLflow holds and serves: this file as code, and one folder of plain files beside it. No pickle.

The folder: `model.json` (kind, features, category levels, calibration, the numbers of the models that are no
trees) and, for LightGBM, `lightgbm.txt` in its own text format; an ensemble has a folder for each member.
Loading runs no code from it. This file imports nothing of
ours, so that `mlflow models serve` can load it anywhere.

Input: one row per customer with the model's features. Output: calibrated churn probabilities, shape (n,).
"""

import json
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd

#: Nobody is certain to stay or to go; a calibrated 0 or 1 is an accident of a small bin.
SMALLEST, LARGEST = 0.001, 0.999
#: A straight line says nothing about values this many standard deviations from all it has seen.
FARTHEST = 10.0
#: Kinds whose booster is saved beside model.json.
TREES = ("lightgbm", "survival")
DAYS_PER_MONTH, DAYS_PER_WEEK = 365.25 / 12, 7.0
#: What buy-till-you-die knows of a customer, in this order.
HISTORY = ("gap_count", "days_since_first_booking", "days_since_last_booking", "typical_gap_days")


class ChurnModel(mlflow.pyfunc.PythonModel):
    """A fitted model: encoding, log-odds, calibration, and each feature's part in the log-odds.

    Args:
        spec: what model.json holds; empty until loaded.
        booster: the lightgbm.Booster of the kinds that have trees (TREES), else None.
        members: of an ensemble.
    """

    def __init__(self, spec: dict | None = None, booster=None, members: list["ChurnModel"] | None = None):
        self.spec = spec or {}
        self.booster = booster
        self.members = members or []

    def load_context(self, context) -> None:
        self.load(Path(context.artifacts["model"]))

    def load(self, folder: Path) -> "ChurnModel":
        self.spec = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        if self.spec["kind"] in TREES:
            import lightgbm

            self.booster = lightgbm.Booster(model_file=str(folder / "lightgbm.txt"))
        count = len(self.spec.get("weights", []))
        self.members = [ChurnModel().load(folder / f"member_{place}") for place in range(count)]
        return self

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.json").write_text(json.dumps(self.spec, indent=1), encoding="utf-8")
        if self.spec["kind"] in TREES:
            self.booster.save_model(str(folder / "lightgbm.txt"))
        for place, member in enumerate(self.members):
            member.save(folder / f"member_{place}")

    def predict(self, context, model_input: pd.DataFrame, params: dict | None = None) -> np.ndarray:
        """Calibrated probabilities, shape (n,); the order of the columns does not matter."""
        return self.calibrated(self.log_odds(model_input))

    def log_odds(self, rows: pd.DataFrame) -> np.ndarray:
        """Uncalibrated log-odds, shape (n,)."""
        score = self.score(rows)
        if self.spec["kind"] == "survival":
            # Of p = exp(-cumulative hazard).
            return -np.log(np.expm1(np.exp(np.clip(-score, -20, 3))))
        return score

    def score(self, rows: pd.DataFrame) -> np.ndarray:
        """What the contributions add up to, shape (n,): log-odds, for `survival` minus the logarithm of the
        cumulative hazard of booking. The higher, the likelier to churn."""
        if len(rows) == 0:
            return np.zeros(0)
        if self.spec["kind"] == "ensemble":
            weighted = zip(self.spec["weights"], self.members, strict=True)
            return sum(weight * member.score(rows) for weight, member in weighted)
        if self.spec["kind"] == "buy_till_you_die":
            return log_odds_of_silence(history(rows, self.spec), self.spec["purchases"])
        matrix = encode(rows, self.spec)
        if self.spec["kind"] in TREES:
            score = self.booster.predict(matrix, raw_score=True, num_threads=self.spec["threads"])
            if self.spec["kind"] == "survival":
                return -score - log_cumulative_hazard(rows, self.spec["survival"])
            return score
        linear = self.spec["linear"]
        return standardised(matrix, self.spec) @ np.array(linear["coefficients"]) + linear["intercept"]

    def calibrated(self, log_odds: np.ndarray) -> np.ndarray:
        calibration = self.spec["calibration"]
        if calibration["method"] == "isotonic":
            probability = np.interp(log_odds, calibration["x"], calibration["y"])
        elif calibration["method"] == "beta":
            below, above = -np.logaddexp(0, -log_odds), np.logaddexp(0, log_odds)
            parts = calibration["below"] * below + calibration["above"] * above
            probability = 1 / (1 + np.exp(-(calibration["intercept"] + parts)))
        else:
            probability = 1 / (1 + np.exp(-(calibration["intercept"] + calibration["slope"] * log_odds)))
        return np.clip(probability, SMALLEST, LARGEST)

    def contributions(self, rows: pd.DataFrame) -> np.ndarray:
        """Each feature's part in the score against the average training row, shape (n, features).

        TreeSHAP (Lundberg et al. 2020) as LightGBM computes it; for the linear model coefficient times
        distance from the training mean, summed over a feature's columns; for `survival` TreeSHAP, and the
        horizon's part on typical_gap_days, which sets the horizon; for `buy_till_you_die` Shapley values over
        its four numbers against the median customer; for an ensemble the members' parts, weighted. In each
        case they add up to the score but for a constant. Positive raises the risk.
        """
        features = len(self.spec["features"])
        if len(rows) == 0:
            return np.zeros((0, features))
        if self.spec["kind"] == "ensemble":
            weighted = zip(self.spec["weights"], self.members, strict=True)
            return sum(weight * member.contributions(rows) for weight, member in weighted)
        if self.spec["kind"] == "buy_till_you_die":
            return shapley_of_history(rows, self.spec)
        matrix = encode(rows, self.spec)
        if self.spec["kind"] in TREES:
            parts = self.booster.predict(matrix, pred_contrib=True, num_threads=self.spec["threads"])[:, :-1]
            if self.spec["kind"] == "survival":
                parts = -parts
                by_horizon = log_cumulative_hazard(rows, self.spec["survival"])
                place = self.spec["features"].index("typical_gap_days")
                parts[:, place] -= by_horizon - self.spec["survival"]["mean_log_hazard"]
            return parts
        linear = self.spec["linear"]
        # Standardised columns average 0 in training, so each product is a distance from the average.
        parts = standardised(matrix, self.spec) * np.array(linear["coefficients"])
        owner = np.zeros((parts.shape[1], features))
        owner[np.arange(parts.shape[1]), column_owners(self.spec)] = 1
        return parts @ owner


def encode(rows: pd.DataFrame, spec: dict) -> np.ndarray:
    """A float matrix in the model's order: numbers as they are (infinite = unknown), categories as codes.

    A level that training did not know gets the code after the last known one (`other`), a missing one NaN.
    For the linear model numbers go through sign(x) ln(1+|x|): counts and money have long tails.
    """
    # By column: filling it is nine times as fast, and nothing that reads it is slower.
    matrix = np.empty((len(rows), len(spec["features"])), order="F")
    for place, name in enumerate(spec["features"]):
        if name in spec["categories"]:
            levels = {level: code for code, level in enumerate(spec["categories"][name])}
            values = rows[name].astype(object)
            codes = values.map(levels).astype(float)
            codes[codes.isna() & values.notna()] = float(len(levels))
            matrix[:, place] = codes.to_numpy()
        else:
            numbers = rows[name].to_numpy(dtype=float, na_value=np.nan)
            matrix[:, place] = numbers
            matrix[~np.isfinite(numbers), place] = np.nan
    if spec["kind"] == "logistic":
        numeric = [i for i, name in enumerate(spec["features"]) if name not in spec["categories"]]
        matrix[:, numeric] = np.sign(matrix[:, numeric]) * np.log1p(np.abs(matrix[:, numeric]))
    return matrix


def expanded(matrix: np.ndarray, spec: dict) -> np.ndarray:
    """The linear model's columns, in this order: numbers with the training median for the unknown; for each
    feature with unknowns in training, whether this one is unknown; each category level, and `other`."""
    linear = spec["linear"]
    numbers = matrix[:, linear["numeric"]]
    filled = np.where(np.isnan(numbers), np.array(linear["medians"]), numbers)
    unknown = np.isnan(matrix[:, linear["unknown"]]).astype(float)
    levels = [
        (matrix[:, [position]] == np.arange(count)).astype(float) for position, count in linear["categorical"]
    ]
    return np.hstack([filled, unknown, *levels])


def column_owners(spec: dict) -> list[int]:
    """For each expanded column the position of the feature it belongs to."""
    linear = spec["linear"]
    levels = [position for position, count in linear["categorical"] for _ in range(count)]
    return linear["numeric"] + linear["unknown"] + levels


def standardised(matrix: np.ndarray, spec: dict) -> np.ndarray:
    """Expanded columns in training standard deviations from the training mean, at most FARTHEST of them."""
    linear = spec["linear"]
    distance = (expanded(matrix, spec) - np.array(linear["means"])) / np.array(linear["scales"])
    return np.clip(distance, -FARTHEST, FARTHEST)


def horizon_days(typical_gap_days: np.ndarray, rules: dict) -> np.ndarray:
    """The label's horizon, shape (n,): `gaps` usual gaps, from `min_days` to `max_days` (that if unknown)."""
    days = np.ceil(rules["gaps"] * np.where(np.isnan(typical_gap_days), np.inf, typical_gap_days))
    return np.clip(days, rules["min_days"], rules["max_days"])


def log_cumulative_hazard(rows: pd.DataFrame, survival: dict) -> np.ndarray:
    """ln of the cumulative baseline hazard at the end of each row's horizon, shape (n,)."""
    gaps = rows["typical_gap_days"].to_numpy(dtype=float, na_value=np.nan)
    months = horizon_days(gaps, survival["horizon"]) / DAYS_PER_MONTH
    return np.log(np.interp(months, np.arange(len(survival["cumulative"])), survival["cumulative"]))


def history(rows: pd.DataFrame, spec: dict) -> np.ndarray:
    """The columns of HISTORY, shape (n, 4); unknown and infinite values become the median customer's."""
    median = np.array([spec["purchases"]["median"][name] for name in HISTORY])
    known = np.column_stack([rows[name].to_numpy(dtype=float, na_value=np.nan) for name in HISTORY])
    return np.where(np.isfinite(known), known, median)


def log_odds_of_silence(histories: np.ndarray, purchases: dict) -> np.ndarray:
    """ln(p / (1 - p)) with p = exp(-expected purchases in the horizon), shape (n,).

    Falls as the expected purchases rise, so the ranking is theirs.
    """
    repeats, first, last, gap = histories.T
    age = np.maximum(first, 0) / DAYS_PER_WEEK
    recency = np.clip((first - last) / DAYS_PER_WEEK, 0, age)
    ahead = horizon_days(gap, purchases["horizon"]) / DAYS_PER_WEEK
    expected = expected_purchases(purchases, np.maximum(repeats, 0), recency, age, ahead)
    return -np.log(np.expm1(np.clip(expected, 1e-6, 30)))


def expected_purchases(parameters: dict, repeats, recency, age, ahead) -> np.ndarray:
    """Purchases expected in the time `ahead` by the MBG/NBD (r, alpha, a, b; times in weeks), shape (n,).

    Batislam, Denizel and Filiztekin 2007; Hoppe and Wagner 2007: with u = ahead / (alpha + age + ahead), the
    expectation over the gamma rate and the beta chance to leave, given the history, is
    P(alive) (a + b + x) / (a - 1) (1 - ((alpha + age) / (alpha + age + ahead))^(r + x)
    2F1(r + x, b + x + 1; a + b + x; u)).
    """
    from scipy.special import hyp2f1

    r, alpha, a, b = (parameters[name] for name in ("r", "alpha", "a", "b"))
    # The formula has a gap at a = 1, where its limit is finite; next to it the difference is invisible.
    a = a if abs(a - 1) > 1e-6 else 1 + 1e-6
    silence = (r + repeats) * np.log((alpha + age) / (alpha + recency))
    gone = a / (b + repeats) * np.exp(np.minimum(silence, 500))
    power = ((alpha + age) / (alpha + age + ahead)) ** (r + repeats)
    series = hyp2f1(r + repeats, b + repeats + 1, a + b + repeats, ahead / (alpha + age + ahead))
    if_alive = (a + b + repeats) / (a - 1) * (1 - power * series)
    # Where the series fails (very many purchases), as if nobody could leave: the rate goes on.
    plain = (r + repeats) / (alpha + age) * ahead
    return np.where(np.isfinite(if_alive), np.clip(if_alive, 0, plain), plain) / (1 + gone)


def shapley_of_history(rows: pd.DataFrame, spec: dict) -> np.ndarray:
    """Exact Shapley values of HISTORY against the median customer (Sundararajan and Najmi 2020).

    In the columns of the spec's features, shape (n, features); they add up to the score less the median's.
    """
    from itertools import combinations
    from math import factorial

    known, purchases = history(rows, spec), spec["purchases"]
    median = np.array([purchases["median"][name] for name in HISTORY])
    count = len(HISTORY)
    worth = {}
    for size in range(count + 1):
        for taken in combinations(range(count), size):
            mixed = np.where(np.isin(np.arange(count), taken), known, median)
            worth[taken] = log_odds_of_silence(mixed, purchases)
    parts = np.zeros((len(rows), len(spec["features"])))
    for place, name in enumerate(HISTORY):
        for taken in (each for each in worth if place not in each):
            weight = factorial(len(taken)) * factorial(count - len(taken) - 1) / factorial(count)
            more = worth[tuple(sorted((*taken, place)))] - worth[taken]
            parts[:, spec["features"].index(name)] += weight * more
    return parts


mlflow.models.set_model(ChurnModel())
