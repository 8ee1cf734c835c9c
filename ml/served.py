"""What MLflow holds and serves: this file as code, and one folder of plain files beside it. No pickle.

The folder: `model.json` (kind, features, category levels, calibration, the linear model's numbers) and, for
LightGBM, `lightgbm.txt` in its own text format; loading runs no code from it. This file imports nothing of
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


class ChurnModel(mlflow.pyfunc.PythonModel):
    """A fitted model: encoding, log-odds, calibration, and each feature's part in the log-odds.

    Args:
        spec: what model.json holds; empty until loaded.
        booster: the lightgbm.Booster, None for the linear model.
    """

    def __init__(self, spec: dict | None = None, booster=None):
        self.spec = spec or {}
        self.booster = booster

    def load_context(self, context) -> None:
        self.load(Path(context.artifacts["model"]))

    def load(self, folder: Path) -> "ChurnModel":
        self.spec = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        if self.spec["kind"] == "lightgbm":
            import lightgbm

            self.booster = lightgbm.Booster(model_file=str(folder / "lightgbm.txt"))
        return self

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.json").write_text(json.dumps(self.spec, indent=1), encoding="utf-8")
        if self.spec["kind"] == "lightgbm":
            self.booster.save_model(str(folder / "lightgbm.txt"))

    def predict(self, context, model_input: pd.DataFrame, params: dict | None = None) -> np.ndarray:
        """Calibrated probabilities, shape (n,); the order of the columns does not matter."""
        return self.calibrated(self.log_odds(model_input))

    def log_odds(self, rows: pd.DataFrame) -> np.ndarray:
        """Uncalibrated log-odds, shape (n,)."""
        if len(rows) == 0:
            return np.zeros(0)
        matrix = encode(rows, self.spec)
        if self.spec["kind"] == "lightgbm":
            return self.booster.predict(matrix, raw_score=True, num_threads=self.spec["threads"])
        linear = self.spec["linear"]
        return standardised(matrix, self.spec) @ np.array(linear["coefficients"]) + linear["intercept"]

    def calibrated(self, log_odds: np.ndarray) -> np.ndarray:
        calibration = self.spec["calibration"]
        if calibration["method"] == "isotonic":
            probability = np.interp(log_odds, calibration["x"], calibration["y"])
        else:
            probability = 1 / (1 + np.exp(-(calibration["intercept"] + calibration["slope"] * log_odds)))
        return np.clip(probability, SMALLEST, LARGEST)

    def contributions(self, rows: pd.DataFrame) -> np.ndarray:
        """Each feature's part in the log-odds against the average training row, shape (n, features).

        TreeSHAP (Lundberg et al. 2020) as LightGBM computes it; for the linear model coefficient times
        distance from the training mean, summed over a feature's columns. Positive raises the risk.
        """
        features = len(self.spec["features"])
        if len(rows) == 0:
            return np.zeros((0, features))
        matrix = encode(rows, self.spec)
        if self.spec["kind"] == "lightgbm":
            return self.booster.predict(matrix, pred_contrib=True, num_threads=self.spec["threads"])[:, :-1]
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
    columns = []
    for name in spec["features"]:
        if name in spec["categories"]:
            levels = {level: code for code, level in enumerate(spec["categories"][name])}
            values = rows[name].astype(object)
            codes = values.map(levels).astype(float)
            codes[codes.isna() & values.notna()] = float(len(levels))
            columns.append(codes.to_numpy())
        else:
            numbers = rows[name].to_numpy(dtype=float, na_value=np.nan)
            columns.append(np.where(np.isfinite(numbers), numbers, np.nan))
    matrix = np.column_stack(columns)
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


mlflow.models.set_model(ChurnModel())
