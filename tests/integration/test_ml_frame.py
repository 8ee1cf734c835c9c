"""What the frame holds beside labelled rows: next bookings, unfinished horizons, histories, odd numbers."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from ml.frame import Frame, read_frame
from ml.settings import parameters
from roundtrip.home import Home
from tests.published_fixture import change_published, publish_made_up


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> tuple[Home, date]:
    home = Home(tmp_path_factory.mktemp("frame") / "home")
    return home, publish_made_up(home, customers=300, months=24)


@pytest.fixture(scope="module")
def frame(published) -> Frame:
    return read_frame(*published, parameters())


def test_next_bookings_agree_with_the_labels(frame):
    # Months against days: a booking within a horizon is seen at the month end after it at the latest.
    rows = frame.rows
    months = (rows["horizon_ends_on"] - rows["as_of_date"]).dt.days / 30.4375
    booked = rows["booked_in_months"]
    assert (booked[rows["label"] == 0] <= np.ceil(months[rows["label"] == 0]) + 1).mean() > 0.97
    assert not (booked[rows["label"] == 1] <= np.floor(months[rows["label"] == 1]) - 1).any()


def test_unfinished_rows_have_no_answer_yet_and_are_nobody_elses(frame, published):
    _, as_of = published
    assert (frame.unfinished["horizon_ends_on"] > pd.Timestamp(as_of)).all()
    assert frame.unfinished["label"].isna().all()
    assert list(frame.unfinished.columns) == list(frame.rows.columns)
    assert len(frame.unfinished) + len(frame.rows) == frame.months["candidates"].sum()


def test_an_earlier_frame_knows_of_no_later_booking(published, frame):
    earlier = date(2023, 6, 30)
    then = read_frame(published[0], earlier, parameters())
    for table in (then.rows, then.unfinished):
        known = (2023 - table["as_of_date"].dt.year) * 12 + 6 - table["as_of_date"].dt.month
        assert not (table["booked_in_months"] > known).any()
    assert then.histories["fitted_on"].max() == pd.Timestamp(earlier)
    kept = frame.histories[frame.histories["fitted_on"] <= pd.Timestamp(earlier)]
    pd.testing.assert_frame_equal(then.histories, kept.reset_index(drop=True))


def test_histories_count_everybody_who_has_booked(published, frame):
    import duckdb

    newest = frame.histories[frame.histories["fitted_on"] == frame.histories["fitted_on"].max()]
    with duckdb.connect(str(published[0].current_db), read_only=True) as connection:
        (counted,) = connection.execute(
            "SELECT count(*) FROM marts.customer_features WHERE as_of_date = ? AND bookings_lifetime > 0",
            [newest["fitted_on"].iloc[0].date()],
        ).fetchone()
    assert newest["customers"].sum() == counted > len(frame.rows["customer_id"].unique()) * 0.5


def test_another_label_watches_no_bookings(published):
    other = read_frame(*published, {**parameters(), "label": "left_programme"})
    assert other.unfinished.empty
    assert other.histories.empty
    assert other.rows["booked_in_months"].isna().all()


def test_a_silent_member_has_booked_nothing_for_half_a_year(published):
    """The same half year for everybody, counted here from the bookings themselves."""
    import duckdb

    frame = read_frame(*published, {**parameters(), "label": "silent_member"})
    with duckdb.connect(str(published[0].current_db), read_only=True) as connection:
        connection.register("labelled", frame.rows[["customer_id", "as_of_date", "label"]])
        counts = dict(
            connection.execute(
                """SELECT label, count(DISTINCT booked_within) FROM (
                       SELECT l.label, l.customer_id, l.as_of_date, min(b.booking_id) AS booked_within
                       FROM labelled l LEFT JOIN marts.fct_bookings b ON b.customer_id = l.customer_id
                           AND b.cancelled_at IS NULL AND b.booked_at >= l.as_of_date + INTERVAL 1 DAY
                           AND b.booked_at < l.as_of_date + INTERVAL 184 DAY
                       GROUP BY ALL
                   ) GROUP BY label"""
            ).fetchall()
        )
    assert counts[1] == 0
    assert counts[0] > 100


def test_infinite_values_are_said_and_count_as_unknown(tmp_path):
    home = Home(tmp_path / "home")
    as_of = publish_made_up(home, customers=60, months=14)
    change_published(
        home, "UPDATE marts.customer_features SET average_lead_days = 'inf' WHERE customer_id < 'c000020'"
    )
    frame = read_frame(home, as_of, parameters())
    assert any("infinite" in said and "average_lead_days" in said for said in frame.messages)
    assert not np.isinf(frame.rows["average_lead_days"]).any()
    assert frame.rows["average_lead_days"].isna().any()
