"""Step 2, the split: the newest labelled months test, older ones calibrate, the oldest train; nothing
overlaps.

The embargo: what happens in a row's horizon must be over before the next part begins. Without it a training
row of March would hold what the same customer did in May, which is the test row's answer.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ml.frame import Frame


class TooLittleData(Exception):
    """Not a failure: the company is young, or everybody stayed. `what_is_missing` says it in words."""

    def __init__(self, what_is_missing: list[str]):
        super().__init__("; ".join(what_is_missing))
        self.what_is_missing = what_is_missing


@dataclass
class Split:
    """Boolean masks over Frame.rows, and how the probabilities are calibrated.

    Attributes:
        train, calibration, test: masks without overlap; calibration is all False with `cross_validation`.
        calibrate_by: `slice` (later months than the training's) or `cross_validation` (grouped by customer).
        facts: dates and counts, for the log.
    """

    train: np.ndarray
    calibration: np.ndarray
    test: np.ndarray
    calibrate_by: str
    facts: dict = field(default_factory=dict)


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
        only = "churned" if rows["label"].iloc[0] else "stayed"
        raise TooLittleData([f"both outcomes: all {len(rows)} labelled rows {only}"])
    if test_month is not None:
        choices = [[test_month]]
    else:
        share = frame.months["labelled"] / frame.months["candidates"]
        labelled = list(frame.months.loc[share >= rules["min_labelled_share"], "as_of_date"])
        if not labelled:
            raise TooLittleData(
                [f"a month whose customers' outcomes are known for {rules['min_labelled_share']:.0%}"]
            )
        choices = [labelled[-n:] for n in range(min(rules["test_months"], len(labelled)), 0, -1)]
    missing: list[str] = []
    for months in choices:
        split = _cut(rows, months, rules)
        missing = _shortcomings(rows, split, rules)
        if not missing:
            return split
    raise TooLittleData(missing)


def _cut(rows: pd.DataFrame, test_months: list[pd.Timestamp], rules: dict) -> Split:
    test = rows["as_of_date"].isin(test_months).to_numpy()
    before_test = (rows["horizon_ends_on"] <= min(test_months)).to_numpy()
    calibration = np.zeros(len(rows), dtype=bool)
    train, calibrate_by = before_test, "cross_validation"
    if slice_months := _calibration_months(rows, before_test, rules):
        in_slice = before_test & rows["as_of_date"].isin(slice_months).to_numpy()
        earlier = before_test & (rows["horizon_ends_on"] <= min(slice_months)).to_numpy()
        candidate = Split(earlier, in_slice, test, "slice")
        is_affordable = earlier.sum() >= rules["min_slice_training_share"] * before_test.sum()
        if is_affordable and not _shortcomings(rows, candidate, rules):
            train, calibration, calibrate_by = earlier, in_slice, "slice"
    split = Split(train, calibration, test, calibrate_by)
    split.facts = {"calibrate_by": calibrate_by}
    for part in ("train", "calibration", "test"):
        mask = getattr(split, part)
        chosen = rows.loc[mask]
        split.facts |= {f"{part}_rows": int(mask.sum()), f"{part}_customers": chosen["customer_id"].nunique()}
        if mask.any():
            split.facts |= {
                f"{part}_from": f"{chosen['as_of_date'].min():%Y-%m-%d}",
                f"{part}_to": f"{chosen['as_of_date'].max():%Y-%m-%d}",
                f"{part}_base_rate": float(chosen["label"].mean()),
            }
    return split


def _calibration_months(rows: pd.DataFrame, before_test: np.ndarray, rules: dict) -> list[pd.Timestamp]:
    """The newest months of which the embargo leaves nearly all labelled rows."""
    kept = pd.Series(before_test).groupby(rows["as_of_date"].to_numpy()).mean()
    whole = sorted(kept[kept >= rules["min_labelled_share"]].index)
    first = max(0, len(whole) - rules["calibration_months"])
    return whole[first:]


def _shortcomings(rows: pd.DataFrame, split: Split, rules: dict) -> list[str]:
    parts = {"training": split.train, "test": split.test}
    if split.calibrate_by == "slice":
        parts["calibration"] = split.calibration
    missing = []
    for part, mask in parts.items():
        chosen = rows.loc[mask]
        churned = int(chosen["label"].sum())
        for word, n in (("churned", churned), ("kept", len(chosen) - churned)):
            if n < rules["min_rows_each_class"]:
                missing.append(f"{part}: {rules['min_rows_each_class']} {word} rows (there are {n})")
        customers = chosen["customer_id"].nunique()
        if customers < rules["min_customers"]:
            missing.append(f"{part}: {rules['min_customers']} customers (there are {customers})")
        months = chosen["as_of_date"].nunique()
        if part == "training" and months < rules["min_training_months"]:
            missing.append(
                f"training: {rules['min_training_months']} months whose outcome was known before the test "
                f"(there are {months}): more history"
            )
    return missing


def _why_no_labels(frame: Frame) -> list[str]:
    candidates = int(frame.months["candidates"].sum())
    if not candidates:
        return ["customers who booked and are not lost, at a month end"]
    return [f"time: for none of {candidates} rows the outcome is known yet (all censored)"]
