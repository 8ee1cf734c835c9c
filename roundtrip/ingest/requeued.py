"""Mended rows on their way in: deliveries that `roundtrip requeue` put under the home.

A delivery is two files. `<delivery>.parquet` says which refused rows are delivered again, for good and
without any value of theirs. `<delivery>.duckdb` holds the rows, encrypted with the vault's key, in the
contract's shape whatever shape the company's own files have, with pseudonyms where raw has pseudonyms; it
goes when the rows are loaded. The first is written last: without it the second is a leftover.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from roundtrip.contract import Table
from roundtrip.files import remove_abandoned
from roundtrip.home import Home
from roundtrip.ingest import sql
from roundtrip.vault import encrypted
from roundtrip.vault.personal import vaulted

#: A mended row was delivered after every file that is in the landing folder.
ORDER = 1 << 30
ROWS_TABLE = "rows"


@dataclass(frozen=True)
class Requeued:
    """Where a delivery's rows wait, and the key they are encrypted with (never shown)."""

    file: Path
    key: str = field(repr=False)


def label(delivery: str) -> str:
    """What stands in `_file` for a row of a delivery; `_line` is the line of the mended file."""
    return f"requeued/{delivery}"


def rows_file(home: Home, delivery: str) -> Path:
    return home.requeued_dir / f"{delivery}.duckdb"


def ledger_file(home: Home, delivery: str) -> Path:
    return home.requeued_dir / f"{delivery}.parquet"


def waiting(home: Home) -> list[tuple[str, str, str]]:
    """(delivery, table, content hash) of those whose rows are not loaded yet, in a fixed order."""
    names = sorted(
        file.stem
        for file in home.requeued_dir.glob("*.parquet")
        if not file.name.startswith(".") and rows_file(home, file.stem).exists()
    )
    found = []
    with duckdb.connect() as connection:
        for name in names:
            found += connection.execute(
                "SELECT DISTINCT delivery, table_name, content_hash "
                f"FROM read_parquet({sql.path(ledger_file(home, name))})"
            ).fetchall()
    return found


def read(connection: duckdb.DuckDBPyConnection, requeued: Requeued, table: Table, label: str) -> int:
    """A delivery's rows as the relation `delivered`; how many there are.

    Personal data is in it already as raw will hold it: nothing is made a pseudonym a second time.
    """
    columns = [*table.column_names, *(f"_plain_{column}" for column in vaulted(table))]
    encrypted.attach(connection, requeued.file, "requeued", key=requeued.key, read_only=True)
    try:
        (count,) = connection.execute(
            "CREATE OR REPLACE TEMP TABLE _roundtrip_delivered AS "
            f"SELECT {', '.join(sql.name(column) for column in columns)}, {sql.text(label)} AS _file, _line, "
            f"{ORDER} AS _order FROM requeued.{ROWS_TABLE}"
        ).fetchone()
    finally:
        connection.execute("DETACH requeued")
    connection.execute("CREATE OR REPLACE TEMP VIEW delivered AS FROM _roundtrip_delivered")
    return count


def waiting_files(home: Home) -> list[Path]:
    """Every file with mended rows, for those who must look into all places that hold people."""
    return sorted(file for file in home.requeued_dir.glob("*.duckdb") if not file.name.startswith("."))


def forget_loaded(home: Home, loaded: Iterable[tuple[str, str]]) -> None:
    """Remove the rows of deliveries that raw has: (table, content hash). Again does no harm."""
    there = set(loaded)
    for delivery, table, content_hash in waiting(home):
        if (table, content_hash) in there:
            remove(rows_file(home, delivery))


def remove_leftovers(home: Home) -> None:
    """What a killed `roundtrip requeue` left: half-written files, and rows without their ledger."""
    remove_abandoned(home.requeued_dir, ".*")
    for file in waiting_files(home):
        if not ledger_file(home, file.stem).exists():
            remove(file)


def remove(file: Path) -> None:
    """Delete a database file and its log."""
    file.unlink(missing_ok=True)
    file.with_name(file.name + ".wal").unlink(missing_ok=True)
