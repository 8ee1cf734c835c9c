"""What became of every refused row, as SQL over quarantine/, requeued/ and raw (states.sql)."""

from importlib.resources import files

import duckdb

from roundtrip import duck
from roundtrip.home import Home
from roundtrip.ingest import requeued, sql
from roundtrip.ingest.batch import already_loaded
from roundtrip.vault import encrypted

#: In the order of a row's life.
STATES = ("open", "requeued", "loaded", "refused again", "erased")
VIEW = "refused_rows"

_REFUSED = (
    "run_id VARCHAR, table_name VARCHAR, row_number BIGINT, _file VARCHAR, _line BIGINT, row_json VARCHAR, "
    'reasons STRUCT("column" VARCHAR, "rule" VARCHAR, reason VARCHAR)[]'
)
LEDGER = (
    "delivery VARCHAR, content_hash VARCHAR, table_name VARCHAR, run_id VARCHAR, row_number BIGINT, "
    "mended_line BIGINT"
)


def create_view(connection: duckdb.DuckDBPyConnection, home: Home) -> None:
    """`refused_rows`: the rows of states.sql for a home; empty where nothing was ever refused.

    A ledger whose rows neither wait nor are in raw (raw was put back from a backup) counts for nothing: its
    refused rows are open again.

    Raises:
        Locked: another process is loading.
    """
    quarantine = _parquet(home.quarantine_dir, "*/*.parquet")
    connection.execute(
        "CREATE OR REPLACE TEMP VIEW refused AS "
        f"SELECT run_id, table_name, file_row_number + 1 AS row_number, _file, _line, row_json, reasons "
        f"FROM read_parquet({quarantine}, file_row_number = true)"
        if quarantine
        else f"CREATE OR REPLACE TEMP TABLE refused ({_REFUSED})"
    )
    loaded = already_loaded(home).hashes
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE files (table_name VARCHAR, content_hash VARCHAR, batch_id VARCHAR)"
    )
    if loaded:
        encrypted.attach(connection, home.raw_db, "raw_db", read_only=True)
        connection.execute(
            "INSERT INTO files SELECT table_name, content_hash, batch_id FROM raw_db.raw.files"
        )
        connection.execute("DETACH raw_db")
    ledgers = _parquet(home.requeued_dir, "*.parquet")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE mended ({LEDGER})")
    if ledgers:
        waiting = [delivery for delivery, *_ in requeued.waiting(home)]
        connection.execute(
            f"INSERT INTO mended SELECT m.* FROM read_parquet({ledgers}) AS m "
            "LEFT JOIN files USING (table_name, content_hash) "
            "WHERE files.batch_id IS NOT NULL OR delivery IN (SELECT unnest(?::VARCHAR[]))",
            [waiting],
        )
    text = files(__package__).joinpath("states.sql").read_text(encoding="utf-8")
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {VIEW} AS {text}")


def _parquet(folder, pattern: str) -> str | None:
    """The finished Parquet files as a list for read_parquet; None where there is none."""
    found = sorted(file for file in folder.glob(pattern) if not file.name.startswith("."))
    return f"[{', '.join(sql.path(file) for file in found)}]" if found else None


def counts(home: Home) -> list[dict]:
    """Refused rows by table and state: {"table": str, "open": n, "requeued": n, …}, tables by name."""
    # Nothing encrypted is opened, so this waits for no extension: the page of a run asks after every stage.
    connection = duckdb.connect(config=duck.settings(home.tmp_dir))
    try:
        create_view(connection, home)
        columns = ", ".join(f"count(*) FILTER (state = '{state}')" for state in STATES)
        rows = connection.execute(
            f"SELECT table_name, {columns} FROM {VIEW} GROUP BY table_name ORDER BY table_name"
        ).fetchall()
    finally:
        connection.close()
    return [dict(zip(("table", *STATES), row, strict=True)) for row in rows]
