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


def test_no_training_horizon_reaches_into_the_test():
    frame = frame_of(MONTHS)
    split = cut(frame)
    rows = frame.rows
    assert sorted(rows.loc[split.test, "as_of_date"].unique()) == list(MONTHS[-3:])
    assert split.known_until == MONTHS[-3]
    assert rows.loc[split.train, "horizon_ends_on"].max() <= split.known_until
    assert not (split.train & split.test).any()


def test_folds_roll_forward_inside_the_training_part():
    frame = frame_of(MONTHS)
    split = cut(frame)
    rows = frame.rows
    assert split.calibrate_by == "rolling_origin"
    assert len(split.folds) == 4
    last = MONTHS[0]
    for fold in split.folds:
        validated = rows.loc[fold.validate, "as_of_date"]
        assert fold.known_until == validated.min() > last
        assert rows.loc[fold.train, "horizon_ends_on"].max() <= fold.known_until
        assert not (fold.train & fold.validate).any()
        assert not ((fold.train | fold.validate) & ~split.train).any()
        last = validated.max()
    assert rows.loc[split.folds[-1].validate, "horizon_ends_on"].max() <= split.known_until


def test_a_horizon_that_ends_on_the_first_test_day_is_used_and_one_a_day_later_is_not():
    frame = frame_of(MONTHS)
    first_test = MONTHS[-3]
    frame.rows.loc[0, "horizon_ends_on"] = first_test
    frame.rows.loc[1, "horizon_ends_on"] = first_test + pd.Timedelta(days=1)
    split = cut(frame)
    assert split.train[0]
    assert not split.train[1]


def test_a_month_whose_long_horizons_were_not_over_validates_nothing():
    # Half of the customers have a year's horizon: of the newest months only the other half is known.
    frame = frame_of(MONTHS)
    slow = frame.rows["customer_id"].str.endswith(("1", "3", "5", "7", "9"))
    ends = frame.rows["as_of_date"] + pd.to_timedelta(slow.map({True: 365, False: 180}), unit="D")
    frame.rows["horizon_ends_on"] = ends
    split = cut(frame)
    newest = frame.rows.loc[split.folds[-1].validate, "as_of_date"].max()
    assert newest + pd.Timedelta(days=365) <= split.known_until
    assert frame.rows.loc[split.train, "as_of_date"].max() > newest


def test_short_history_deals_customers_into_folds():
    frame = frame_of(MONTHS[:13])
    split = cut(frame)
    assert split.calibrate_by == "cross_validation"
    assert len(split.folds) == parameters()["calibration"]["folds"]
    customers = frame.rows["customer_id"]
    for fold in split.folds:
        assert set(customers[fold.train]).isdisjoint(customers[fold.validate])
    assert (sum(fold.validate.astype(int) for fold in split.folds) == split.train).all()


def test_folds_of_a_large_company_take_whole_customers():
    frame, rules = frame_of(MONTHS, customers=600), parameters()
    rules["split"]["fold_rows"] = 9000
    split = split_frame(frame, rules)
    fold = split.folds[-1]
    rows, sampled = frame.rows, set(frame.rows.loc[fold.train | fold.validate, "customer_id"])
    assert split.calibrate_by == "rolling_origin"
    assert 200 <= len(sampled) < 400
    of_them = rows["customer_id"].isin(sampled) & (rows["horizon_ends_on"] <= fold.known_until)
    assert (of_them == fold.train).all()
    assert cut(frame).train.sum() == split.train.sum()


def test_the_facts_say_how_many_rows_the_embargo_took_and_who_is_in_both_parts():
    frame = frame_of(MONTHS)
    frame.rows.loc[frame.rows["as_of_date"] >= MONTHS[-3], "customer_id"] += "x"
    facts = cut(frame).facts
    assert facts["test_rows_of_customers_learned_from"] == 0.0
    assert facts["embargo_rows"] == 5 * 300
    assert cut(frame_of(MONTHS)).facts["test_rows_of_customers_learned_from"] == 1.0


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
