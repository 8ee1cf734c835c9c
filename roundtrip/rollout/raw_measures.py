"""Measures of risks that need the raw store: erasure requests, and the market, of which there is no mart."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from roundtrip import duck
from roundtrip.home import Home
from roundtrip.rollout.scene import Reading, Scene
from roundtrip.rollout.words import parameters, signed

#: The last whole months before the date, and the first day of the same months a year before.
_YEARS = """ends AS (
    SELECT last_day(CAST($as_of AS DATE) + INTERVAL 1 DAY - INTERVAL 1 MONTH) AS last_day
), years AS (
    SELECT last_day, date_trunc('month', last_day) - to_months(CAST($months AS INTEGER) - 1) AS first_day,
        date_trunc('month', last_day) - to_months(CAST($months AS INTEGER) - 1) - INTERVAL 1 YEAR AS year_ago
    FROM ends
)"""


def erasure_waiting_days(scene: Scene) -> Reading:
    """Days since the oldest erasure request that was not carried out by the date; 0: none is open."""
    if not scene.home.raw_db.exists():
        return Reading(None, "no_raw")
    with _raw(scene.home) as raw:
        open_since = [
            raw.execute(
                f"SELECT min({asked_on}) FROM {_table(raw, table)} WHERE {which}", {"as_of": scene.as_of}
            ).fetchone()[0]
            for table, asked_on, which in (
                ("erasure_requests", "requested_at::DATE", "requested_at::DATE <= $as_of"),
                # Carried out since, so open on that date still.
                ("erasures", "requested_on", "requested_on <= $as_of AND erased_as_of > $as_of"),
            )
            if _table(raw, table)
        ]
    oldest = min((day for day in open_since if day), default=scene.as_of)
    return Reading(float((scene.as_of - oldest).days))


def demand_fall_share(scene: Scene) -> Reading:
    """Fall of demand in three whole months on the year before: the market's index, else own bookings."""
    index = _market(scene, "demand_index")
    if index is not None:
        return Reading(1 - index, "demand_index", {"change": signed(index - 1)})
    if "fct_bookings" not in scene.published or "warehouse_info" not in scene.published:
        return Reading(None, "no_year_before")
    now, before, has_year = scene.row(
        f"""
        WITH {_YEARS}
        SELECT
            count(*) FILTER (booked_at::DATE BETWEEN first_day AND last_day),
            count(*) FILTER (booked_at::DATE BETWEEN year_ago AND last_day(last_day - INTERVAL 1 YEAR)),
            (SELECT min(data_starts_on) FROM marts.warehouse_info) <= any_value(year_ago)
        FROM marts.fct_bookings CROSS JOIN years
        """,
        as_of=scene.as_of,
        months=parameters()["market_months"],
    )
    if not has_year or not before:
        return Reading(None, "no_year_before")
    return Reading(1 - now / before, "demand_bookings", {"change": signed(now / before - 1)})


def price_above_competitors_share(scene: Scene) -> Reading:
    """Own prices over the competitors', less 1: mean of the regions over the last three whole months."""
    ratio = _market(scene, "own_price_index / nullif(competitor_price_index, 0)", on_year_before=False)
    return Reading(None, "no_market") if ratio is None else Reading(ratio - 1)


def _market(scene: Scene, figure: str, on_year_before: bool = True) -> float | None:
    """Mean of a figure over the last whole months, over that of the year before if asked.

    Returns:
        None where not every month is there.
    """
    if not scene.home.raw_db.exists():
        return None
    with _raw(scene.home) as raw:
        market = _table(raw, "market")
        if market is None:
            return None
        now, months, before, months_before = raw.execute(
            f"""
            WITH {_YEARS},
            told AS (
                SELECT month, {figure} AS figure,
                    month BETWEEN first_day AND last_day AS is_now,
                    month BETWEEN year_ago AND last_day(last_day - INTERVAL 1 YEAR) AS is_before
                FROM {market} CROSS JOIN years
                WHERE isfinite({figure})
            )
            SELECT avg(figure) FILTER (is_now), count(DISTINCT month) FILTER (is_now),
                avg(figure) FILTER (is_before), count(DISTINCT month) FILTER (is_before)
            FROM told
            """,
            {"as_of": scene.as_of, "months": parameters()["market_months"]},
        ).fetchone()
    wanted = parameters()["market_months"]
    if months < wanted:
        return None
    if not on_year_before:
        return now
    return now / before if months_before >= wanted and before else None


@contextmanager
def _raw(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duck.connect(home.raw_db, home.tmp_dir, read_only=True)
    try:
        yield connection
    finally:
        connection.close()


def _table(raw: duckdb.DuckDBPyConnection, table: str) -> str | None:
    """The whole name of a table (the file is called like its schema); None: it is not there."""
    found = raw.execute(
        "SELECT database_name FROM duckdb_tables() WHERE schema_name = 'raw' AND table_name = ?", [table]
    ).fetchone()
    return f'"{found[0]}".raw."{table}"' if found else None
