"""The real sets, each brought into the tables that simulated.py makes of the simulated company.

They stand beside the checkout and are not part of it; a set that is not there is skipped. What each one is,
and under which terms, is in its README.
"""

from collections.abc import Callable
from pathlib import Path

import duckdb

from roundtrip.home import PROJECT_ROOT

DATA = Path(PROJECT_ROOT).parent / "shared" / "data"

#: What customers wrote to airlines, in the words of the source contract. No price: nobody asked for it.
TOPICS = {
    "Customer Service Issue": "service_quality",
    "Late Flight": "service_quality",
    "Lost Luggage": "service_quality",
    "Bad Flight": "service_quality",
    "Flight Attendant Complaints": "service_quality",
    "longlines": "service_quality",
    "Damaged Luggage": "service_quality",
    "Cancelled Flight": "cancellation_refund",
    "Flight Booking Problems": "payment",
    "Can't Tell": "other",
}


def _csv(file: Path, all_text: bool = False) -> str:
    path = str(file).replace("'", "''")
    return (
        f"read_csv('{path}', header = true, nullstr = ['', 'NULL', 'NA'], sample_size = -1, "
        f"all_varchar = {str(all_text).lower()})"
    )


def hi_guides(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Tables `orders` and `scores`."""
    # Read as UTC, orderTime shows a plain day with its low at 1 to 6 o'clock: the stamps carry China's clock.
    connection.execute(f"""
        CREATE TABLE orders AS
        SELECT userid AS customer, make_timestamp(orderTime * 1000000) AS ordered_at
        FROM {_csv(folder / "orderHistory_train.csv.gz")}
    """)
    connection.execute(f"""
        CREATE TABLE scores AS
        SELECT round(rating)::INTEGER AS score FROM {_csv(folder / "userComment_train.csv.gz")}
        WHERE rating BETWEEN 1 AND 5
    """)


def hotel_bookings(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Table `stays`: individual guests who arrived, or should have, in two whole years.

    Groups and non-refundable deposits stay out: they are blocks of rooms held for tour operators, and most of
    them are given back, which is no guest's cancellation.
    """
    connection.execute(f"""
        CREATE TABLE stays AS
        SELECT
            make_date(
                arrival_date_year, month(strptime(arrival_date_month, '%B')), arrival_date_day_of_month
            ) AS arrives_on,
            lead_time AS lead_days,
            stays_in_weekend_nights + stays_in_week_nights AS nights,
            adults + coalesce(try_cast(children AS INTEGER), 0) + babies AS party,
            adr AS price_per_night,
            is_canceled = 1 AS is_cancelled,
            CASE reservation_status WHEN 'Canceled' THEN arrives_on - reservation_status_date END
                AS cancelled_days_before,
            is_repeated_guest = 1 AS is_repeat
        FROM {_csv(folder / "hotel_bookings.csv.gz")}
        WHERE
            customer_type = 'Transient'
            AND market_segment NOT IN ('Groups', 'Complementary')
            AND deposit_type <> 'Non Refund'
            AND nights >= 1 AND party >= 1
            AND arrives_on BETWEEN DATE '2015-09-01' AND DATE '2017-08-31'
    """)


def airline_loyalty(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Tables `members` and `active_months`, for the two years of activity; months are year * 12 + month.

    Counted are months after the one of joining and before the one of leaving, as rows go on after leaving.
    """
    connection.execute(f"""
        CREATE TEMP TABLE activity AS
        SELECT "Loyalty Number" AS member, "Year" * 12 + "Month" AS month, sum("Flights Booked") AS trips
        FROM {_csv(folder / "customer_flight_activity.csv.gz")}
        GROUP BY ALL
    """)
    connection.execute(f"""
        CREATE TEMP TABLE memberships AS
        SELECT
            "Loyalty Number" AS member,
            "Enrollment Year" * 12 + "Enrollment Month" AS joined,
            "Cancellation Year" * 12 + "Cancellation Month" AS has_left_in,
        FROM {_csv(folder / "customer_loyalty_history.csv.gz")}
    """)
    first, last = connection.execute("SELECT min(month), max(month) FROM activity").fetchone()
    members(connection, "memberships", "activity", first, last)
    connection.execute("DROP TABLE activity")
    connection.execute("DROP TABLE memberships")


def members(
    connection: duckdb.DuckDBPyConnection, memberships: str, activity: str, first: int, last: int
) -> None:
    """Make `members` and `active_months`.

    Args:
        memberships: table (member, joined, has_left_in).
        activity: table (member, month, trips).
        first, last: months compared, both included.
    """
    connection.execute(f"""
        CREATE TABLE active_months AS
        SELECT a.member, a.trips::INTEGER AS trips
        FROM {activity} AS a
        INNER JOIN {memberships} AS m ON a.member = m.member
        WHERE
            a.trips > 0 AND a.month BETWEEN {first} AND {last}
            AND a.month > m.joined AND (m.has_left_in IS NULL OR a.month < m.has_left_in)
    """)
    connection.execute(f"""
        CREATE TABLE members AS
        SELECT
            m.member,
            greatest(
                0, least({last}, coalesce(m.has_left_in - 1, {last})) - greatest({first}, m.joined + 1) + 1
            ) AS months,
            coalesce(a.active_months, 0) AS active_months,
            coalesce(m.has_left_in, {last}) - m.joined AS tenure_months,
            m.has_left_in IS NOT NULL AS has_left
        FROM {memberships} AS m
        LEFT JOIN (SELECT member, count(*) AS active_months FROM active_months GROUP BY member) AS a
            ON m.member = a.member
    """)


def airline_tweets(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Table `messages`, in English; addressees and links are taken out of the text, as no ticket has them."""
    connection.execute(
        f"""
        CREATE TABLE messages AS
        SELECT
            trim(regexp_replace(text, '@\\w+|https?://\\S+', '', 'g')) AS text,
            'en' AS language,
            airline_sentiment = 'negative' AS is_complaint,
            map($causes, $topics)[negativereason] AS topic
        FROM {_csv(folder / "airline_tweets.csv.gz", all_text=True)}
        """,
        {"causes": list(TOPICS), "topics": list(TOPICS.values())},
    )


def hotel_reviews_zh(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Table `reviews`, in Chinese."""
    connection.execute(f"""
        CREATE TABLE reviews AS
        SELECT review AS text, label = '0' AS is_negative
        FROM {_csv(folder / "hotel_reviews_zh.csv.gz", all_text=True)}
        WHERE review IS NOT NULL
    """)


#: Set (and folder) -> its reader.
SETS: dict[str, Callable[[duckdb.DuckDBPyConnection, Path], None]] = {
    "hi_guides": hi_guides,
    "hotel_bookings": hotel_bookings,
    "airline_loyalty": airline_loyalty,
    "airline_tweets": airline_tweets,
    "hotel_reviews_zh": hotel_reviews_zh,
}


def read(connection: duckdb.DuckDBPyConnection, data: Path) -> list[str]:
    """Read every set that is there into the connection's current schema.

    Args:
        data: the folder that holds one folder per set.

    Returns:
        The names of the sets that are there.
    """
    found = []
    for name, reader in SETS.items():
        if (data / name).is_dir():
            reader(connection, data / name)
            found.append(name)
    return found
