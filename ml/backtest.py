"""Models of the past: what a training at an earlier month end would have known, and said afterwards.

At each origin (every `refit_months`) the chosen kind is fitted on outcomes that were known by then, and
scores the months from there on. No month is scored by a model that learned from an outcome behind it. Only
the kind and its settings were chosen later, on today's training months; they are the same for all origins.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ml.folds import is_sampled
from ml.frame import Frame
from ml.split import TooLittleData, split_frame


@dataclass
class Backtest:
    """Rows of whole labelled months from the first origin on, as models of then scored them.

    Attributes:
        rows: of the frame, with customer_id, as_of_date, label and the features.
        origins: month ends at which a model was fitted, oldest first.
        oldest: probabilities of the first origin's model, shape (n,).
        newest: of the model that was the newest on the row's date, shape (n,).
        newest_log_odds: the same uncalibrated: calibration by steps makes ties that no threshold splits.
        one_customer_in: of how many customers one was kept (1: all).
    """

    rows: pd.DataFrame
    origins: list[pd.Timestamp]
    oldest: np.ndarray
    newest: np.ndarray
    newest_log_odds: np.ndarray
    one_customer_in: int


def labelled_months(frame: Frame, parameters: dict) -> list[pd.Timestamp]:
    """Month ends whose customers' outcomes are nearly all known, oldest first."""
    share = frame.months["labelled"] / frame.months["candidates"]
    return list(frame.months.loc[share >= parameters["split"]["min_labelled_share"], "as_of_date"])


def backtest(frame: Frame, kind: str, parameters: dict) -> Backtest | None:
    """Fit and score along the calendar; None where the history is too short for a first model.

    The first origin lies `lookback_months` before the months whose losses are looked at (early_warning.py),
    or as soon after it as there is enough to learn from, down to `min_lookback_months`.

    Args:
        parameters: with the settings that were chosen for the kind.
    """
    rules = parameters["evaluation"]
    most = rules["backtest"]["max_rows"]
    parameters = {**parameters, "split": {**parameters["split"], "folds": rules["backtest"]["folds"]}}
    sampled = _sampled(frame, most)
    months = labelled_months(sampled, parameters)
    first_loss = len(months) - rules["early_warning"]["loss_months"]
    earliest = max(0, first_loss - rules["early_warning"]["lookback_months"])
    latest = first_loss - rules["early_warning"]["min_lookback_months"]
    models = {}
    for place in range(earliest, latest + 1):
        if (model := _fitted_by(sampled, months[place], kind, parameters)) is not None:
            models[months[place]] = model
            break
    else:
        return None
    step = rules["backtest"]["refit_months"]
    for origin in months[place + step :: step]:
        if (model := _fitted_by(sampled, origin, kind, parameters)) is not None:
            models[origin] = model
    return _scored(
        sampled.rows[sampled.rows["as_of_date"].isin(months[place:])], models, -(-len(frame.rows) // most)
    )


def _sampled(frame: Frame, most: int) -> Frame:
    """Whole customers, chosen by hash, so that about `most` rows are left; the months stay those of all."""
    if len(frame.rows) <= most:
        return frame
    kept = {}
    for name in ("rows", "unfinished"):
        table = getattr(frame, name)
        if len(table):
            mask = is_sampled(table["customer_id"], len(frame.rows), most)
            kept[name] = table[mask].reset_index(drop=True)
    return replace(frame, **kept)


def _fitted_by(frame: Frame, origin: pd.Timestamp, kind: str, parameters: dict):
    """The model of outcomes known by `origin`, None where they do not suffice."""
    from ml.models import fit_candidate

    try:
        split = split_frame(frame, parameters, test_month=origin)
    except TooLittleData:
        return None
    return fit_candidate(kind, frame.rows, frame.features, split, parameters, frame).model


def _scored(rows: pd.DataFrame, models: dict, one_customer_in: int) -> Backtest:
    origins = sorted(models)
    oldest = models[origins[0]].predict(None, rows)
    newest, log_odds = np.empty(len(rows)), np.empty(len(rows))
    dates = rows["as_of_date"].to_numpy()
    for place, origin in enumerate(origins):
        until = origins[place + 1] if place + 1 < len(origins) else pd.Timestamp.max
        mask = (dates >= np.datetime64(origin)) & (dates < np.datetime64(until))
        newest[mask] = models[origin].predict(None, rows.loc[mask])
        log_odds[mask] = models[origin].log_odds(rows.loc[mask])
    return Backtest(rows, origins, np.asarray(oldest), newest, log_odds, one_customer_in)
