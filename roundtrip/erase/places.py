"""Every place under a home that holds rows of customers, and how they get out of it."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb

from roundtrip.contract import source_contract
from roundtrip.erase import texts
from roundtrip.erase.publications import rewrite_publications
from roundtrip.erase.rewrite import GONE, TOGETHER, apply_log, has_them, rewrite, without_them
from roundtrip.home import Home
from roundtrip.ingest import batch, door, requeued, rules, sql
from roundtrip.ingest.load import IDENTITIES
from roundtrip.rounds import outbox
from roundtrip.vault import Identities

#: Everything by which the people may be known in a refused row or a text: ids and pseudonyms (one column).
WORDS = "words"


def everywhere_but_raw(bench: duckdb.DuckDBPyConnection, home: Home, vault: Identities) -> dict[str, int]:
    """Take the people in GONE out of every place: place -> rows (or mentions) that went. Again is no harm."""
    _leftovers(home)
    return {
        "quarantine": _quarantine(bench, home),
        "batch": _batch(bench, home, vault),
        "requeued": sum(_encrypted(bench, file, vault.key) for file in requeued.waiting_files(home)),
        # The plans say whose rows in the outbox are, so they come after it.
        "outbox": _outbox(bench, home),
        "rounds": _rounds(bench, home),
        "products": _products(bench, home),
        "work": _work(home),
        "published": rewrite_publications(bench, home),
        "texts": texts.take_out(home, [row[0] for row in bench.execute(f"FROM {WORDS}").fetchall()]),
        "vault": _encrypted(bench, home.vault_db, vault.key),
    }


def _leftovers(home: Home) -> None:
    """What killed processes left: spilled rows, scratch databases, half-made publications and files."""
    requeued.remove_leftovers(home)
    patterns = {
        home.tmp_dir: ("duckdb_temp*", "summaries-*"),
        home.raw_db.parent: ("*.new", "*.new.wal", ".*.erasing*"),
        home.vault_db.parent: (".*.erasing*",),
        home.published_dir: (".*.erasing*",),
        home.versions_dir: (".*.erasing*",),
        home.quarantine_dir: ("*/.*.tmp",),
        home.products_dir: ("*/.*.tmp",),
        home.rounds_dir: ("*/.*.tmp",),
        home.outbox_dir: ("*/.*.tmp",),
    }
    for folder in home.rounds_dir.glob(".R-*.new"):
        shutil.rmtree(folder)
    for folder, names in patterns.items():
        for file in [found for name in names for found in folder.glob(name)]:
            file.unlink(missing_ok=True)


def _quarantine(bench, home: Home) -> int:
    """Their refused rows stay as counted, empty rows."""
    emptied = 0
    for file in sorted(home.quarantine_dir.glob("*/*.parquet")):
        table = source_contract().get(file.parent.name)
        own = door.id_columns(table)[0] if table else []
        emptied += _rewrite_parquet(
            bench,
            file,
            lambda source, own=own: f"FROM {source} WHERE {_is_theirs(own)}",
            lambda source, own=own: _emptied(source, own),
        )
    return emptied


def _is_theirs(own: list[str]) -> str:
    """SQL over a quarantined row: an id of theirs in the columns for ids, or any word of theirs elsewhere."""
    ids = " OR ".join(f"json_extract_string(row_json, '$.{column}') IN (FROM {GONE})" for column in own)
    words = f"list_has_any(tokens_of(row_json), (SELECT coalesce(list(word), []) FROM {WORDS}))"
    return f"coalesce({ids or 'false'} OR {words}, false)"


def _emptied(source: str, own: list[str]) -> str:
    theirs = _is_theirs(own)
    return (
        f"SELECT * REPLACE (CASE WHEN {theirs} THEN {door.EMPTY_ROW} ELSE row_json END AS row_json, "
        f"CASE WHEN {theirs} THEN {door.REASONS} ELSE reasons END AS reasons) FROM {source}"
    )


def _rewrite_parquet(bench, file: Path, theirs: Callable[[str], str], kept: Callable[[str], str]) -> int:
    """Write a Parquet file anew if the query `theirs` finds rows in it; how many."""
    source = f"read_parquet({sql.path(file)})"
    found = bench.execute(f"SELECT count(*) FROM ({theirs(source)})").fetchone()[0]
    if found:
        beside = file.with_name(f".{file.name}.tmp")
        bench.execute(f"COPY ({kept(source)}) TO {sql.text(str(beside))} (FORMAT parquet)")
        os.replace(beside, file)
    return found


def _batch(bench, home: Home, vault: Identities) -> int:
    """Their rows in the batch become refused ones, so that its account still adds up when it is loaded."""
    if not home.batch_db.exists():
        return 0
    contract = source_contract()
    moved = {}

    def keep(schema: str, table: str, columns: list[str]) -> str | None:
        relation = f"held.{sql.name(schema)}.{sql.name(table)}"
        if table in contract:
            moved[table] = has_them(bench, relation, columns)
            return _with_new_hashes(relation, table)
        if table.endswith("__quarantine"):
            of = table.removesuffix("__quarantine")
            own = door.id_columns(contract[of])[0]
            theirs = f"held.{sql.name(schema)}.{sql.name(of)}"
            return (
                f"{_emptied(relation, own)} UNION ALL SELECT _file, _line, {door.EMPTY_ROW}, {door.REASONS} "
                f"FROM {theirs} WHERE {door.is_gone(own, GONE)}"
            )
        return None

    beside, _ = rewrite(bench, home.batch_db, keep)
    batch.replace(beside, home.batch_db)
    return sum(moved.values()) + _encrypted(bench, home.batch_vault_db, vault.key)


def _with_new_hashes(relation: str, table: str) -> str | None:
    """A contract table's rows without them; where a reference goes, the row's hash follows."""
    contract_table = source_contract()[table]
    own, others = door.id_columns(contract_table)
    if not own and not others:
        return None
    if not others:
        return f"FROM {relation} WHERE NOT {door.is_gone(own, GONE)}"
    return (
        f"SELECT * EXCLUDE (_refers) REPLACE (CASE WHEN _refers THEN {rules.row_hash(contract_table)} "
        f"ELSE _row_hash END AS _row_hash) FROM (SELECT {door.without(others, GONE)}, "
        f"{door.is_gone(others, GONE)} AS _refers FROM {relation} AS r WHERE NOT {door.is_gone(own, GONE)})"
    )


def _outbox(bench, home: Home) -> int:
    """Their messages out of the files that were sent, where these still lie."""
    gone = 0
    for file in sorted(home.outbox_dir.glob("*/*.csv")):
        plan = home.rounds_dir / file.parent.name / "plan.parquet"
        theirs = bench.execute(
            f"SELECT intervention_id FROM read_parquet({sql.path(plan)}) "
            f"WHERE {door.is_gone(['customer_id'], TOGETHER)}"
        ).fetchall()
        gone += outbox.take_out(file, {row[0] for row in theirs})
    return gone


def _rounds(bench, home: Home) -> int:
    return sum(_out_of_parquet(bench, file) for file in sorted(home.rounds_dir.glob("*/plan.parquet")))


def _products(bench, home: Home) -> int:
    return sum(_out_of_parquet(bench, file) for file in sorted(home.products_dir.glob("*/*.parquet")))


def _out_of_parquet(bench, file: Path) -> int:
    described = bench.execute(f"DESCRIBE FROM read_parquet({sql.path(file)})").fetchall()
    columns = [row[0] for row in described]
    if "customer_id" not in columns:
        return 0
    return _rewrite_parquet(
        bench,
        file,
        lambda source: f"FROM {source} WHERE {door.is_gone(['customer_id'], TOGETHER)}",
        lambda source: without_them(source, columns, TOGETHER),
    )


def _work(home: Home) -> int:
    """The warehouse being built is built again; nobody reads it meanwhile."""
    was_there = home.work_db.exists()
    for file in (home.work_db, home.work_db.with_name(home.work_db.name + ".wal")):
        file.unlink(missing_ok=True)
    return int(was_there)


def _encrypted(bench, file: Path, key: str) -> int:
    """Their identities out of an encrypted file."""
    if not file.exists():
        return 0
    beside, fewer = rewrite(
        bench,
        file,
        lambda schema, table, columns: without_them(f"held.{sql.name(schema)}.{sql.name(table)}", columns),
        key,
    )
    beside.chmod(0o600)
    batch.replace(beside, file)
    return fewer


def raw(bench, home: Home, prove: Callable[[dict[str, int]], None]) -> dict[str, int]:
    """Raw last: with one replacement their rows and requests go and the proof stands.

    Args:
        prove: writes the proof into `kept.raw`, given the rows that went, by table.
    """
    contract = source_contract()
    went: dict[str, int] = {}

    def keep(schema: str, table: str, columns: list[str]) -> str | None:
        if table == IDENTITIES:
            # A person whose accounts are fewer now is put together anew; see the stage identify.
            return without_them(f"held.{sql.name(schema)}.{sql.name(table)}", columns)
        if table not in contract:
            return None
        relation = f"held.{sql.name(schema)}.{sql.name(table)}"
        own = door.id_columns(contract[table])[0]
        (count,) = bench.execute(
            f"SELECT count(*) FROM {relation} WHERE {door.is_gone(own, GONE)}"
        ).fetchone()
        if count:
            went[f"raw.{table}"] = count
        return _with_new_hashes(relation, table)

    beside, _ = rewrite(bench, home.raw_db, keep, then=lambda: prove(went))
    batch.replace(beside, home.raw_db)
    return went


def apply_raw_log(bench, home: Home) -> None:
    apply_log(bench, home.raw_db)
