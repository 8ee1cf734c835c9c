"""Step 2, the split: the newest labelled months test, what was known before them trains, in folds of its own.

The embargo: what happens in a row's horizon must be over before the next part begins. Without it a training
row of March would hold what the same customer did in May, which is the test row's answer.

Customers overlap on purpose: tomorrow's customers are today's. What must not overlap is time; how many of the
test's customers were learned from (in earlier months) is in the facts.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ml.folds import Fold, make_folds, shortcomings
from ml.frame import Frame
from ml.sentences import Sentence, words

say = words("training")


class TooLittleData(Exception):
    """Not a failure: the company is young, or everybody stayed. `what_is_missing` says it in words."""

    def __init__(self, what_is_missing: list[Sentence]):
        super().__init__("; ".join(what_is_missing))
        self.what_is_missing = what_is_missing


@dataclass
class Split:
    """Boolean masks over Frame.rows.

    Attributes:
        train, test: masks without overlap; train holds every row whose horizon ended by known_until.
        known_until: the first test date; nothing later may be used to learn.
        folds: inside train; they choose and calibrate, then the model is fitted on all of train.
        facts: dates and counts, for the log.
    """

    train: np.ndarray
    test: np.ndarray
    known_until: pd.Timestamp
    folds: list[Fold]
    facts: dict = field(default_factory=dict)

    @property
    def calibrate_by(self) -> str:
        """`rolling_origin`, or `cross_validation` (by customer) where the history is too short."""
        return "rolling_origin" if self.folds and self.folds[0].is_later else "cross_validation"


def split_frame(frame: Frame, parameters: dict, test_month: pd.Timestamp | None = None) -> Split:
    """Cut the frame in time.

    Args:
        test_month: test on exactly this month end (for measurements); else the newest labelled months, up to
            `test_months` of them, fewer where the history is short.

    Raises:
        TooLittleData: no cut leaves enough to learn from and enough to test on.
    """
    rules = parameters["split"]
    rows = frame.rows
    if rows.empty:
        raise TooLittleData(_why_no_labels(frame))
    if rows["label"].nunique() < 2:
        only = "churned" if rows["label"].iloc[0] else "kept"
        raise TooLittleData([say(f"one_outcome_{only}", rows=len(rows))])
    if test_month is not None:
        choices = [[test_month]]
    else:
        share = frame.months["labelled"] / frame.months["candidates"]
        labelled = list(frame.months.loc[share >= rules["min_labelled_share"], "as_of_date"])
        if not labelled:
            raise TooLittleData([say("no_known_month", share=rules["min_labelled_share"])])
        choices = [labelled[-n:] for n in range(min(rules["test_months"], len(labelled)), 0, -1)]
    missing: list[Sentence] = []
    for months in choices:
        test = rows["as_of_date"].isin(months).to_numpy()
        train = (rows["horizon_ends_on"] <= min(months)).to_numpy()
        missing = _shortcomings(rows.loc[train], rows.loc[test], rules)
        if not missing:
            return _with_folds(frame, train, test, min(months), parameters)
    raise TooLittleData(missing)


def _with_folds(frame: Frame, train, test, known_until: pd.Timestamp, parameters: dict) -> Split:
    rows = frame.rows
    folds = make_folds(rows, train, known_until, frame.months, parameters)
    split = Split(train, test, known_until, folds)
    for part, mask in (("train", train), ("test", test)):
        split.facts |= _facts(part, rows.loc[mask])
    before = (rows["as_of_date"] < known_until).to_numpy()
    seen = rows.loc[test, "customer_id"].isin(rows.loc[train, "customer_id"].unique())
    split.facts |= {
        "calibrate_by": split.calibrate_by,
        # Older than the test, but what became of them was not yet known on its first date.
        "embargo_rows": int((before & ~train).sum()),
        "test_rows_of_customers_learned_from": float(seen.mean()),
        "folds": len(folds),
    }
    for number, fold in enumerate(folds, 1):
        split.facts |= _facts(f"fold_{number}", rows.loc[fold.validate])
        split.facts[f"fold_{number}_training_rows"] = int(fold.train.sum())
    return split


def _facts(part: str, chosen: pd.DataFrame) -> dict:
    return {
        f"{part}_rows": len(chosen),
        f"{part}_customers": chosen["customer_id"].nunique(),
        f"{part}_from": f"{chosen['as_of_date'].min():%Y-%m-%d}",
        f"{part}_to": f"{chosen['as_of_date'].max():%Y-%m-%d}",
        f"{part}_base_rate": float(chosen["label"].mean()),
    }


def _shortcomings(train: pd.DataFrame, test: pd.DataFrame, rules: dict) -> list[Sentence]:
    missing = shortcomings("training", train, rules)
    months = train["as_of_date"].nunique()
    if months < rules["min_training_months"]:
        missing.append(say("too_few_months", needed=rules["min_training_months"], months=months))
    return missing + shortcomings("test", test, rules)


def _why_no_labels(frame: Frame) -> list[Sentence]:
    candidates = int(frame.months["candidates"].sum())
    if not candidates:
        return [say("nobody")]
    return [say("all_censored", rows=candidates)]
