"""The batch database: the new rows of one reading, before they are loaded."""

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from roundtrip import duck
from roundtrip.contract import Table
from roundtrip.home import Home
from roundtrip.ingest import sql
from roundtrip.ingest.discover import Delivery


@dataclass(frozen=True)
class Known:
    """What earlier loads brought: (table, content hash) pairs, the tables that have rows, and who was erased
    (hashes of pseudonyms.erased_hash)."""

    hashes: frozenset[tuple[str, str]]
    tables_with_rows: frozenset[str]
    erased: frozenset[str] = frozenset()


def already_loaded(home: Home) -> Known:
    """Read from the raw database; nothing where there is none yet.

    Raises:
        Locked: another process is loading.
    """
    if not home.raw_db.exists():
        return Known(frozenset(), frozenset())
    connection = duck.connect(home.raw_db, home.tmp_dir, read_only=True)
    try:
        there = {
            row[0]
            for row in connection.execute(
                "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw'"
            ).fetchall()
        }
        found = (
            connection.execute("SELECT table_name, content_hash, rows_in FROM raw.raw.files").fetchall()
            if "files" in there
            else []
        )
        erased = (
            connection.execute("SELECT DISTINCT customer_hash FROM raw.raw.erasures").fetchall()
            if "erasures" in there
            else []
        )
    finally:
        connection.close()
    return Known(
        frozenset((table, content_hash) for table, content_hash, _ in found),
        frozenset(table for table, _, rows_in in found if rows_in),
        frozenset(customer_hash for (customer_hash,) in erased),
    )


def create(connection: duckdb.DuckDBPyConnection, batch_id: str, as_of: date) -> None:
    connection.execute("CREATE TABLE batch (batch_id VARCHAR, as_of DATE)")
    connection.execute("INSERT INTO batch VALUES (?, ?)", [batch_id, as_of])
    connection.execute(
        "CREATE TABLE batch_files (table_name VARCHAR, file VARCHAR, content_hash VARCHAR, rows_in BIGINT)"
    )
    connection.execute("CREATE TABLE batch_warnings (warning VARCHAR)")


def create_table(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """The typed table and its quarantine, both empty."""
    columns = ", ".join(f"{sql.name(column.name)} {column.sql_type}" for column in table.columns)
    connection.execute(
        f"CREATE TABLE {sql.name(table.name)} "
        f"({columns}, _file VARCHAR, _line BIGINT, _row_hash VARCHAR, _file_order INTEGER)"
    )
    connection.execute(
        f"CREATE TABLE {sql.name(table.name + '__quarantine')} "
        "(_file VARCHAR, _line BIGINT, row_json VARCHAR, "
        'reasons STRUCT("column" VARCHAR, "rule" VARCHAR, reason VARCHAR)[])'
    )


def add_files(connection: duckdb.DuckDBPyConnection, deliveries: list[Delivery], rows_in: list[int]) -> None:
    connection.execute(
        "INSERT INTO batch_files SELECT unnest($tables::VARCHAR[]), unnest($files::VARCHAR[]), "
        "unnest($hashes::VARCHAR[]), unnest($rows_in::BIGINT[])",
        {
            "tables": [delivery.table for delivery in deliveries],
            "files": [delivery.label for delivery in deliveries],
            "hashes": [delivery.content_hash for delivery in deliveries],
            "rows_in": rows_in,
        },
    )


def add_warnings(connection: duckdb.DuckDBPyConnection, warnings: list[str]) -> None:
    connection.execute("INSERT INTO batch_warnings SELECT unnest(?::VARCHAR[])", [warnings])


def replace(beside: Path, target: Path) -> None:
    """Move a finished batch into place; a log left by a killed writer must not be applied to it."""
    _log(target).unlink(missing_ok=True)
    os.replace(beside, target)


def remove(file: Path) -> None:
    file.unlink(missing_ok=True)
    _log(file).unlink(missing_ok=True)


def _log(file: Path) -> Path:
    return file.with_name(file.name + ".wal")
