"""The cut in time: order, embargo, fallbacks, and what is said when there is too little."""

import pandas as pd
import pytest

from ml.frame import Frame
from ml.settings import parameters
from ml.split import TooLittleData, split_frame

MONTHS = pd.date_range("2020-01-31", periods=40, freq="ME")


def frame_of(months, horizon_days=180, customers=300, label=None, share_labelled=1.0) -> Frame:
    """Every customer in every month; each third one churned, unless `label` is given."""
    rows = pd.DataFrame(
        [
            (f"c{i}", month, month + pd.Timedelta(days=horizon_days), i % 3 == 0 if label is None else label)
            for month in months
            for i in range(customers)
        ],
        columns=["customer_id", "as_of_date", "horizon_ends_on", "label"],
    )
    rows["label"] = rows["label"].astype(int)
    counts = pd.DataFrame(
        {"as_of_date": months, "candidates": customers, "labelled": int(customers * share_labelled)}
    )
    return Frame(rows, [], counts, [])


def cut(frame: Frame):
    return split_frame(frame, parameters())


def test_parts_follow_each_other_without_any_horizon_reaching_into_the_next():
    frame = frame_of(MONTHS)
    split = cut(frame)
    rows = frame.rows
    assert split.calibrate_by == "slice"
    assert sorted(rows.loc[split.test, "as_of_date"].unique()) == list(MONTHS[-3:])
    first_test = rows.loc[split.test, "as_of_date"].min()
    first_calibration = rows.loc[split.calibration, "as_of_date"].min()
    assert rows.loc[split.calibration, "horizon_ends_on"].max() <= first_test
    assert rows.loc[split.train, "horizon_ends_on"].max() <= first_calibration
    assert not (split.train & split.calibration).any()
    assert not (split.train & split.test).any()


def test_a_horizon_that_ends_on_the_first_test_day_is_used_and_one_a_day_later_is_not():
    frame = frame_of(MONTHS)
    first_test = MONTHS[-3]
    frame.rows.loc[0, "horizon_ends_on"] = first_test
    frame.rows.loc[1, "horizon_ends_on"] = first_test + pd.Timedelta(days=1)
    rules = parameters()
    rules["split"]["calibration_months"] = 0
    frame_split = split_frame(frame, rules)
    assert frame_split.train[0]
    assert not frame_split.train[1]


def test_short_history_calibrates_by_cross_validation():
    split = cut(frame_of(MONTHS[:13]))
    assert split.calibrate_by == "cross_validation"
    assert not split.calibration.any()
    assert split.train.any()


def test_shorter_history_tests_on_fewer_months():
    split = cut(frame_of(MONTHS[:10]))
    assert (split.facts["test_from"], split.facts["test_to"]) == ("2020-09-30", "2020-10-31")
    assert split.facts["train_to"] == "2020-03-31"


def test_months_with_unknown_outcomes_are_no_test():
    frame = frame_of(MONTHS)
    frame.months.loc[frame.months.index[-2:], "labelled"] = 100
    assert cut(frame).facts["test_to"] == f"{MONTHS[-3]:%Y-%m-%d}"


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (frame_of(MONTHS, label=0), "both outcomes"),
        (frame_of(MONTHS, label=1), "both outcomes"),
        (frame_of(MONTHS[:4]), "more history"),
        (frame_of(MONTHS, customers=90), "customers"),
        (frame_of(MONTHS, share_labelled=0.5), "a month whose customers' outcomes are known"),
    ],
)
def test_too_little_data_says_what_is_missing(frame, words):
    with pytest.raises(TooLittleData, match=words):
        cut(frame)


def test_everything_censored_is_too_little_data():
    frame = frame_of(MONTHS[:2])
    frame = Frame(frame.rows.iloc[:0], [], frame.months.assign(labelled=0), [])
    with pytest.raises(TooLittleData, match="all censored"):
        cut(frame)


def test_nobody_to_learn_from_is_too_little_data():
    empty = frame_of(MONTHS[:1])
    frame = Frame(empty.rows.iloc[:0], [], empty.months.iloc[:0], [])
    with pytest.raises(TooLittleData, match="customers who booked"):
        cut(frame)
