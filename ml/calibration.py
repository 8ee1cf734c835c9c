"""Calibration: from a candidate's raw log-odds to probabilities that hold in the months to come.

Three curves: a sigmoid (Platt 1999), beta calibration (Kull, Silva Filho and Flach 2017, Beyond sigmoids,
EJS 11(2), 5052-5080) and isotonic regression (Zadrozny and Elkan 2002). Each is fitted on one rolling fold
and judged on the next one; the one that was best in the months after its own is fitted on the newest fold and
used. The newest only, since the rate at which people leave moves with time (docs/experiments.md).
"""

import numpy as np

METHODS = ("sigmoid", "beta", "isotonic")


def choose_calibration(log_odds: list[np.ndarray], label: list[np.ndarray], is_later, parameters) -> dict:
    """The curve to use, as ChurnModel.calibrated takes it, with `compared`: each method's mean error.

    Args:
        log_odds, label: by fold, oldest first, of rows that the fold's model had not learned from.
        is_later: each fold is later than the one before it; else they are folds of customers.
    """
    rules, bins = parameters["calibration"], parameters["evaluation"]["calibration_bins"]
    trials = [
        (slice(place - 1, place) if is_later else slice(0, place), place) for place in range(1, len(log_odds))
    ]
    errors: dict[str, list[float]] = {}
    for method in METHODS:
        for earlier, place in trials:
            curve = fit_curve(method, _joined(log_odds[earlier]), _joined(label[earlier]), parameters)
            if curve["method"] == method:
                said = apply_curve(curve, log_odds[place])
                errors.setdefault(method, []).append(binned_error(said, label[place], bins))
    # Only methods that could be judged on every fold are comparable.
    compared = {name: float(np.mean(found)) for name, found in errors.items() if len(found) == len(trials)}
    best = min(compared.values(), default=0.0) + rules["prefer_simple_within_error"]
    chosen = next((name for name, error in compared.items() if error <= best), "sigmoid")
    newest = slice(-1, None) if is_later else slice(None)
    curve = fit_curve(chosen, _joined(log_odds[newest]), _joined(label[newest]), parameters)
    return {**curve, "compared": compared}


def fit_curve(method: str, log_odds: np.ndarray, label: np.ndarray, parameters: dict) -> dict:
    """One curve; `beta` and `isotonic` fall back to the sigmoid where the data cannot carry them."""
    smaller = min(int(label.sum()), int(len(label) - label.sum()))
    if method == "isotonic" and smaller >= parameters["calibration"]["isotonic_min_each_class"]:
        from sklearn.isotonic import IsotonicRegression

        steps = IsotonicRegression(out_of_bounds="clip").fit(log_odds, label)
        return {"method": "isotonic", "x": steps.X_thresholds_.tolist(), "y": steps.y_thresholds_.tolist()}
    if method == "beta":
        intercept, coefficients = _logistic(beta_terms(log_odds), label)
        # A falling part would turn the ranking round at one end.
        if (coefficients > 0).all():
            of_stay, of_go = coefficients.tolist()
            return {"method": "beta", "intercept": intercept, "below": of_stay, "above": of_go}
    intercept, (slope,) = _logistic(log_odds[:, None], label)
    # A falling sigmoid would turn the ranking round; a model that bad gets the base rate instead.
    if slope <= 0:
        base = float(np.clip(label.mean(), 0.001, 0.999))
        return {"method": "sigmoid", "intercept": float(np.log(base / (1 - base))), "slope": 0.0}
    return {"method": "sigmoid", "intercept": intercept, "slope": float(slope)}


def apply_curve(curve: dict, log_odds: np.ndarray) -> np.ndarray:
    """Probabilities, shape (n,), as the served model gives them."""
    from ml.served import ChurnModel

    return ChurnModel({"calibration": curve}).calibrated(log_odds)


def beta_terms(log_odds: np.ndarray) -> np.ndarray:
    """ln p and -ln(1 - p) of the raw probability, shape (n, 2); from log-odds, so that none is -inf."""
    return np.stack([-np.logaddexp(0, -log_odds), np.logaddexp(0, log_odds)], axis=1)


def binned_error(probability: np.ndarray, label: np.ndarray, bins: int) -> float:
    """Mean distance of said and seen over bins of equally many rows, as ml.evaluate has it."""
    from ml.evaluate import Scored, calibration_error

    return calibration_error(Scored(probability, label), np.ones(len(label)), bins)


def _logistic(columns: np.ndarray, label: np.ndarray) -> tuple[float, np.ndarray]:
    from sklearn.linear_model import LogisticRegression

    # In standard deviations: scores that hardly differ would otherwise end the search before it has begun.
    mean, spread = columns.mean(axis=0), np.maximum(columns.std(axis=0), 1e-12)
    model = LogisticRegression(C=1e6, max_iter=1000).fit((columns - mean) / spread, label)
    coefficients = model.coef_[0] / spread
    return float(model.intercept_[0] - coefficients @ mean), coefficients


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts)
