"""Where the landing gate reads a table: what this batch brings, and what was loaded before."""

from dataclasses import dataclass
from datetime import date

import duckdb

from roundtrip.contract import Table, source_contract
from roundtrip.gates.summaries import quote
from roundtrip.home import Home

#: Shares and distributions of larger tables are taken from a sample of about so many rows, the same in every
#: run: the standard error of a share is then 0.0016 at most.
SAMPLED_ROWS = 100_000


@dataclass(frozen=True)
class Sides:
    """An open scratch database to which the batch and raw are attached.

    Of every contract table there is the relation `accepted(table)`, the rows that the batch would load, and
    `loaded(table)`, the rows of raw; both are empty where there is none, and have every column of the
    contract, `_file` and `_line`, and `_row`, the row's number.

    Attributes:
        present: tables that the batch has, the quarantines among them.
        missing: per table the contract's columns that the batch's table lacks or has in another type.
    """

    connection: duckdb.DuckDBPyConnection
    as_of: date
    present: frozenset[str]
    missing: dict[str, tuple[list[str], list[str]]]

    @classmethod
    def attach(cls, connection: duckdb.DuckDBPyConnection, home: Home, as_of: date) -> "Sides":
        connection.execute("SET enable_progress_bar = false")
        connection.execute(f"ATTACH '{quote(home.batch_db)}' AS batch (READ_ONLY)")
        if home.raw_db.exists():
            connection.execute(f"ATTACH '{quote(home.raw_db)}' AS raw_db (READ_ONLY)")
        # Before the first load raw is empty, or a file without tables where that load was killed: a fact,
        # not an error.
        batch = _columns(connection, "batch", "main")
        raw = _columns(connection, "raw_db", "raw")
        missing = {}
        for table in source_contract().values():
            _create_view(connection, accepted(table), table, "batch.main", batch.get(table.name))
            _create_view(connection, loaded(table), table, "raw_db.raw", raw.get(table.name))
            if table.name in batch:
                missing[table.name] = _differences(table, batch[table.name])
        return cls(connection, as_of, frozenset(batch), missing)

    def every(self, relation: str) -> int:
        """Of a relation every so many rows are about `SAMPLED_ROWS`; 1 for a smaller one."""
        (rows,) = self.connection.execute(f"SELECT count(*) FROM {relation}").fetchone()
        return max(1, rows // SAMPLED_ROWS)

    def one(self, statement: str, **parameters: object) -> dict:
        """The single row of a statement, by column."""
        result = self.connection.execute(statement, parameters or None)
        return dict(zip((each[0] for each in result.description), result.fetchone(), strict=True))


def accepted(table: Table) -> str:
    """The relation of the rows that the batch would load."""
    return f'"{table.name}__accepted"'


def loaded(table: Table) -> str:
    """The relation of the rows in raw."""
    return f'"{table.name}__loaded"'


def _columns(connection: duckdb.DuckDBPyConnection, database: str, schema: str) -> dict[str, dict[str, str]]:
    """Type by column by table."""
    found: dict[str, dict[str, str]] = {}
    for table, column, sql_type in connection.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE database_name = ? AND schema_name = ? AND NOT internal ORDER BY table_name, column_index",
        [database, schema],
    ).fetchall():
        found.setdefault(table, {})[column] = sql_type
    return found


def _differences(table: Table, there: dict[str, str]) -> tuple[list[str], list[str]]:
    missing = [column.name for column in table.columns if column.name not in there]
    # DECIMAL(18, 2) is written with and without the space.
    mistyped = [
        column.name
        for column in table.columns
        if column.name in there and there[column.name].replace(" ", "") != column.sql_type.replace(" ", "")
    ]
    return missing, mistyped


def _create_view(connection, view: str, table: Table, schema: str, there: dict[str, str] | None) -> None:
    columns = ", ".join(
        f'"{column.name}"'
        if there and column.name in there
        else f'CAST(NULL AS {column.sql_type}) AS "{column.name}"'
        for column in table.columns
    )
    file = "_file" if there and "_file" in there else "CAST(NULL AS VARCHAR) AS _file"
    line = "_line" if there and "_line" in there else "CAST(NULL AS BIGINT) AS _line"
    row = "rowid AS _row" if there else "CAST(NULL AS BIGINT) AS _row"
    source = f'FROM {schema}."{table.name}"' if there else "WHERE false"
    connection.execute(f"CREATE TEMP VIEW {view} AS SELECT {columns}, {file}, {line}, {row} {source}")
