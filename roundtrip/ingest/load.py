"""Stage `load`: the batch into the raw tables, the newest version of every row, every row accounted for."""

import json
import os
from datetime import date
from pathlib import Path

import duckdb

from roundtrip import duck
from roundtrip.company import Company
from roundtrip.contract import Table, source_contract
from roundtrip.errors import CheckBroken, GateFailed, RoundtripError
from roundtrip.home import Home
from roundtrip.ingest import requeued, sql
from roundtrip.vault import Identities
from roundtrip.vault.personal import personal_contract, vaulted

#: Database and schema in full: the file raw.duckdb makes a database of that name as well.
RAW = "raw.raw"
_OWN_COLUMNS = "_file VARCHAR, _line BIGINT, _row_hash VARCHAR, _loaded_in VARCHAR"

#: That somebody was erased: keyed hashes and days, and counts per run that name nobody.
PROOF_TABLES = {
    "erasures": "customer_hash VARCHAR, request_hash VARCHAR, requested_on DATE, erased_as_of DATE",
    "erasure_counts": "erased_as_of DATE, place VARCHAR, rows_erased BIGINT",
}
#: Which accounts are one person's; the stage identify fills it.
IDENTITIES = "customer_identities"
_IDENTITY_COLUMNS = "account_id VARCHAR, customer_id VARCHAR, link_probability DOUBLE, evidence VARCHAR"


def load(home: Home, as_of: date) -> dict:
    """Load `home.batch_db` into `home.raw_db` in one transaction; run again after success it does nothing.

    Of the rows with one key the newest `updated_at` wins (none counts as oldest), then the newest file, then
    the last line. A row equal to the one that is there already is superseded by it.

    The vault first takes the batch's plain values in, and at the end gives up those that raw no longer
    points to: killed in between, it holds too much and never too little.

    Returns:
        {"batch_id": str, "tables": {table: {"rows_in", "loaded", "quarantined", "superseded"}},
        "warnings": [str]}; rows_in is the sum of the other three.

    Raises:
        RoundtripError: the landing gate did not check this very batch.
        Locked: another process holds the raw database.
    """
    if not home.batch_db.exists():
        raise RoundtripError(f"{home.batch_db} does not exist", "run the read_files stage first")
    contract = personal_contract(Company.load(home).settings)
    vault = Identities.of(home)
    connection = duck.connect(home.raw_db, home.tmp_dir)
    try:
        connection.execute(f"ATTACH {sql.text(str(home.batch_db))} AS incoming (READ_ONLY)")
        batch_id = connection.execute("SELECT batch_id FROM incoming.main.batch").fetchone()[0]
        gate = _gate_result(home, as_of, batch_id)
        vault.take_in(batch_id)
        _load_once(connection, home, batch_id, gate)
        rows = connection.execute(
            "SELECT table_name, rows_in, rows_loaded, rows_quarantined, rows_superseded "
            f"FROM {RAW}.quality_runs WHERE run_id = ? ORDER BY table_name",
            [batch_id],
        ).fetchall()
        warnings = [row[0] for row in connection.execute("FROM incoming.main.batch_warnings").fetchall()]
        loaded = connection.execute(f"SELECT table_name, content_hash FROM {RAW}.files").fetchall()
    finally:
        connection.close()
    if {table for table, *_ in rows} & {table.name for table in contract.values() if vaulted(table)}:
        vault.keep_only_raws(contract)
    requeued.forget_loaded(home, loaded)
    names = ("rows_in", "loaded", "quarantined", "superseded")
    return {
        "batch_id": batch_id,
        "tables": {table: dict(zip(names, counts, strict=True)) for table, *counts in rows},
        "warnings": warnings,
    }


def _gate_result(home: Home, as_of: date, batch_id: str) -> dict:
    file = home.gates_dir / "landing" / f"{as_of.isoformat()}.json"
    hint = "run the landing_gate stage first"
    if not file.exists():
        raise RoundtripError(f"the landing gate has no result for {as_of}", hint)
    result = json.loads(file.read_text(encoding="utf-8"))
    if result.get("batch_id") != batch_id:
        raise RoundtripError(
            f"the landing gate checked batch {result.get('batch_id')}, but batch {batch_id} is to be loaded",
            hint,
        )
    if not result["success"]:
        raise GateFailed(
            f"the landing gate refused batch {batch_id}",
            f"{file} names the checks; mend the delivery, then run read_files and landing_gate again",
        )
    return result["tables"]


def _load_once(connection: duckdb.DuckDBPyConnection, home: Home, batch_id: str, gate: dict) -> None:
    connection.execute("BEGIN")
    try:
        _create_tables(connection)
        delivered = {
            table
            for (table,) in connection.execute(
                "SELECT DISTINCT table_name FROM incoming.main.batch_files "
                f"ANTI JOIN {RAW}.files USING (table_name, content_hash)"
            ).fetchall()
        }
        for table in source_contract().values():
            if table.name in delivered:
                _load_table(connection, home, table, batch_id, gate.get(table.name, {}))
        connection.execute(
            f"INSERT INTO {RAW}.files SELECT content_hash, table_name, file, ?, rows_in "
            f"FROM incoming.main.batch_files ANTI JOIN {RAW}.files USING (table_name, content_hash)",
            [batch_id],
        )
        _commit(connection)
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _commit(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("COMMIT")


def _create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Every contract table, delivered or not, so that nothing downstream must ask which there are."""
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {RAW}")
    for table in source_contract().values():
        columns = ", ".join(f"{sql.name(column.name)} {column.sql_type}" for column in table.columns)
        connection.execute(f"CREATE TABLE IF NOT EXISTS {_raw(table)} ({columns}, {_OWN_COLUMNS})")
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {RAW}.files "
        "(content_hash VARCHAR, table_name VARCHAR, file VARCHAR, batch_id VARCHAR, rows_in BIGINT)"
    )
    connection.execute(f"CREATE TABLE IF NOT EXISTS {RAW}.{IDENTITIES} ({_IDENTITY_COLUMNS})")
    for table, columns in PROOF_TABLES.items():
        connection.execute(f"CREATE TABLE IF NOT EXISTS {RAW}.{table} ({columns})")
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {RAW}.quality_runs "
        "(run_id VARCHAR, table_name VARCHAR, rows_in BIGINT, rows_loaded BIGINT, "
        "rows_quarantined BIGINT, rows_superseded BIGINT, checks BIGINT, failed_checks BIGINT)"
    )


def _load_table(connection, home: Home, table: Table, batch_id: str, gate: dict) -> None:
    batch_table = f"incoming.main.{sql.name(table.name)}"
    accepted = _count(connection, batch_table)
    quarantined = _count(connection, f"incoming.main.{sql.name(table.name + '__quarantine')}")
    rows_in = connection.execute(
        "SELECT coalesce(sum(rows_in), 0) FROM incoming.main.batch_files WHERE table_name = ?", [table.name]
    ).fetchone()[0]
    if rows_in != accepted + quarantined:
        raise CheckBroken(
            f"{table.name}: {rows_in} rows came in, but the batch holds {accepted} accepted and "
            f"{quarantined} refused rows",
            "run the read_files stage again",
        )
    _write_quarantine(connection, home, table, batch_id, quarantined)
    loaded = _upsert(connection, table, batch_table, batch_id)
    connection.execute(
        f"INSERT INTO {RAW}.quality_runs VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            batch_id,
            table.name,
            rows_in,
            loaded,
            quarantined,
            accepted - loaded,
            gate.get("checks", 0),
            gate.get("failed", 0),
        ],
    )


def _upsert(connection, table: Table, batch_table: str, batch_id: str) -> int:
    """Put the winners among the batch's rows in the place of older versions; how many won.

    Losers are few, so they are what is looked for: rows of the batch behind another one of their key in the
    batch, then rows behind the one that was loaded before.
    """
    keys = ", ".join(sql.name(column) for column in table.key)
    same_key = " AND ".join(
        f"n.{sql.name(column)} IS NOT DISTINCT FROM o.{sql.name(column)}" for column in table.key
    )
    newest_first = "updated_at DESC NULLS LAST, " if table.has_updated_at else ""
    is_older = (
        "coalesce(n.updated_at < o.updated_at, n.updated_at IS NULL AND o.updated_at IS NOT NULL)"
        if table.has_updated_at
        else "false"
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE losers AS SELECT row_id FROM ("
        f"SELECT n.rowid AS row_id, row_number() OVER (PARTITION BY {_of('n', table)} ORDER BY {newest_first}"
        f"_file_order DESC, _line DESC NULLS LAST, _row_hash) AS place FROM {batch_table} AS n "
        f"SEMI JOIN (SELECT {keys} FROM {batch_table} GROUP BY {keys} HAVING count(*) > 1) AS o ON {same_key}"
        f") WHERE place > 1"
    )
    winners = f"{batch_table} AS n ANTI JOIN losers ON n.rowid = losers.row_id"
    if _count(connection, _raw(table)):
        connection.execute(
            f"INSERT INTO losers SELECT n.rowid FROM {batch_table} AS n JOIN {_raw(table)} AS o "
            f"ON {same_key} WHERE o._row_hash = n._row_hash OR {is_older}"
        )
        connection.execute(
            f"DELETE FROM {_raw(table)} AS o "
            f"USING (SELECT {_of('n', table)} FROM {winners}) AS n WHERE {same_key}"
        )
    columns = ", ".join(sql.name(column) for column in table.column_names)
    return connection.execute(
        f"INSERT INTO {_raw(table)} SELECT {columns}, _file, _line, _row_hash, ? FROM {winners}", [batch_id]
    ).fetchone()[0]


def _of(alias: str, table: Table) -> str:
    return ", ".join(f"{alias}.{sql.name(column)}" for column in table.key)


def _write_quarantine(connection, home: Home, table: Table, batch_id: str, quarantined: int) -> None:
    """Before the commit, so that no account ever names rows that are not there; again is the same file."""
    if not quarantined:
        return
    target: Path = home.quarantine_dir / table.name / f"{batch_id}.parquet"
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.tmp")
    connection.execute(
        f"COPY (SELECT {sql.text(batch_id)} AS run_id, {sql.text(table.name)} AS table_name, * "
        f"FROM incoming.main.{sql.name(table.name + '__quarantine')} ORDER BY _file, _line, row_json) "
        f"TO {sql.text(str(beside))} (FORMAT parquet)"
    )
    os.replace(beside, target)


def _count(connection, relation: str) -> int:
    return connection.execute(f"SELECT count(*) FROM {relation}").fetchone()[0]


def _raw(table: Table) -> str:
    return f"{RAW}.{sql.name(table.name)}"
