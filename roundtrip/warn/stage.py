"""The stage `warn`: snapshots of all warnings, and of how each came to its status."""

from datetime import date

import duckdb

from ml.frame import open_published
from roundtrip.home import Home
from roundtrip.ingest.sql import text
from roundtrip.products import newest_before, rows_of, write_product
from roundtrip.warn.facts import prepare
from roundtrip.warn.following import FOLLOWED, follow
from roundtrip.warn.offers import offer
from roundtrip.warn.raising import choose
from roundtrip.warn.settings import Rules, parameters, words
from roundtrip.warn.sources import HISTORY, WARNINGS, require_date


def warn(home: Home, as_of: date) -> dict:
    """Follow earlier warnings and raise the new ones of a date; write `products/warnings/<as_of>.parquet` and
    `products/warning_history/<as_of>.parquet`, both whole: everything as known on the date.

    Reads the published warehouse of the date with its scores, and the newest products before it.

    Returns:
        `as_of`, `raised`, `open`, `statuses` (count per status), `changed` (count per new status today),
        `current`, `at_risk`, `cooling_down`, `allowed`, `held_back`, `without_channel` (of those raised),
        `value_at_risk` (of the open ones; None without prices), `has_consent_answers`, `messages`, `path`.

    Raises:
        BadInput: the published warehouse is of another date or not scored, or `warnings` of company.yml is
            not sound.
    """
    rules = Rules.of_home(home)
    with open_published(home) as connection:
        require_date(connection, as_of)
        prepare(connection, as_of)
        follow(connection, home, as_of, rules)
        counts = choose(connection, as_of, rules)
        has_answers = offer(connection, home, as_of)
        _make_warnings(connection, as_of)
        _make_history(connection, home, as_of)
        path = home.products_dir / "warnings" / f"{as_of}.parquet"
        warnings = connection.execute("FROM warnings ORDER BY raised_on, warning_id").df()
        history = connection.execute("FROM history ORDER BY changed_on, warning_id, to_status").df()
        statuses = dict(
            connection.execute(
                "SELECT status, count(*) FROM warnings GROUP BY status ORDER BY status"
            ).fetchall()
        )
        changed = dict(
            connection.execute(
                "SELECT to_status, count(*) FROM history WHERE changed_on = ? GROUP BY 1 ORDER BY 1", [as_of]
            ).fetchall()
        )
        at_stake, without_channel = connection.execute(
            "SELECT sum(value_at_risk) FILTER (status = 'open'), "
            "count(*) FILTER (raised_on = ? AND channel IS NULL) FROM warnings",
            [as_of],
        ).fetchone()
    # The history first: a run that is killed between the two is told by the missing warnings.
    write_product(history, HISTORY, home.products_dir / "warning_history" / path.name)
    write_product(warnings, WARNINGS, path)
    return {
        "as_of": as_of.isoformat(),
        **counts,
        "open": statuses.get("open", 0),
        "statuses": statuses,
        "changed": changed,
        "without_channel": without_channel,
        "value_at_risk": None if at_stake is None else round(float(at_stake), 2),
        "has_consent_answers": has_answers,
        "messages": _messages(counts, rules, has_answers),
        "path": str(path),
    }


def _make_warnings(connection: duckdb.DuckDBPyConnection, as_of: date) -> None:
    """The temporary table `warnings`: the followed ones, replaced ones marked, and those raised today."""
    alone = words()["high_risk"]
    percent = "format('{:.0f}', 100 * churn_probability)"
    told = {
        language: f"replace({text(sentence)}, '{{probability}}', {percent})"
        for language, sentence in alone.items()
    }
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE warnings AS
        SELECT {", ".join(WARNINGS)} FROM (
            SELECT * REPLACE (
                CASE WHEN is_replaced THEN 'superseded' ELSE status END AS status,
                CASE WHEN is_replaced THEN $as_of ELSE status_on END AS status_on
            ) FROM (
                SELECT *, status IN {FOLLOWED}
                    AND customer_id IN (SELECT customer_id FROM raised) AS is_replaced
                FROM followed
            )
        )
        UNION ALL BY NAME
        SELECT {", ".join(WARNINGS)} FROM (
            SELECT raised.* REPLACE (
                    array_to_string(kinds, ',') AS signals,
                    coalesce(signals_en, {told["en"]}) AS signals_en,
                    coalesce(signals_zh, {told["zh"]}) AS signals_zh,
                    coalesce(cause, 'unknown') AS cause
                ),
                offers.* EXCLUDE (customer_id),
                'W' || substr(sha256(concat(raised.customer_id, '|', $as_of::DATE)), 1, 16) AS warning_id,
                $as_of AS raised_on,
                $as_of AS as_of_date,
                'open' AS status,
                $as_of AS status_on
            FROM raised LEFT JOIN offers USING (customer_id)
        )
        """,
        {"as_of": as_of},
    )


def _make_history(connection: duckdb.DuckDBPyConnection, home: Home, as_of: date) -> None:
    """The temporary table `history`: the earlier one, and the changes of the date."""
    said = words()["changes"]
    before = rows_of(newest_before(home, "warning_history", as_of), HISTORY)
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE history AS
        SELECT {", ".join(HISTORY)} FROM {before} AS before
        UNION ALL BY NAME
        SELECT warning_id, customer_id, $as_of AS changed_on, from_status, status AS to_status,
            change AS reason
        FROM followed WHERE change IS NOT NULL
        UNION ALL BY NAME
        SELECT warning_id, customer_id, $as_of AS changed_on, followed.status AS from_status,
            'superseded' AS to_status, {text(said["superseded"])} AS reason
        FROM followed JOIN warnings USING (warning_id, customer_id)
        WHERE warnings.status = 'superseded' AND followed.status <> 'superseded'
        UNION ALL BY NAME
        SELECT warning_id, customer_id, $as_of AS changed_on, NULL AS from_status, 'open' AS to_status,
            {text(said["raised"])} AS reason
        FROM warnings WHERE raised_on = $as_of
        """,
        {"as_of": as_of},
    )


def _messages(counts: dict, rules: Rules, has_answers: bool) -> list[str]:
    messages = []
    if counts["held_back"]:
        rate = (
            f"{rules.max_share_per_month:.1%} of {counts['current']} in any {parameters()['rate_days']} days"
        )
        messages.append(
            f"{counts['held_back']} more customers are at risk than the rate allows to warn about ({rate}): "
            "those with less value at risk wait (company.yml: warnings.max_share_per_month)"
        )
    if not has_answers:
        messages.append(
            "no answers about channels are delivered: what is done without one says "
            "retention.without_consent_answer of company.yml"
        )
    return messages
