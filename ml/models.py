"""Step 3, the candidates: each fitted on the training rows and calibrated on the folds inside them.

The inactivity rule, the baseline, is in rule.py: it must score even where nothing can be learned. How one
kind is fitted is in fitting.py.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.calibration import choose_calibration
from ml.fitting import KINDS, Lesson, fit, why_not
from ml.folds import Fold, make_folds
from ml.frame import Frame
from ml.rule import InactivityRule
from ml.served import ChurnModel
from ml.split import Split

__all__ = ["ENSEMBLE", "KINDS", "Candidate", "blend", "fit_candidate", "fit_final", "fit_rule", "why_not"]

#: The mean of other candidates' scores; chosen only if a paired test says that it is better (train.py).
ENSEMBLE = "ensemble"


@dataclass
class Candidate:
    """A fitted, calibrated model and the scores it gave on the folds.

    Attributes:
        folds: validation rows' positions, by fold, oldest first.
        fold_log_odds: their scores by a model that had learned only from the fold's training rows.
    """

    model: ChurnModel
    folds: list[np.ndarray]
    fold_log_odds: list[np.ndarray]


def fit_candidate(
    kind: str,
    rows: pd.DataFrame,
    features: list[str],
    split: Split,
    parameters: dict,
    frame: Frame | None = None,
) -> Candidate:
    """Fit on the split's training rows; calibrate on its folds.

    Args:
        rows: the frame's.
        frame: with its unfinished rows and histories; without it the survival model knows the labelled
            rows only, and buy-till-you-die the purchases of those who were not lost.
    """
    if kind == ENSEMBLE:
        return _fit_ensemble(
            rows,
            parameters,
            lambda member: fit_candidate(member, rows, features, split, parameters, frame),
        )
    most = parameters["candidates"]["survival"]["max_rows"]
    whole = _lesson(rows, split.train, split.known_until, frame, most)
    return _fit_with_folds(kind, rows, features, whole, split.folds, parameters, frame)


def fit_final(
    kind: str, rows: pd.DataFrame, features: list[str], parameters: dict, frame: Frame | None = None
) -> ChurnModel:
    """The model to serve: fitted on every labelled row, calibrated on folds up to the newest months."""
    return _fit_final(kind, rows, features, parameters, frame).model


def _fit_final(
    kind: str, rows: pd.DataFrame, features: list[str], parameters: dict, frame: Frame | None
) -> Candidate:
    if kind == ENSEMBLE:
        return _fit_ensemble(
            rows, parameters, lambda member: _fit_final(member, rows, features, parameters, frame)
        )
    everything = np.ones(len(rows), dtype=bool)
    # A day on which all of this was known; the frame itself may be of later.
    known_until = rows["horizon_ends_on"].max()
    months = frame.months if frame is not None else _all_labelled(rows)
    folds = make_folds(rows, everything, known_until, months, parameters)
    most = parameters["candidates"]["survival"]["max_rows"]
    whole = _lesson(rows, everything, known_until, frame, most)
    return _fit_with_folds(kind, rows, features, whole, folds, parameters, frame)


def fit_rule(rows: pd.DataFrame, parameters: dict, by: str = "overdue_ratio") -> InactivityRule:
    """An inactivity rule (`by`: of ml.rule.RULES) with its two numbers from labelled rows."""
    return InactivityRule.fit_rows(rows, parameters, by)


def blend(members: list[Candidate], rows: pd.DataFrame, parameters: dict) -> Candidate:
    """The mean of the members' scores, each brought to one scale by a sigmoid on the newest fold.

    A sum of scores has the sum of their parts as its parts, so its reasons are exact.
    """
    from ml.calibration import fit_curve

    first = members[0]
    label = rows["label"].to_numpy()
    newest = label[first.folds[-1]]
    scores = [[_score(each.model, log_odds) for log_odds in each.fold_log_odds] for each in members]
    slopes = [fit_curve("sigmoid", each[-1], newest, parameters)["slope"] for each in scores]
    weights = [slope / len(members) for slope in slopes]
    fold_log_odds = [
        sum(weight * each[place] for weight, each in zip(weights, scores, strict=True))
        for place in range(len(first.folds))
    ]
    shared = {name: first.model.spec[name] for name in ("features", "categories", "base_rate", "threads")}
    spec = {"kind": ENSEMBLE, **shared, "weights": weights}
    is_later = first.model.spec["calibration"]["is_later"]
    labels = [label[positions] for positions in first.folds]
    spec["calibration"] = choose_calibration(fold_log_odds, labels, is_later, parameters)
    spec["calibration"]["is_later"] = is_later
    model = ChurnModel(spec, members=[each.model for each in members])
    return Candidate(model, first.folds, fold_log_odds)


def _score(model: ChurnModel, log_odds: np.ndarray) -> np.ndarray:
    """ChurnModel.score from ChurnModel.log_odds: for `survival` -ln(-ln p), else the same."""
    return -np.log(np.logaddexp(0, -log_odds)) if model.spec["kind"] == "survival" else log_odds


def _fit_ensemble(rows: pd.DataFrame, parameters: dict, fit_member) -> Candidate:
    members = [fit_member(kind) for kind in parameters["candidates"]["ensemble"]["members"]]
    return blend(members, rows, parameters)


def _fit_with_folds(
    kind: str,
    rows: pd.DataFrame,
    features: list[str],
    whole: Lesson,
    folds: list[Fold],
    parameters: dict,
    frame: Frame | None,
) -> Candidate:
    """A model of the whole lesson, and scores for each fold's validation rows from a model of the fold's own.

    The fits are independent, so some go side by side; which finishes first changes nothing.
    """
    from threadpoolctl import threadpool_limits

    def fit_one(fold: Fold | None):
        if fold is None:
            return fit(kind, whole, features, parameters)
        outside = set() if fold.is_later else set(rows.loc[fold.validate, "customer_id"])
        most = parameters["split"]["fold_rows"]
        lesson = _lesson(rows, fold.train, fold.known_until, frame, most, outside)
        return fit(kind, lesson, features, parameters).log_odds(rows.loc[fold.validate])

    # Set here, too: limits are the process's, and each fit puts back what it found.
    with threadpool_limits(parameters["threads"]), ThreadPoolExecutor(parameters["fold_threads"]) as pool:
        model, *fold_log_odds = pool.map(fit_one, [None, *folds])
    # From here on nothing is fitted beside it.
    model.spec["threads"] = parameters["scoring_threads"]
    positions = [np.flatnonzero(fold.validate) for fold in folds]
    label = rows["label"].to_numpy()
    is_later = bool(folds) and folds[0].is_later
    if folds:
        labels = [label[each] for each in positions]
        model.spec["calibration"] = choose_calibration(fold_log_odds, labels, is_later, parameters)
    model.spec["calibration"]["is_later"] = is_later
    return Candidate(model, positions, fold_log_odds)


def _lesson(
    rows: pd.DataFrame,
    train: np.ndarray,
    known_until: pd.Timestamp,
    frame: Frame | None,
    most_followed: int,
    without: set | frozenset = frozenset(),
) -> Lesson:
    learned = rows.loc[train]
    extra = {} if frame is None else {"unfinished": frame.unfinished, "histories": frame.histories}
    return Lesson(learned, known_until, rows, most_followed, without=without, **extra)


def _all_labelled(rows: pd.DataFrame) -> pd.DataFrame:
    counts = rows.groupby("as_of_date").size()
    return pd.DataFrame({"as_of_date": counts.index, "candidates": counts.values, "labelled": counts.values})
