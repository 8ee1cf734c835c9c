"""The contract as SQL: how a delivered text becomes a typed value, and what makes a row refused.

Each column's text is cast with TRY_CAST behind a pattern, since DuckDB's casts take more than the contract
does: '3.5' as the integer 4, '1_000', 'infinity' as a date, and '…+08:00' without moving it to UTC.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import duckdb

from roundtrip.contract import Column, Table
from roundtrip.ingest import sql

#: Dates outside are typing errors (year 0001, 9999) that would break date arithmetic further on.
FIRST_YEAR, LAST_YEAR = 1900, 2200
_SHOWN_CHARACTERS = 80

_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?"
_MIDNIGHT = r"([T ]00:00(:00(\.0+)?)?(Z|\+00(:?00)?)?)?"
_WALL_CLOCK = r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?"
_OFFSET = r" ?([+-])(0\d|1[0-4])(?::?(\d{2}))?"

_MACROS = rf"""
CREATE TEMP MACRO trimmed(t) AS nullif(trim(t, E' \t\r\n'), '');
CREATE TEMP MACRO any_timestamp(t) AS CASE
    WHEN regexp_full_match(t, '\d{{4}}-\d{{2}}-\d{{2}}|{_WALL_CLOCK}') THEN TRY_CAST(t AS TIMESTAMP)
    WHEN regexp_full_match(t, '{_WALL_CLOCK} ?[Zz]') THEN TRY_CAST(trim(rtrim(t, 'Zz')) AS TIMESTAMP)
    WHEN regexp_full_match(t, '{_WALL_CLOCK}{_OFFSET}') THEN
        TRY_CAST(regexp_replace(t, '{_OFFSET}$', '') AS TIMESTAMP)
        - to_minutes(TRY_CAST(regexp_extract(t, '{_OFFSET}$', 1) || '1' AS INTEGER) * (
            60 * TRY_CAST(regexp_extract(t, '{_OFFSET}$', 2) AS INTEGER)
            + coalesce(TRY_CAST(nullif(regexp_extract(t, '{_OFFSET}$', 3), '') AS INTEGER), 0)))
    END;
CREATE TEMP MACRO any_date(t) AS CASE
    WHEN regexp_full_match(t, '\d{{4}}-\d{{2}}-\d{{2}}{_MIDNIGHT}') THEN TRY_CAST(left(t, 10) AS DATE) END;
CREATE TEMP MACRO as_month(t) AS CASE
    WHEN regexp_full_match(t, '\d{{4}}-\d{{2}}(-01{_MIDNIGHT})?') THEN TRY_CAST(left(t, 7) || '-01' AS DATE)
    END;
CREATE TEMP MACRO any_integer(t) AS CASE
    WHEN regexp_full_match(t, '[+-]?\d{{1,18}}(\.0*)?') THEN TRY_CAST(t AS INTEGER) END;
CREATE TEMP MACRO any_decimal(t) AS CASE
    WHEN regexp_full_match(t, '{_NUMBER}') THEN TRY_CAST(t AS DECIMAL(18, 2)) END;
CREATE TEMP MACRO as_double(t) AS CASE
    WHEN regexp_full_match(t, '{_NUMBER}') AND isfinite(TRY_CAST(t AS DOUBLE)) THEN TRY_CAST(t AS DOUBLE) END;
CREATE TEMP MACRO as_boolean(t) AS CASE
    WHEN lower(t) IN ('true', 't', 'yes', '1') THEN true
    WHEN lower(t) IN ('false', 'f', 'no', '0') THEN false END;
-- What is written exactly as DuckDB writes it back needs no pattern, which is up to ten times quicker.
CREATE TEMP MACRO as_text(x) AS CASE
    WHEN x::VARCHAR = '' THEN NULL
    -- It begins with a space or a control character, or ends with white space.
    WHEN x::VARCHAR < '!' OR suffix(x::VARCHAR, ' ') OR suffix(x::VARCHAR, E'\t')
        OR suffix(x::VARCHAR, E'\r') OR suffix(x::VARCHAR, E'\n') THEN trimmed(x::VARCHAR)
    ELSE x::VARCHAR END;
CREATE TEMP MACRO as_timestamp(t) AS CASE
    WHEN strlen(t) = 20 AND replace(TRY_CAST(left(t, 19) AS TIMESTAMP)::VARCHAR, ' ', 'T') || 'Z' = t
        THEN TRY_CAST(left(t, 19) AS TIMESTAMP)
    ELSE any_timestamp(t) END;
CREATE TEMP MACRO as_date(t) AS CASE
    WHEN strlen(t) = 10 AND TRY_CAST(t AS DATE)::VARCHAR = t THEN TRY_CAST(t AS DATE) ELSE any_date(t) END;
CREATE TEMP MACRO as_integer(t) AS CASE
    WHEN TRY_CAST(t AS INTEGER)::VARCHAR = t THEN TRY_CAST(t AS INTEGER) ELSE any_integer(t) END;
CREATE TEMP MACRO as_decimal(t) AS CASE
    WHEN TRY_CAST(t AS DECIMAL(18, 2))::VARCHAR = t THEN TRY_CAST(t AS DECIMAL(18, 2))
    ELSE any_decimal(t) END;
-- What is shown of a refused value: short, and without addresses and phone numbers, since shifted columns
-- put personal data where none is expected.
CREATE TEMP MACRO without_contacts(t) AS regexp_replace(
    regexp_replace(t, '[^\s@,;"]+@[^\s@,;"]+', '<address>', 'g'), '\+\d[\d ()-]{{6,}}\d', '<number>', 'g');
CREATE TEMP MACRO shown(t) AS '''' || left(without_contacts(t), {_SHOWN_CHARACTERS}) || '''';
"""

_TYPES = {
    "VARCHAR": ("{}", ""),
    "TIMESTAMP": ("as_timestamp({})", "is not a timestamp (ISO 8601, UTC)"),
    "DATE": ("as_date({})", "is not a date (ISO 8601)"),
    "MONTH": ("as_month({})", "is not a month (such as 2024-05)"),
    "INTEGER": ("as_integer({})", "is not a whole number"),
    "DECIMAL": ("as_decimal({})", "is not an amount (decimal point, at most 16 digits before it)"),
    "DOUBLE": ("as_double({})", "is not a finite number"),
    "BOOLEAN": ("as_boolean({})", "is not true or false"),
}


@dataclass(frozen=True)
class Check:
    """One way to be refused: `fails` is SQL that is true for a refused row (NULL counts as passed)."""

    column: str
    rule: str
    fails: str
    reason: str


def create_macros(connection: duckdb.DuckDBPyConnection) -> None:
    """The conversions as temporary macros of a connection."""
    connection.execute(_MACROS)


def text_column(column: str) -> str:
    """The name of the column that holds the delivered text beside the typed one."""
    return sql.name(f"_text_{column}")


def typed(column: Column) -> str:
    """SQL for the typed value of a delivered text column; NULL where it does not fit."""
    return _TYPES[column.type][0].format(sql.name(column.name))


def checks(table: Table) -> list[Check]:
    """Every check of a contract table, over its typed columns and the delivered texts beside them."""
    return [
        *(check for column in table.columns for check in _column_checks(column, table)),
        *(
            Check(rule.column, rule.name, f"NOT ({rule.holds})", sql.text(f"{rule.column}: {rule.reason}"))
            for rule in table.rules
        ),
    ]


def _column_checks(column: Column, table: Table) -> Iterable[Check]:
    value, delivered = sql.name(column.name), text_column(column.name)

    def check(rule: str, fails: str, what: str) -> Check:
        reason = f"{sql.text(column.name + ': ')} || shown({delivered}) || {sql.text(' ' + what)}"
        return Check(column.name, rule, fails, reason)

    if column.required:
        missing = sql.text(f"{column.name}: a value is required")
        yield Check(column.name, "required", f"{delivered} IS NULL", missing)
    if column.type != "VARCHAR":
        yield check("type", f"{delivered} IS NOT NULL AND {value} IS NULL", _TYPES[column.type][1])
    if column.type in ("TIMESTAMP", "DATE", "MONTH"):
        outside = f"year({value}) NOT BETWEEN {FIRST_YEAR} AND {LAST_YEAR}"
        yield check("year", outside, f"lies outside the years {FIRST_YEAR} to {LAST_YEAR}")
    if column.values:
        allowed = ", ".join(sql.text(word) for word in column.values)
        yield check("values", f"{value} NOT IN ({allowed})", f"is not one of {', '.join(column.values)}")
    if column.min is not None:
        yield check("min", f"{value} < {column.min}", f"is less than {column.min}")
    if column.max is not None:
        yield check("max", f"{value} > {column.max}", f"is more than {column.max}")
    if column.pattern:
        fails = f"NOT regexp_full_match({value}, {sql.text(column.pattern)})"
        yield check("pattern", fails, f"does not have the form {column.pattern}")
    is_id = column.name in table.key or column.references or column.name.endswith("_id")
    if column.type == "VARCHAR" and is_id:
        control = r"'[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]'"
        reason = sql.text(f"{column.name}: holds control characters")
        yield Check(column.name, "control_characters", f"regexp_matches({value}, {control})", reason)


def row_hash(table: Table) -> str:
    """SQL for a hash of a typed row's contract columns."""
    cells = ", ".join(f"coalesce({sql.name(column)}::VARCHAR, chr(30))" for column in table.column_names)
    return f"md5(concat_ws(chr(31), {cells}))"


def split(table: Table, relation: str = "delivered") -> tuple[str, str, str]:
    """SQL over the delivered rows of `table`, a CTE `typed` and the two sides of one condition.

    Returns:
        (the CTE's query over `relation`, the condition that a row is refused,
        the list of reasons as STRUCT("column" VARCHAR, rule VARCHAR, reason VARCHAR)[]).
    """
    every = checks(table)
    columns = ", ".join(
        f"{typed(column)} AS {sql.name('_typed_' + column.name)}, "
        f"{sql.name(column.name)} AS {text_column(column.name)}"
        for column in table.columns
    )
    renamed = ", ".join(
        f"{sql.name('_typed_' + column.name)} AS {sql.name(column.name)}, {text_column(column.name)}"
        for column in table.columns
    )
    query = (
        f"SELECT {renamed}, _file, _line, _order "
        f"FROM (SELECT {columns}, _file, _line, _order FROM {relation})"
    )
    refused = "coalesce(" + " OR ".join(f"({check.fails})" for check in every) + ", false)"
    reasons = ", ".join(
        f"CASE WHEN {check.fails} THEN {{'column': {sql.text(check.column)}, "
        f"'rule': {sql.text(check.rule)}, 'reason': {check.reason}}} END"
        for check in every
    )
    return query, refused, f"list_filter([{reasons}], lambda found: found IS NOT NULL)"
