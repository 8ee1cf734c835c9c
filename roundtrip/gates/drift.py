"""Whether the new rows of a table look like its rows of the last year, column by column."""

import math
from datetime import date, timedelta

from roundtrip.contract import Table
from roundtrip.gates.sides import Sides, accepted, loaded
from roundtrip.gates.volume import Period
from roundtrip.gates.watched import watched
from roundtrip.ingest import sql

REFERENCE_DAYS = 365
#: The season of a year ago that new rows are compared with, too: so many days before and after.
SEASON_DAYS = 45
#: Fewer rows than these say nothing about a distribution.
LEAST_NEW, LEAST_KNOWN = 100, 400
#: Classes rarer than this on both sides are taken together.
RARE = 0.02
#: Customers come with several rows each, which vary together: chance is so many times that of single rows.
DESIGN_EFFECT = 2.0
#: The standard normal quantile of 99.9 %: chance explains more once in a thousand columns.
_Z = 3.0902


def drift(sides: Sides, table: Table, found: Period | None) -> dict:
    """`<column>_drift` for every watched column: its population stability index beyond chance.

    PSI = sum over classes of (p - q) ln(p / q), p the share among the new rows, q among the rows of the last
    365 days in raw, and again among those of the same season a year ago; the smaller counts, since new rows
    may look like last month or like last summer. Under pure chance PSI is distributed like
    (1 / n + 1 / m) x chi-squared with classes - 1 degrees of freedom (Yurdakul and Naranjo, Statistical
    properties of the population stability index, Journal of Risk Model Validation 14, 2020); its 99.9 %
    quantile is taken away. Of many rows a sample is looked at. NULL where there are too few rows on either
    side.
    """
    columns = list(watched()[table.name].drift)
    if found is None or not columns:
        return {f"{column}_drift": None for column in columns}
    figures = sides.connection.execute(_statement(sides, table), _days(found)).fetchall()
    beyond: dict[str, list[float]] = {column: [] for column in columns}
    for column, *of_reference in figures:
        found_beyond = beyond_chance(*of_reference)
        if found_beyond is not None:
            beyond[column].append(found_beyond)
    return {f"{column}_drift": min(of_column, default=None) for column, of_column in beyond.items()}


def _days(found: Period) -> dict[str, date]:
    return {
        "as_of": found.as_of,
        "known_until": found.known_until,
        "season_from": _a_year_before(found.known_until, -SEASON_DAYS),
        "season_until": _a_year_before(found.as_of, SEASON_DAYS),
    }


def _statement(sides: Sides, table: Table) -> str:
    """SQL: column, psi, classes, rows on both sides; one row per column and reference.

    Each side is read once for all columns, since each column alone would read the dates again.
    """
    occurred, of_table = sql.name(table.occurred), watched()[table.name]
    until = "CAST($known_until AS DATE) + 1"
    values = ", ".join(f"{of_table.grouped(column)} AS {sql.name(column)}" for column in of_table.drift)
    sets = ", ".join(f"({sql.name(column)})" for column in of_table.drift)
    which = " ".join(
        f"WHEN grouping({sql.name(column)}) = 0 THEN {sql.text(column)}" for column in of_table.drift
    )
    classes = " ".join(
        f"WHEN grouping({sql.name(column)}) = 0 THEN {of_table.classes(column)}" for column in of_table.drift
    )
    label = f"CASE {which} END AS name, coalesce(CASE {classes} END, '(none)') AS class"
    return f"""
        WITH new AS (
            SELECT {values}
            FROM {accepted(table)}
            WHERE _row % {sides.every(accepted(table))} = 0
                AND {occurred} >= {until} AND {occurred} < CAST($as_of AS DATE) + 1
        ), known AS (
            SELECT
                {values},
                {occurred} >= {until} - {REFERENCE_DAYS} AS is_last_year,
                {occurred} BETWEEN $season_from AND $season_until AS is_season
            FROM {loaded(table)}
            WHERE _row % {sides.every(loaded(table))} = 0
                AND {occurred} >= {until} - 2 * {REFERENCE_DAYS} AND {occurred} < {until}
        ), counts AS (
            SELECT {label}, count(*) AS n, 0 AS last_year, 0 AS season
            FROM new
            GROUP BY GROUPING SETS ({sets})
            UNION ALL
            SELECT {label}, 0, count(*) FILTER (is_last_year), count(*) FILTER (is_season)
            FROM known
            GROUP BY GROUPING SETS ({sets})
        ), classes AS (
            SELECT name, class, sum(n) AS n, sum(last_year) AS last_year, sum(season) AS season
            FROM counts
            GROUP BY name, class
        )
        {_psi("last_year")} UNION ALL {_psi("season")}
    """


def _psi(reference: str) -> str:
    """Half a row is added to every class, so that none is empty; rare ones are taken together."""
    return f"""
        SELECT
            name,
            sum((n / total_n - m / total_m) * ln((n / total_n) / (m / total_m))),
            count(*), any_value(rows_n), any_value(rows_m)
        FROM (
            SELECT *, sum(n) OVER (PARTITION BY name) AS total_n, sum(m) OVER (PARTITION BY name) AS total_m
            FROM (
                SELECT
                    name,
                    CASE WHEN n < {RARE} * rows_n AND m < {RARE} * rows_m THEN NULL ELSE class END AS class,
                    sum(n) + 0.5 AS n, sum(m) + 0.5 AS m,
                    any_value(rows_n)::BIGINT AS rows_n, any_value(rows_m)::BIGINT AS rows_m
                FROM (
                    SELECT name, class, n, {reference} AS m, sum(n) OVER (PARTITION BY name) AS rows_n,
                        sum({reference}) OVER (PARTITION BY name) AS rows_m
                    FROM classes
                )
                GROUP BY 1, 2
            )
        )
        GROUP BY name
    """


def beyond_chance(psi: float | None, classes: int, new: int | None, known: int | None) -> float | None:
    """What is left of a PSI when the 99.9 % quantile under pure chance is taken away; 0 at least.

    Args:
        new, known: rows on either side.
    """
    if psi is None or (new or 0) < LEAST_NEW or (known or 0) < LEAST_KNOWN:
        return None
    chance = DESIGN_EFFECT * (1 / new + 1 / known) * _chi_squared_quantile(classes - 1)
    return max(0.0, psi - chance)


def _chi_squared_quantile(freedom: int) -> float:
    """The 99.9 % quantile (Wilson and Hilferty, 1931)."""
    if freedom < 1:
        return 0.0
    spread = 2 / (9 * freedom)
    return freedom * (1 - spread + _Z * math.sqrt(spread)) ** 3


def _a_year_before(day: date, days_later: int) -> date:
    return day + timedelta(days=days_later - REFERENCE_DAYS)


def new_currencies(sides: Sides, table: Table, found: Period | None) -> dict:
    """new_currencies: how many of the batch raw has never seen; NULL with less than a year of history."""
    if "currency" not in table.column_names:
        return {}
    if found is None or (found.known_until - found.first_known).days < REFERENCE_DAYS:
        return {"new_currencies": None}
    return sides.one(
        f"""
        WITH known AS (SELECT DISTINCT currency FROM {loaded(table)} WHERE currency IS NOT NULL)
        SELECT
            count(*) FILTER (currency IS NOT NULL AND currency NOT IN (FROM known)) AS new_currencies
        FROM (SELECT DISTINCT currency FROM {accepted(table)})
        """
    )
