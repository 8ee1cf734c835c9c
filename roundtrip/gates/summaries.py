"""A scratch database for what Great Expectations judges: one row of figures for each table.

SQL computes the figures; the thresholds stay in the suite files, where an author reads and changes them.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from roundtrip import duck
from roundtrip.files import remove_abandoned
from roundtrip.home import Home
from roundtrip.ingest import sql


@contextmanager
def summary_database(home: Home) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """An open, empty database file of this process and its path; both are gone afterwards.

    Close the connection before anybody else reads the file.
    """
    file = home.tmp_dir / f"summaries-{os.getpid()}.duckdb"
    remove_abandoned(home.tmp_dir, "summaries-*")
    remove(file)
    connection = duck.connect(file, home.tmp_dir)
    try:
        yield connection, file
    finally:
        connection.close()
        remove(file)


def store(
    connection: duckdb.DuckDBPyConnection, relation: str, figures: dict[str, float | int | None]
) -> dict:
    """Keep the figures (numbers or None, by name) as the only row of a table; what was kept.

    Shares are rounded: their last digits depend on the order in which threads add up.
    """
    kept = {name: round(each, 6) if isinstance(each, float) else each for name, each in figures.items()}
    # A table needs a column even where nothing could be counted.
    columns = (
        ", ".join(f"{_literal(value)} AS {sql.name(name)}" for name, value in kept.items()) or "1 AS row"
    )
    connection.execute(f"CREATE TABLE {sql.name(relation)} AS SELECT {columns}")
    return kept


def _literal(value: float | int | None) -> str:
    if value is None:
        return "CAST(NULL AS DOUBLE)"
    return f"{value}::BIGINT" if isinstance(value, int) else f"{value!r}::DOUBLE"


def remove(file: Path) -> None:
    """Delete a database file and its write-ahead log."""
    file.unlink(missing_ok=True)
    file.with_name(file.name + ".wal").unlink(missing_ok=True)


def quote(path: Path) -> str:
    """A path inside a SQL string literal."""
    return str(path).replace("'", "''")
