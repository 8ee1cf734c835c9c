"""A scratch database for figures that one expectation cannot compute: shares across tables and files.

SQL computes one row of figures per table; the thresholds stay in the suite files, where an author reads and
changes them.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from roundtrip import duck
from roundtrip.files import remove_abandoned
from roundtrip.home import Home


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


def remove(file: Path) -> None:
    """Delete a database file and its write-ahead log."""
    file.unlink(missing_ok=True)
    file.with_name(file.name + ".wal").unlink(missing_ok=True)


def quote(path: Path) -> str:
    """A path inside a SQL string literal."""
    return str(path).replace("'", "''")
