"""No model sees the future: not by a row's horizon, not by a feature's name, not by chance."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from ml.frame import Frame, read_frame
from ml.models import fit_candidate
from ml.settings import NOT_FEATURES, catalogue, check_feature_names, parameters
from ml.split import split_frame
from ml.train import compare
from roundtrip.home import Home
from tests.published_fixture import change_published, publish_made_up


@pytest.fixture(scope="module")
def quick() -> dict:
    chosen = parameters()
    chosen["evaluation"]["bootstrap_replicates"] = 20
    return chosen


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> tuple[Home, date]:
    home = Home(tmp_path_factory.mktemp("leakage") / "home")
    return home, publish_made_up(home, customers=1200, months=32)


@pytest.fixture(scope="module")
def frame(published, quick) -> Frame:
    return read_frame(*published, quick)


def test_no_training_horizon_reaches_into_the_test(frame, quick):
    split = split_frame(frame, quick)
    first_test = frame.rows.loc[split.test, "as_of_date"].min()
    learned = frame.rows.loc[split.train]
    assert len(learned) > 1000
    assert learned["horizon_ends_on"].max() <= first_test


def test_shuffled_labels_teach_nothing(frame, quick):
    # Within a month, so that only the tie between customer and outcome is cut.
    random = np.random.default_rng(11)
    shuffled = frame.rows.copy()
    shuffled["label"] = shuffled.groupby("as_of_date")["label"].transform(
        lambda label: random.permutation(label.to_numpy())
    )
    blind = Frame(shuffled, frame.features, frame.months, frame.messages)
    found = compare(blind, split_frame(blind, quick), quick)
    for kind in ("logistic", "lightgbm"):
        assert found.evaluation["models"][kind]["roc_auc"]["value"] == pytest.approx(0.5, abs=0.06)


def test_what_a_survival_model_watches_ends_when_the_test_begins(frame, quick):
    split = split_frame(frame, quick)
    later = Frame(
        # Whatever is booked after the first test date: as if nobody ever came back.
        frame.rows.assign(booked_in_months=_until(frame.rows, split.known_until)),
        frame.features,
        frame.months,
        frame.messages,
        frame.unfinished.assign(booked_in_months=_until(frame.unfinished, split.known_until)),
        frame.histories[frame.histories["fitted_on"] <= split.known_until],
    )
    assert later.data_hash != frame.data_hash
    for kind in ("survival", "buy_till_you_die"):
        one, other = (
            fit_candidate(kind, each.rows, each.features, split, quick, each).model for each in (frame, later)
        )
        test = frame.rows.loc[split.test]
        assert np.array_equal(one.predict(None, test), other.predict(None, test))


def _until(rows: pd.DataFrame, day: pd.Timestamp) -> pd.Series:
    months = (day.year - rows["as_of_date"].dt.year) * 12 + day.month - rows["as_of_date"].dt.month
    return rows["booked_in_months"].where(rows["booked_in_months"] <= months)


def test_the_same_pipeline_does_learn_from_true_labels(frame, quick):
    found = compare(frame, split_frame(frame, quick), quick)
    for kind in ("logistic", "lightgbm"):
        assert found.evaluation["models"][kind]["roc_auc"]["value"] > 0.65


def test_a_label_is_used_only_when_it_was_known_on_the_date(published, quick):
    home, _ = published
    earlier = date(2024, 1, 31)
    rows = read_frame(home, earlier, quick).rows
    assert rows["horizon_ends_on"].max() <= pd.Timestamp(earlier)
    assert len(rows) > 0


def test_an_earlier_frame_is_the_earlier_part_of_a_later_one(published, frame, quick):
    earlier = pd.Timestamp("2024-01-31")
    known_then = frame.rows[frame.rows["horizon_ends_on"] <= earlier].reset_index(drop=True)
    columns = ["customer_id", "as_of_date", "label", "overdue_ratio", "purchase_occasions_12m"]
    then = read_frame(published[0], earlier.date(), quick).rows
    pd.testing.assert_frame_equal(then[columns], known_then[columns])


def test_columns_that_know_the_future_are_not_read(tmp_path, quick):
    home = Home(tmp_path / "home")
    as_of = publish_made_up(home, customers=50, months=14)
    change_published(
        home, "ALTER TABLE marts.customer_features ADD COLUMN next_booking_on DATE DEFAULT '2030-01-01'"
    )
    rows = read_frame(home, as_of, quick)
    assert "next_booking_on" not in rows.rows.columns
    assert not set(rows.features) & {"label", "horizon_ends_on", "overdue_ratio_for_rule", *NOT_FEATURES}


def test_the_catalogue_holds_no_forbidden_name():
    check_feature_names(catalogue()["features"])


def test_only_month_ends_of_customers_who_could_churn_are_learned_from(frame):
    assert (frame.rows["as_of_date"] == frame.rows["as_of_date"] + pd.offsets.MonthEnd(0)).all()
    assert not frame.rows.duplicated(["customer_id", "as_of_date"]).any()
