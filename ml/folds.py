"""Folds inside the training part: what chooses, tunes and calibrates the candidates without seeing the test.

Rolling origin (Tashman 2000, Out-of-sample tests of forecasting accuracy, International Journal of
Forecasting 16(4), 437-450): learn from what was known on a date, validate on the months from that date on;
then a later date. The embargo is the label's horizon: a training row counts only when its horizon had ended
by the date.
Where the history is too short for two such folds, the customers are dealt into folds instead.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.sentences import Sentence, words

say = words("training")


@dataclass(frozen=True)
class Fold:
    """Boolean masks over the frame's rows.

    Attributes:
        train, validate: without overlap.
        known_until: nothing of a later date may be used to learn.
        is_later: the validation months begin on known_until; else they are those of other customers.
    """

    train: np.ndarray
    validate: np.ndarray
    known_until: pd.Timestamp
    is_later: bool


def make_folds(
    rows: pd.DataFrame, usable: np.ndarray, known_until: pd.Timestamp, months: pd.DataFrame, parameters: dict
) -> list[Fold]:
    """Rolling-origin folds, oldest first; folds of customers where fewer than `min_folds` of those fit.

    Args:
        rows: of the frame (customer_id, as_of_date, horizon_ends_on, label).
        usable: rows whose outcome was known on `known_until`.
        months: Frame.months, how many rows of each month could have a label and have one.
    """
    rules = parameters["split"]
    sampled = usable & is_sampled(rows["customer_id"], int(usable.sum()), rules["fold_rows"])
    folds = _rolling(rows, usable, sampled, months, rules)
    if len(folds) >= rules["min_folds"]:
        return folds
    return _by_customer(rows, sampled, known_until, parameters["calibration"]["folds"])


def is_sampled(customers: pd.Series, rows: int, most: int) -> np.ndarray:
    """Whole customers, chosen by hash, so that about `most` of `rows` rows remain; shape (n,)."""
    if rows <= most:
        return np.ones(len(customers), dtype=bool)
    # Other digits of the hash than those that deal customers into folds.
    return _hash(customers) // 1024 % 10_000 < 10_000 * most / rows


def whole_months(
    rows: pd.DataFrame, usable: np.ndarray, months: pd.DataFrame, share: float
) -> list[pd.Timestamp]:
    """Months of which the outcome of at least `share` of the customers was known, oldest first.

    The others hold the frequent travellers only, whose horizons are short.
    """
    kept = pd.Series(usable).groupby(rows["as_of_date"].to_numpy()).mean()
    known = months.set_index("as_of_date")
    known = known["labelled"] / known["candidates"]
    complete = kept * known.reindex(kept.index).fillna(0.0)
    return sorted(complete[complete >= share].index)


def shortcomings(part: str, chosen: pd.DataFrame, rules: dict) -> list[Sentence]:
    """What is missing in some rows to learn from (`part` is training) or to measure on (test)."""
    named, missing = say(f"part_{part}"), []
    churned, needed = int(chosen["label"].sum()), rules["min_rows_each_class"]
    for word, rows in (("churned", churned), ("kept", len(chosen) - churned)):
        if rows < needed:
            missing.append(say(f"too_few_{word}", part=named, needed=needed, rows=rows))
    customers = chosen["customer_id"].nunique()
    if customers < rules["min_customers"]:
        missing.append(
            say("too_few_customers", part=named, needed=rules["min_customers"], customers=customers)
        )
    return missing


def _rolling(rows: pd.DataFrame, usable, sampled, months: pd.DataFrame, rules: dict) -> list[Fold]:
    whole = whole_months(rows, usable, months, rules["min_labelled_share"])
    size, folds = rules["fold_months"], []
    for end in range(len(whole), size - 1, -size):
        held_out = whole[end - size : end]
        train = sampled & (rows["horizon_ends_on"] <= held_out[0]).to_numpy()
        validate = sampled & rows["as_of_date"].isin(held_out).to_numpy()
        learned = rows.loc[train]
        if (
            shortcomings("training", learned, rules)
            or shortcomings("test", rows.loc[validate], rules)
            or learned["as_of_date"].nunique() < rules["min_training_months"]
        ):
            break
        folds.append(Fold(train, validate, held_out[0], is_later=True))
        if len(folds) == rules["folds"]:
            break
    return folds[::-1]


def _by_customer(
    rows: pd.DataFrame, sampled: np.ndarray, known_until: pd.Timestamp, count: int
) -> list[Fold]:
    number = _hash(rows["customer_id"]) % count
    return [
        Fold(sampled & (number != each), sampled & (number == each), known_until, is_later=False)
        for each in range(count)
        if _has_both(rows["label"][sampled & (number == each)])
        and _has_both(rows["label"][sampled & (number != each)])
    ]


def _has_both(label: pd.Series) -> bool:
    return label.nunique() == 2


def _hash(customers: pd.Series) -> np.ndarray:
    return pd.util.hash_array(customers.to_numpy(dtype=object)).astype(np.int64) & 0x7FFF_FFFF
