"""Which learner ranks customers by what an action changes, judged on customers it has not seen."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from ml.uplift.expected import fold_of
from ml.uplift.learners import CONTROLS, LEARNERS, fit
from ml.uplift.settings import parameters
from ml.uplift.shrunk import fit_shrunk, without_later


@dataclass
class Comparison:
    """What was found.

    Attributes:
        scores: learner → qini, auuc (means over folds, reporting currency a customer), qini_spread (standard
            deviation over folds) and qini_folds.
        chosen, reason: the learner in use, and why.
        curves: learner → gain by share treated, shape (101,): mean over folds.
    """

    scores: dict[str, dict]
    chosen: str
    reason: str
    curves: dict[str, np.ndarray]


def compare(rows: pd.DataFrame) -> Comparison:
    """Fit every learner on all folds of customers but one, and judge it on that one (UpliftFrame.learned)."""
    chosen = parameters()["comparison"]
    fold = fold_of(rows["customer_id"], chosen["folds"], salt="uplift")
    later = fit_shrunk(rows, "value", "expected_value", "expected_margin")
    clean = rows.assign(value=without_later(rows, "value", later))
    clean = clean.drop(columns=[n for n in rows if n.startswith("dose_")]).assign(
        **{n: 0.0 for n in rows if n.startswith("dose_")}
    )
    gains: dict[str, list[np.ndarray]] = {name: [] for name in (*LEARNERS, *CONTROLS)}
    for number in range(chosen["folds"]):
        train, test = clean[fold != number], clean[fold == number]
        train = train.iloc[:: max(1, len(train) // chosen["max_rows"])]
        for name in gains:
            gains[name].append(gain_curve(fit(name, train)(test), test))
    scores = {name: _score(np.array(curves)) for name, curves in gains.items()}
    best, reason = choose(scores)
    return Comparison(scores, best, reason, {name: np.mean(c, axis=0) for name, c in gains.items()})


def gain_curve(ranking: np.ndarray, rows: pd.DataFrame) -> np.ndarray:
    """Gain in value, per customer of all, by the share treated, the highest ranked first; shape (101,).

    Each customer's contribution is unbiased for the effect on them: (T − p)/(p(1 − p)) × (value − expected),
    a doubly robust form of Qini's (Radcliffe 2007).
    """
    p = rows["treated_share"].to_numpy(float)
    residual = (rows["value"] - rows["expected_value"]).to_numpy(float)
    parts = (rows["is_treated"].to_numpy(float) - p) / (p * (1 - p)) * residual
    # Ties as they come in the file would favour whoever registered first.
    order = np.lexsort((np.random.default_rng(parameters()["seed"]).random(len(rows)), -ranking))
    gained = np.concatenate([[0.0], np.cumsum(parts[order])]) / len(rows)
    return np.interp(np.linspace(0, 1, 101), np.linspace(0, 1, len(gained)), gained)


def qini(curve: np.ndarray) -> float:
    """Area between a gain curve and the straight line of treating at random."""
    return float(np.trapezoid(curve, dx=0.01) - curve[-1] / 2)


def choose(scores: dict[str, dict]) -> tuple[str, str]:
    """The simplest learner, unless another one's Qini is clearly larger over the folds: by Student's t with
    as few degrees of freedom as there are folds to spare, at a level shared by all others (Bonferroni)."""
    simple = LEARNERS[0]
    best = max(LEARNERS, key=lambda name: scores[name]["qini"])
    gap = np.subtract(scores[best]["qini_folds"], scores[simple]["qini_folds"])
    level = parameters()["comparison"]["preference_level"] / max(1, len(LEARNERS) - 1)
    needed = stats.t.ppf(1 - level, len(gap) - 1)
    se = float(np.std(gap, ddof=1) / np.sqrt(len(gap)))
    if best != simple and gap.mean() > needed * se:
        return (
            best,
            f"its Qini is larger than the shrunk learner's by {gap.mean():.2f} (standard error {se:.2f})",
        )
    return simple, (
        "no other learner ranks better"
        if best == simple
        else f"{best} ranks better by {gap.mean():.2f}, with a standard error of {se:.2f}: not clearly"
    )


def _score(curves: np.ndarray) -> dict:
    found = [qini(curve) for curve in curves]
    return {
        "qini": float(np.mean(found)),
        "qini_spread": float(np.std(found, ddof=1)),
        "qini_folds": [float(value) for value in found],
        "auuc": float(np.mean(np.trapezoid(curves, dx=0.01, axis=1))),
    }
