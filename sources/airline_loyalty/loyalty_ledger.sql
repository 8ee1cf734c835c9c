-- Joining, points by month, and leaving. A month's points are known when it has ended; two rows of one member
-- and month are added up, as in bookings.sql. Leaving is dated by month: its last day, when it was surely known.
WITH members AS (
    SELECT
        "Loyalty Number" AS member,
        "Loyalty Card" AS tier,
        make_date(try_cast("Enrollment Year" AS INTEGER), try_cast("Enrollment Month" AS INTEGER), 1) AS joined_on,
        last_day(
            make_date(try_cast("Cancellation Year" AS INTEGER), try_cast("Cancellation Month" AS INTEGER), 1)
        ) AS left_on,
        _file,
        _line
    FROM customer_loyalty_history
),

months AS (
    SELECT
        "Loyalty Number" AS member,
        last_day(make_date(try_cast("Year" AS INTEGER), try_cast("Month" AS INTEGER), 1)) AS month_end,
        sum(try_cast("Points Accumulated" AS DOUBLE)) AS earned,
        sum(try_cast("Points Redeemed" AS DOUBLE)) AS redeemed,
        min(_file) AS _file,
        min(_line) AS _line
    FROM customer_flight_activity
    GROUP BY ALL
)

SELECT
    member || '-join' AS entry_id,
    member AS customer_id,
    joined_on AS occurred_at,
    'join' AS entry_type,
    NULL::DOUBLE AS points,
    tier,
    _file,
    _line
FROM members
UNION ALL
SELECT member || '-leave', member, left_on, 'leave', NULL, NULL, _file, _line
FROM members
WHERE left_on IS NOT NULL
UNION ALL
SELECT member || '-' || strftime(month_end, '%Y%m') || '-earn', member, month_end, 'earn', earned, NULL, _file, _line
FROM months
WHERE earned > 0
UNION ALL
-- Redeemed points leave the account: negative, so that the sum of the ledger is the balance.
SELECT
    member || '-' || strftime(month_end, '%Y%m') || '-redeem',
    member,
    month_end,
    'redeem',
    -redeemed,
    NULL,
    _file,
    _line
FROM months
WHERE redeemed > 0
