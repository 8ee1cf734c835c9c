"""A build of many customer dates goes in steps: to an earlier month end, and on from there.

What a model holds for every customer and date is put together in memory, and beyond it on disk, where 40
million of such rows had filled 47 GB when it was stopped. An increment makes only the dates since the last
build, so a build in steps is one to an earlier month end, and increments. It ends where one step would
(docs/decisions/increments.md).
"""

from datetime import date

from roundtrip.duck import connect
from roundtrip.home import Home

#: So many rows to a step, or a month's more. Where most is kept of each (bookings by service line) it takes
#: some 600 bytes.
CUSTOMER_DATES_AT_ONCE = 10_000_000

#: By month end after a date, and the date of the build: the customers there are by then.
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
        SELECT DISTINCT least(last_day(month), $as_of::DATE) AS ends_on FROM months
    )
    SELECT ends_on, sum(customers) FROM ends JOIN registered ON registered_on <= ends_on
    GROUP BY ends_on ORDER BY ends_on
"""


def steps(home: Home, after: date | None, as_of: date) -> list[date]:
    """The dates to build for, one after the other; the last one is `as_of`, the others are month ends.

    Steps are about equally large, since some of the work is that of a step and not of its rows.

    Args:
        after: the date of the build that is gone on from; None: from the beginning.
    """
    with connect(home.raw_db, home.tmp_dir, read_only=True) as raw:
        found = raw.execute(_CUSTOMER_DATES, {"after": after, "as_of": as_of}).fetchall()
    total = sum(customers for _, customers in found)
    parts = -(-total // CUSTOMER_DATES_AT_ONCE)
    last_of_part, before = {}, 0
    for ends_on, customers in found:
        last_of_part[int((before + customers / 2) * parts / total)] = ends_on
        before += customers
    return [*list(last_of_part.values())[:-1], as_of]
