"""How many parts of customers a build goes in.

A join of a dozen tables by customer and date fits into memory for a few million of their rows, and for more
goes to disk (docs/decisions/large-companies.md).
"""

from datetime import date

from roundtrip.duck import connect
from roundtrip.home import Home

#: So many customer dates to a part: with 5 million memory came to 4.5 GB.
CUSTOMER_DATES_AT_ONCE = 3_000_000

#: Of all month ends after a date, and the date of the build: the customers there are by then.
_CUSTOMER_DATES = """
    WITH registered AS (
        SELECT registered_at::DATE AS registered_on, count(*) AS customers FROM raw.raw.customers GROUP BY ALL
    ),
    months AS (
        SELECT unnest(
            generate_series(date_trunc('month', begins_on), $as_of::TIMESTAMP, INTERVAL 1 MONTH)
        ) AS month
        FROM (SELECT coalesce($after::DATE + 1, min(registered_on)) AS begins_on FROM registered)
    ),
    ends AS (
        SELECT least(last_day(month), $as_of::DATE) AS ends_on FROM months UNION SELECT $as_of::DATE
    )
    SELECT coalesce(sum(customers), 0) FROM ends JOIN registered ON registered_on <= ends_on
"""


def parts(home: Home, after: date | None, as_of: date) -> int:
    """The number of parts, at least 1.

    Args:
        after: the date of the build that is gone on from; None: from the beginning.
    """
    with connect(home.raw_db, home.tmp_dir, read_only=True) as raw:
        (customer_dates,) = raw.execute(_CUSTOMER_DATES, {"after": after, "as_of": as_of}).fetchone()
    return max(1, -(-int(customer_dates) // CUSTOMER_DATES_AT_ONCE))
