"""Mended rows back in: compared with what was refused, judged by the contract, and kept for the next run."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import duckdb

from roundtrip.company import Company
from roundtrip.contract import Table
from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.ingest import batch, discover, door, landing, pseudonyms, requeued, rules, sql, stage
from roundtrip.requeue import cells, originals, states
from roundtrip.requeue.export import ID, exported
from roundtrip.vault import Identities, encrypted
from roundtrip.vault.personal import personal_contract, vaulted

#: Lines that an account names one by one.
NAMED = 1000


@dataclass(frozen=True)
class Account:
    """What came of one mended file; rows = ready + refused + skipped.

    `problems` are (line, row id, what is wrong) of rows refused or skipped, the first NAMED of them.
    `delivery` names what waits for the next run; None where nothing is new, or in a dry run.
    """

    file: Path
    table: str
    rows: int
    ready: int
    refused: int
    skipped: int
    problems: tuple[tuple[int, str | None, str], ...]
    delivery: str | None


def requeue(home: Home, place: Path, dry_run: bool = False) -> list[Account]:
    """Take in mended rows: a file that `export` wrote, or a folder of them.

    Rows that the contract accepts wait for the next run, which reads them like any other delivery and counts
    them. Rows that it refuses stay open, and so do rows that are not in the file. A row that is waiting or
    loaded already is skipped: the same file twice changes nothing.

    Raises:
        BadInput: a file cannot be read, or its columns are not those of the export.
        Locked: another process is loading.
    """
    if place.is_dir():
        files = sorted(file for file in place.iterdir() if file.suffix.lower() in (".csv", ".parquet"))
        if not files:
            raise BadInput(f"{place} holds no CSV or Parquet file", "give the file that was mended")
    else:
        if not place.is_file():
            raise BadInput(f"{place} does not exist", "give the file that `roundtrip requeue --export` wrote")
        files = [place]
    company = Company.load(home)
    contract = personal_contract(company.settings)
    vault = Identities.of(home)
    requeued.remove_leftovers(home)
    return [_one_file(home, company, contract, vault, file, dry_run) for file in files]


def _one_file(
    home: Home, company: Company, contract: dict[str, Table], vault: Identities, file: Path, dry_run: bool
) -> Account:
    connection = encrypted.workbench(home)
    try:
        pseudonyms.use_key(connection, pseudonyms.load_key(home))
        rules.create_macros(connection)
        cells.create_macros(connection)
        door.guard(connection, batch.already_loaded(home).erased)
        states.create_view(connection, home)
        there = _stage(connection, file)
        table = _table_of(connection, contract, file)
        _require_known_columns(table, there, file)
        _match(connection)
        originals.find(connection, home, company, table)
        originals.find_in_vault(connection, vault, table)
        _deliver(connection, table, there)
        _judge(connection, table)
        delivery = None if dry_run else _keep(connection, home, vault, table)
        return _account(connection, file, table, delivery)
    finally:
        connection.close()


def _stage(connection: duckdb.DuckDBPyConnection, file: Path) -> set[str]:
    """The file as `given` (line, and its columns as text in lower case); the names of its columns."""
    kind = "parquet" if file.suffix.lower() == ".parquet" else "csv"
    staged = stage.stage_file(
        connection,
        landing.LandingFile(file, file.name, kind),
        "given",
        lambda columns: {
            name.lower(): f"as_text(unguarded(as_text({column})))" for name, column in columns.items()
        },
    )
    if broken := connection.execute(
        f"SELECT _line, reason FROM {sql.name(staged.broken)} ORDER BY _line LIMIT 1"
    ).fetchone():
        raise BadInput(f"{file.name} line {broken[0]}: {broken[1]}", "save it as CSV again, as it was")
    there = {name.lower() for name in staged.columns}
    if ID not in there:
        raise BadInput(
            f"{file.name}: the column {ID} is missing",
            "keep the columns that `roundtrip requeue --export` wrote: it says which refused row a line is",
        )
    return there


def _table_of(connection: duckdb.DuckDBPyConnection, contract: dict[str, Table], file: Path) -> Table:
    """The contract table that the ids name."""
    named = connection.execute(
        f"SELECT split_part({ID}, '/', 1) AS name, min(_line) FROM given WHERE {ID} IS NOT NULL "
        "GROUP BY name ORDER BY min(_line)"
    ).fetchall()
    known = [name for name, _ in named if name in contract]
    if len(known) != 1:
        what = f"names rows of {' and '.join(known)}" if known else f"names no refused row in {ID}"
        raise BadInput(f"{file.name} {what}", "give one file a table, as `roundtrip requeue --export` does")
    return contract[known[0]]


def _require_known_columns(table: Table, there: set[str], file: Path) -> None:
    unknown = sorted(name for name in there - set(table.column_names) if not name.startswith("_"))
    if unknown:
        match = discover.closest(unknown[0], table.column_names)
        raise BadInput(
            f"{file.name}: {table.name} has no column {unknown[0]}",
            f"did you mean {match}?" if match else f"columns are: {', '.join(table.column_names)}",
        )


def _match(connection: duckdb.DuckDBPyConnection) -> None:
    """`verdicts`: per line the row it stands for, and why it is not taken (NULL: nothing yet)."""
    connection.execute(
        f"""
        CREATE TEMP TABLE verdicts AS
        SELECT
            given._line AS line,
            given.{ID} AS row_id,
            CASE
                WHEN given.{ID} IS NULL OR was.row_id IS NULL THEN 'refused'
                WHEN row_number() OVER (PARTITION BY given.{ID} ORDER BY given._line) > 1 THEN 'refused'
                WHEN was.state = 'erased' THEN 'refused'
                WHEN was.state <> 'open' THEN 'skipped'
                ELSE 'ready'
            END AS verdict,
            CASE
                WHEN given.{ID} IS NULL OR was.row_id IS NULL
                    THEN '{ID} names no refused row: keep it as it was exported'
                WHEN row_number() OVER (PARTITION BY given.{ID} ORDER BY given._line) > 1
                    THEN 'an earlier line stands for the same row'
                WHEN was.state = 'erased' THEN 'the customer was erased on request and cannot come back'
                WHEN was.state = 'requeued' THEN 'waits for the next run already'
                WHEN was.state = 'loaded' THEN 'was mended and loaded already'
                WHEN was.state = 'refused again'
                    THEN 'was mended and refused again: export the row of that refusal'
            END AS what
        FROM given LEFT JOIN {states.VIEW} AS was ON was.row_id = given.{ID}
        """
    )
    connection.execute(
        f"CREATE TEMP TABLE matched AS SELECT was.*, given._line AS mended_line FROM {states.VIEW} AS was "
        f"JOIN given ON given.{ID} = was.row_id JOIN verdicts ON verdicts.line = given._line "
        "WHERE verdict = 'ready'"
    )


def _deliver(connection: duckdb.DuckDBPyConnection, table: Table, there: set[str]) -> None:
    """`delivered`: the rows as they would be read, personal data as pseudonyms with the plain value beside.

    A cell that nobody edited is what was delivered; where that is found no more, what the quarantine holds.
    """
    select = []
    for column in table.columns:
        name, given = sql.name(column.name), f"given.{sql.name(column.name)}"
        was, shown = cells.was(column.name, "matched"), exported(table, column.name, "matched")
        is_kept = f"({given} IS NOT DISTINCT FROM as_text({shown}))"
        if column.pii:
            # A pseudonym without the word before it is as untouched.
            is_kept = f"({is_kept} OR {given} IS NOT DISTINCT FROM {was})"
        if column.name not in there:
            is_kept, given = "true", "NULL::VARCHAR"
        if not column.pii:
            select.append(
                f"CASE WHEN {is_kept} THEN coalesce(original.{name}, {was}) ELSE {given} END AS {name}"
            )
            continue
        is_secret = f"coalesce({is_kept} AND {cells.is_pseudonym(was)}, false)"
        value = f"CASE WHEN {is_kept} THEN {was} ELSE {given} END"
        pseudonym = pseudonyms.of_column(table, column, f"({value})")
        select.append(f"CASE WHEN {is_secret} THEN {was} ELSE {pseudonym} END AS {name}")
        if column.name in vaulted(table):
            select.append(
                f"CASE WHEN {is_secret} THEN coalesce(original.{name}, in_vault.{name}) ELSE {value} END "
                f"AS {sql.name('_plain_' + column.name)}"
            )
        if column.name in there:
            connection.execute(
                "UPDATE verdicts SET verdict = 'refused', what = $what FROM given, matched "
                "WHERE given._line = verdicts.line AND matched.mended_line = verdicts.line "
                f"AND starts_with({given}, '{cells.KEPT}') AND NOT {is_kept}",
                {
                    "what": f"{column.name}: stands for another row's value; leave the cell as it was "
                    "exported, or write the value itself"
                },
            )
    connection.execute(
        f"CREATE TEMP TABLE to_deliver AS SELECT {', '.join(select)}, "
        "'' AS _file, matched.mended_line AS _line, 0 AS _order "
        f"FROM matched JOIN given ON given._line = matched.mended_line "
        "JOIN verdicts ON verdicts.line = matched.mended_line AND verdict = 'ready' "
        "LEFT JOIN original ON original.row_id = matched.row_id "
        "LEFT JOIN in_vault ON in_vault.row_id = matched.row_id"
    )
    connection.execute("CREATE TEMP VIEW delivered AS FROM to_deliver")


def _judge(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """By the rules of reading: whoever was erased is turned away, and the contract's checks."""
    batch.create_table(connection, table)
    door.turn_away(connection, table)
    typed, refused, reasons = rules.split(table)
    connection.execute(
        f"INSERT INTO {sql.name(table.name + '__quarantine')} "
        f"WITH typed AS ({typed}) SELECT _file, _line, '', {reasons} FROM typed WHERE {refused}"
    )
    connection.execute(
        "UPDATE verdicts SET verdict = 'refused', "
        "what = array_to_string(list_transform(q.reasons, lambda why: why.reason), '; ') "
        f"FROM {sql.name(table.name + '__quarantine')} AS q WHERE q._line = verdicts.line"
    )


def _keep(connection: duckdb.DuckDBPyConnection, home: Home, vault: Identities, table: Table) -> str | None:
    """Write the rows that passed, encrypted, then their ledger; the delivery's name, None without rows."""
    connection.execute(
        "CREATE TEMP TABLE passed AS SELECT d.*, m.row_id, m.run_id, m.row_number FROM delivered AS d "
        "JOIN verdicts AS v ON v.line = d._line AND v.verdict = 'ready' "
        "JOIN matched AS m ON m.mended_line = d._line"
    )
    texts = ", ".join(f"coalesce({sql.name(column)}, chr(30))" for column in table.column_names)
    (content,) = connection.execute(
        f"SELECT string_agg(sha256(concat_ws(chr(31), row_id, {texts})), '' ORDER BY row_id) FROM passed"
    ).fetchone()
    if content is None:
        return None
    content_hash = hashlib.sha256(content.encode()).hexdigest()
    delivery = f"{table.name}_{content_hash[:12]}"
    rows, ledger = requeued.rows_file(home, delivery), requeued.ledger_file(home, delivery)
    rows.parent.mkdir(parents=True, exist_ok=True)
    columns = [*table.column_names, *(f"_plain_{column}" for column in vaulted(table)), "_line"]
    beside = rows.with_name(f".{rows.name}.{os.getpid()}.tmp")
    requeued.remove(beside)
    try:
        encrypted.attach(connection, beside, "kept", key=vault.key)
        connection.execute(
            f"CREATE TABLE kept.{requeued.ROWS_TABLE} AS "
            f"SELECT {', '.join(sql.name(column) for column in columns)} FROM passed ORDER BY _line"
        )
        connection.execute("DETACH kept")
        beside.chmod(0o600)
        os.replace(beside, rows)
    finally:
        requeued.remove(beside)
    beside = ledger.with_name(f".{ledger.name}.{os.getpid()}.tmp")
    connection.execute(
        f"COPY (SELECT {sql.text(delivery)} AS delivery, {sql.text(content_hash)} AS content_hash, "
        f"{sql.text(table.name)} AS table_name, run_id, row_number, _line AS mended_line FROM passed "
        f"ORDER BY row_number, run_id) TO {sql.text(str(beside))} (FORMAT parquet)"
    )
    os.replace(beside, ledger)
    return delivery


def _account(
    connection: duckdb.DuckDBPyConnection, file: Path, table: Table, delivery: str | None
) -> Account:
    (total, ready, refused, skipped) = connection.execute(
        "SELECT count(*), count(*) FILTER (verdict = 'ready'), count(*) FILTER (verdict = 'refused'), "
        "count(*) FILTER (verdict = 'skipped') FROM verdicts"
    ).fetchone()
    problems = connection.execute(
        "SELECT line, row_id, what FROM verdicts WHERE verdict <> 'ready' "
        f"ORDER BY verdict, line LIMIT {NAMED}"
    ).fetchall()
    return Account(file, table.name, total, ready, refused, skipped, tuple(problems), delivery)
