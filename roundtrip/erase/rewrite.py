"""Database files written anew without somebody: deleted rows would stay in free blocks of the file."""

from collections.abc import Callable
from pathlib import Path

import duckdb

from roundtrip.ingest import door, sql
from roundtrip.vault import encrypted

#: The temporary table of customer ids, as raw holds them, that must disappear (one column).
GONE = "gone"
#: The same, and the ids under which rows of theirs stand in what was built: a person's first account.
TOGETHER = "gone_together"

#: (table, columns) -> the query whose rows are kept, over `held.<schema>.<table>`; None: as it is.
Keep = Callable[[str, str, list[str]], str | None]


def rewrite(
    bench: duckdb.DuckDBPyConnection,
    file: Path,
    keep: Keep,
    key: str | None = None,
    then: Callable[[], None] | None = None,
) -> tuple[Path, int]:
    """Write a copy of a database beside it, with the rows that `keep` selects.

    Args:
        bench: a connection with the table GONE (vault.encrypted.workbench).
        then: called while the copy is still open, attached as `kept`.

    Returns:
        The copy's path, to be moved into place, and how many rows it has less.
    """
    beside = file.with_name(f".{file.name}.erasing")
    for leftover in (beside, beside.with_name(beside.name + ".wal")):
        leftover.unlink(missing_ok=True)
    apply_log(bench, file, key)
    encrypted.attach(bench, file, "held", key=key, read_only=True)
    try:
        encrypted.attach(bench, beside, "kept", key=key)
        try:
            bench.execute("COPY FROM DATABASE held TO kept (SCHEMA)")
            fewer = 0
            for schema, table in tables_of(bench, "held"):
                name = f"{sql.name(schema)}.{sql.name(table)}"
                query = keep(schema, table, columns_of(bench, schema, table)) or f"FROM held.{name}"
                (before,) = bench.execute(f"SELECT count(*) FROM held.{name}").fetchone()
                (after,) = bench.execute(f"INSERT INTO kept.{name} {query}").fetchone()
                fewer += before - after
            if then:
                then()
            bench.execute("CHECKPOINT kept")
        finally:
            bench.execute("DETACH kept")
    finally:
        bench.execute("DETACH held")
    return beside, fewer


def apply_log(bench: duckdb.DuckDBPyConnection, file: Path, key: str | None = None) -> None:
    """Take the write-ahead log of a killed writer into the file: it holds rows as well."""
    if file.with_name(file.name + ".wal").exists():
        encrypted.attach(bench, file, "logged", key=key)
        bench.execute("CHECKPOINT logged")
        bench.execute("DETACH logged")


def tables_of(bench: duckdb.DuckDBPyConnection, database: str) -> list[tuple[str, str]]:
    return bench.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = ? ORDER BY ALL", [database]
    ).fetchall()


def columns_of(
    bench: duckdb.DuckDBPyConnection, schema: str, table: str, database: str = "held"
) -> list[str]:
    return [
        row[0]
        for row in bench.execute(
            "SELECT column_name FROM duckdb_columns() WHERE database_name = 'held' AND schema_name = ? "
            "AND table_name = ? ORDER BY column_index",
            [schema, table],
        ).fetchall()
    ]


def name_them(bench: duckdb.DuckDBPyConnection, identities: str) -> None:
    """Add to TOGETHER the first accounts to which a table of linked accounts attributes theirs."""
    bench.execute(
        f"INSERT INTO {TOGETHER} SELECT DISTINCT customer_id FROM {identities} "
        f"WHERE account_id IN (FROM {GONE}) AND customer_id NOT IN (FROM {TOGETHER})"
    )


def without_them(relation: str, columns: list[str], gone: str = GONE) -> str | None:
    """The query for a relation's rows without those in `gone` or references to them; None: no ids."""
    own, others = door.every_id_column()
    mine = [column for column in columns if column in own]
    theirs = [column for column in columns if column in others]
    if not mine and not theirs:
        return None
    return f"SELECT {door.without(theirs, gone)} FROM {relation} WHERE NOT {door.is_gone(mine, gone)}"


def has_them(bench: duckdb.DuckDBPyConnection, relation: str, columns: list[str], gone: str = GONE) -> int:
    """How many rows of a relation are theirs or refer to them."""
    own, others = door.every_id_column()
    named = [column for column in columns if column in own | others]
    if not named:
        return 0
    return bench.execute(f"SELECT count(*) FROM {relation} WHERE {door.is_gone(named, gone)}").fetchone()[0]
