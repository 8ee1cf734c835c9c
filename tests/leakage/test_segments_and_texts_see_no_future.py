"""What is said of a date about needs, preferences and texts does not move when the future becomes known."""

from datetime import date, timedelta

import pandas as pd

from ml.segments import find_segments
from ml.texts import read_texts
from roundtrip.home import Home
from tests.published_fixture import change_published
from tests.segments_fixture import publish_segments
from tests.texts_fixture import AS_OF, publish_customers, write_texts
from tests.warehouse_fixture import connect_raw


def products(home: Home, as_of: date) -> dict[str, pd.DataFrame]:
    files = sorted(home.products_dir.glob(f"*/{as_of}.parquet"))
    return {file.parent.name: pd.read_parquet(file) for file in files}


def test_bookings_and_month_ends_to_come_move_no_segment_and_no_preference(tmp_path):
    one, other = Home(tmp_path / "one"), Home(tmp_path / "other")
    as_of = publish_segments(one, customers=500)
    publish_segments(other, customers=500)
    change_published(
        other,
        # Everybody will spend a fortune, in another segment, on cruises.
        "INSERT INTO marts.customer_features SELECT * REPLACE (as_of_date + 31 AS as_of_date, "
        f"1e6 AS value_12m) FROM marts.customer_features WHERE as_of_date = DATE '{as_of}'",
        "INSERT INTO marts.fct_customer_months SELECT * REPLACE (as_of_date + 31 AS as_of_date, "
        f"'loyal' AS need_segment) FROM marts.fct_customer_months WHERE as_of_date = DATE '{as_of}'",
        "INSERT INTO marts.fct_bookings SELECT * REPLACE (booking_id || 'x' AS booking_id, "
        "booked_at + INTERVAL 90 DAY AS booked_at, 'cruise' AS service_line, "
        "travel_start + 90 AS travel_start, "
        f"travel_end + 90 AS travel_end) FROM marts.fct_bookings WHERE booked_at > DATE '{as_of}' - 50",
        "INSERT INTO marts.value_tier_thresholds SELECT * REPLACE "
        f"(DATE '{as_of + timedelta(days=1)}' AS valid_from, min_value * 9 AS min_value) "
        "FROM marts.value_tier_thresholds",
    )
    for home in (one, other):
        assert find_segments(home, as_of)["status"] == "found"
    before, after = products(one, as_of), products(other, as_of)
    assert set(before) == {
        "segment_profiles",
        "segment_migrations",
        "line_associations",
        "customer_preferences",
    }
    for table, rows in before.items():
        assert len(rows)
        pd.testing.assert_frame_equal(rows, after[table])


def test_texts_to_come_are_neither_read_nor_learned_from(home):
    publish_customers(home, 200)
    write_texts(home)
    before = AS_OF - timedelta(days=60)
    read_texts(home, before)
    (known,) = products(home, before).values()
    with connect_raw(home) as raw:
        # From then on everybody says the contrary.
        raw.execute(
            "UPDATE surveys SET score = 6 - score WHERE responded_at > ?", [before + timedelta(days=1)]
        )
        raw.execute(
            "UPDATE support_tickets SET category = 'payment' WHERE opened_at > ?",
            [before + timedelta(days=1)],
        )
    assert raw_rows_after(home, before) > 20
    read_texts(home, before)
    (again,) = products(home, before).values()
    assert pd.to_datetime(again["written_on"]).max().date() <= before
    assert again["sentiment"].notna().all()
    pd.testing.assert_frame_equal(known, again)


def test_the_models_of_a_month_know_no_label_of_the_month(home):
    publish_customers(home, 200)
    write_texts(home)
    read_texts(home, AS_OF)
    (known,) = products(home, AS_OF).values()
    with connect_raw(home) as raw:
        raw.execute(
            "INSERT INTO surveys BY NAME SELECT 'late' || i AS response_id, 'c' || (i % 200) AS customer_id, "
            "$day AS responded_at, 'wonderful stay, lovely people' AS text, 'en' AS language, "
            "'review' AS survey_type, 1 AS score FROM range(900) AS t (i)",
            {"day": AS_OF.replace(day=2)},
        )
    read_texts(home, AS_OF)
    (again,) = products(home, AS_OF).values()
    old = again[~again["row_id"].str.startswith("late")].reset_index(drop=True)
    pd.testing.assert_frame_equal(known, old)


def raw_rows_after(home: Home, day: date) -> int:
    with connect_raw(home) as raw:
        (count,) = raw.execute(
            "SELECT count(*) FROM surveys WHERE CAST(responded_at AS DATE) > ?", [day]
        ).fetchone()
    return count
