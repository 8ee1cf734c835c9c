"""Who is warned about today: at risk, not told before, and within the rate."""

from datetime import date

import duckdb

from roundtrip.warn.facts import HIGH_RISK
from roundtrip.warn.following import FOLLOWED
from roundtrip.warn.settings import Rules, parameters


def choose(connection: duckdb.DuckDBPyConnection, as_of: date, rules: Rules) -> dict:
    """Make the temporary table `raised`: the customers of `today` to warn about, with their `kinds` (signals,
    or high_risk alone) and `severity`.

    A customer who was warned about within the cool-down, or whose warning is still followed, is not again,
    unless a signal of another kind came or the severity rose. Of the others those with most value at risk are
    taken, as many as the rate leaves.

    Returns:
        Counts: current (neither prospect nor lost), at_risk, cooling_down, allowed (places that the rate
        leaves today), held_back (by the rate), raised.
    """
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE waiting AS
        WITH at_risk AS (
            SELECT *,
                CASE WHEN len(signals) > 0 THEN signals ELSE [$high_risk] END AS kinds,
                coalesce(signal_severity, 1) AS severity
            FROM today
            WHERE is_allowed AND churn_probability >=
                CASE WHEN list_has_any(signals, $telling) THEN $signal_from ELSE $alone_from END
        ), told AS (
            SELECT customer_id, flatten(list(string_split(signals, ','))) AS kinds, max(severity) AS severity
            FROM followed WHERE raised_on > $as_of - $cool_down OR status IN {FOLLOWED}
            GROUP BY customer_id
        )
        SELECT at_risk.*,
            told.customer_id IS NULL OR at_risk.severity > told.severity
                OR NOT list_has_all(told.kinds, at_risk.kinds) AS is_news
        FROM at_risk LEFT JOIN told USING (customer_id)
        """,
        {
            "as_of": as_of,
            "high_risk": HIGH_RISK,
            "telling": parameters()["telling_signals"],
            "signal_from": rules.signal_from,
            "alone_from": rules.alone_from,
            "cool_down": rules.cool_down_days,
        },
    )
    current, at_risk, news, raised_before = connection.execute(
        """SELECT (SELECT count(*) FROM today WHERE is_current), (SELECT count(*) FROM waiting),
            (SELECT count(*) FROM waiting WHERE is_news),
            (SELECT count(*) FROM followed WHERE raised_on > $as_of - $rate_days)""",
        {"as_of": as_of, "rate_days": parameters()["rate_days"]},
    ).fetchone()
    allowed = max(0, int(rules.max_share_per_month * current) - raised_before)
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE raised AS
        SELECT * EXCLUDE (is_news) FROM waiting WHERE is_news
        ORDER BY value_at_risk DESC NULLS LAST, bookings_at_risk DESC NULLS LAST, churn_probability DESC,
            customer_id
        LIMIT ?
        """,
        [allowed],
    )
    raised = min(allowed, news)
    return {
        "current": current,
        "at_risk": at_risk,
        "cooling_down": at_risk - news,
        "allowed": allowed,
        "held_back": news - raised,
        "raised": raised,
    }
