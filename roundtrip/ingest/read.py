"""Stage `read_files`: the files not loaded before, typed and sorted into accepted and refused rows."""

import hashlib
import re
from datetime import date
from pathlib import Path

import duckdb

from roundtrip import duck
from roundtrip.company import Company
from roundtrip.contract import Table, source_contract
from roundtrip.errors import BadInput, CheckBroken
from roundtrip.home import Home
from roundtrip.ingest import batch, discover, pseudonyms, rules, sql, stage
from roundtrip.ingest.discover import Delivery

_WITHHELD = "withheld: the line may hold personal data; see the file"


def read_files(home: Home, as_of: date) -> dict:
    """Read every delivery whose content was not loaded before into `home.batch_db`, rebuilt from scratch.

    Returns:
        {"batch_id": str, "tables": {table: {"files": n, "rows_in": n, "accepted": n, "quarantined": n}},
        "warnings": [str]}; tables without new files are absent.

    Raises:
        BadInput: a required table or column is missing, or a file or mapping cannot be read.
        Locked: another process holds the raw database.
    """
    company = Company.load(home)
    landing = Path(company.landing)
    if not landing.is_dir():
        raise BadInput(
            f"landing folder {landing} does not exist", "put it back, or run with --landing FOLDER"
        )
    # The batch is put together beside the old one: a run that is killed leaves the old one whole.
    beside = home.batch_db.with_name("batch.duckdb.new")
    batch.remove(beside)
    key = pseudonyms.load_key(home)
    known = batch.already_loaded(home)
    deliveries, warnings = (
        discover.mapped(landing, Path(company.source))
        if company.source
        else discover.in_contract_shape(landing)
    )
    _check_required_tables(deliveries, known)
    new = _not_loaded(deliveries, known, warnings)
    batch_id = _batch_id(as_of, new)
    connection = duck.connect(beside, home.tmp_dir)
    try:
        connection.execute("SET temp_file_encryption = true")
        pseudonyms.use_key(connection, key)
        rules.create_macros(connection)
        batch.create(connection, batch_id, as_of)
        summary = _read_all(connection, new, known, warnings)
        batch.add_warnings(connection, warnings)
        connection.close()
        batch.replace(beside, home.batch_db)
    finally:
        connection.close()
        batch.remove(beside)
    return {"batch_id": batch_id, "tables": summary, "warnings": warnings}


def _check_required_tables(deliveries: list[Delivery], known: batch.Known) -> None:
    there = {delivery.table for delivery in deliveries} | known.tables_with_rows
    for table in source_contract().values():
        if table.required and table.name not in there:
            raise BadInput(
                f"the required table {table.name} was not delivered",
                f"put its files into <landing>/{table.name}/, or give a mapping {table.name}.sql",
            )


def _not_loaded(deliveries: list[Delivery], known: batch.Known, warnings: list[str]) -> list[Delivery]:
    """Deliveries with new content; of equal ones the first, as if the second had come a day later."""
    seen, new = set(known.hashes), []
    for delivery in deliveries:
        content = (delivery.table, delivery.content_hash)
        if content not in seen:
            new.append(delivery)
        elif content not in known.hashes:
            warnings.append(f"{delivery.label} is not read: another new file has the same content")
        seen.add(content)
    return new


def _batch_id(as_of: date, new: list[Delivery]) -> str:
    if not new:
        return f"{as_of:%Y%m%d}-nothing"
    hashes = "\n".join(sorted(delivery.content_hash for delivery in new))
    return f"{as_of:%Y%m%d}-{hashlib.sha256(hashes.encode()).hexdigest()[:8]}"


def _read_all(connection, new: list[Delivery], known: batch.Known, warnings: list[str]) -> dict:
    shared: dict[str, stage.Staged] = {}
    summary = {}
    for table in source_contract().values():
        of_table = [delivery for delivery in new if delivery.table == table.name]
        if not of_table:
            continue
        batch.create_table(connection, table)
        counts = {"files": len(of_table), "rows_in": 0, "accepted": 0, "quarantined": 0}
        for delivery in of_table:
            read = _read_mapping if delivery.sql else _read_file
            staged, withhold = read(connection, delivery, table, shared, warnings)
            accepted, quarantined = _sort_rows(connection, table, delivery, staged, withhold)
            batch.add_file(connection, delivery, accepted + quarantined)
            counts["rows_in"] += accepted + quarantined
            counts["accepted"] += accepted
            counts["quarantined"] += quarantined
        if table.required and not counts["rows_in"] and table.name not in known.tables_with_rows:
            raise BadInput(
                f"the required table {table.name} has no rows ({', '.join(d.label for d in of_table)})",
                "deliver a file with rows below the header",
            )
        summary[table.name] = counts
    return summary


def _read_file(connection, delivery: Delivery, table: Table, shared: dict, warnings: list[str]):
    """One file in the contract's shape as the temporary table `delivered`; personal data already replaced."""
    file = delivery.files[0]

    def select(columns: dict[str, str]) -> dict[str, str]:
        return _contract_columns(table, columns, file.name, warnings)

    staged = stage.stage_file(connection, file, "_roundtrip_file", select)
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW delivered AS SELECT *, {delivery.order} AS _order FROM _roundtrip_file"
    )
    known = {column.lower() for column in table.column_names}
    # A broken line has no columns to replace personal data in, so none of it is kept where there may be some.
    withhold = any(column.pii for column in table.columns) or any(
        column.lower() not in known for column in staged.columns
    )
    return [staged.broken], withhold


def _read_mapping(connection, delivery: Delivery, table: Table, shared: dict, warnings: list[str]):
    """One SELECT over the company's files as the temporary table `delivered`; personal data is replaced."""
    broken = []
    for view, files in delivery.views.items():
        for file in files:
            if file.name not in shared:
                shared[file.name] = stage.stage_file(connection, file, f"_staged {file.name}", dict)
            broken.append(shared[file.name].broken)
        union = " UNION ALL BY NAME ".join(
            f"SELECT * FROM {sql.name(f'_staged {file.name}')}" for file in files
        )
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {sql.name(view)} AS {union}")
    try:
        described = connection.execute(f"DESCRIBE {delivery.sql}").fetchall()
        columns = {row[0]: sql.name(row[0]) for row in described if row[0] not in stage.OWN_COLUMNS}
        own = {row[0] for row in described} & set(stage.OWN_COLUMNS)
        expressions = _contract_columns(table, columns, delivery.label, warnings)
        names = ", ".join(sql.text(file.name) for file in delivery.files)
        select = ", ".join(
            f"{expression} AS {sql.name(column)}" for column, expression in expressions.items()
        )
        file = "_file::VARCHAR" if "_file" in own else "NULL::VARCHAR"
        line = "TRY_CAST(_line AS BIGINT)" if "_line" in own else "NULL::BIGINT"
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE _roundtrip_delivered AS SELECT {select}, {file} AS _file, "
            f"{line} AS _line, coalesce(list_position([{names}]::VARCHAR[], {file}), 0) AS _order "
            f"FROM ({delivery.sql}\n)"
        )
    except duckdb.Error as error:
        reason = _without_values(str(error))
        raise BadInput(f"{delivery.label} cannot be run: {reason}", "mend the mapping's SELECT") from error
    # A company's file may bear the name of a contract table; its view must not stand before the table.
    for view in delivery.views:
        connection.execute(f"DROP VIEW {sql.name(view)}")
    connection.execute("CREATE OR REPLACE TEMP VIEW delivered AS FROM _roundtrip_delivered")
    return broken, True


def _without_values(message: str) -> str:
    """The first line of a DuckDB error without quoted values, which may be personal data."""
    first = message.splitlines()[0]
    if first.startswith(("Binder Error", "Catalog Error", "Parser Error")):
        return first
    return re.sub(r"(['\"]).*\1", "'…'", first)


def _contract_columns(
    table: Table, delivered: dict[str, str], label: str, warnings: list[str]
) -> dict[str, str]:
    """Contract column -> SQL of its delivered text: trimmed, empty as NULL, personal data as pseudonyms.

    Raises:
        BadInput: a required column was not delivered.
    """
    by_name = {column.lower(): expression for column, expression in delivered.items()}
    for column in table.columns:
        if column.required and column.name not in by_name:
            match = discover.closest(column.name, set(delivered) - set(table.column_names))
            raise BadInput(
                f"{label}: the required column {column.name} is missing",
                f"the closest column there is {match}; rename it"
                if match
                else f"columns there are: {', '.join(delivered)}",
            )
    if extra := [column for column in delivered if column.lower() not in table.column_names]:
        warnings.append(f"{label}: unknown columns are not read: {', '.join(extra)}")
    expressions = {}
    for column in table.columns:
        value = f"as_text({by_name[column.name]})" if column.name in by_name else "NULL::VARCHAR"
        expressions[column.name] = pseudonyms.expression(value) if column.pii else value
    return expressions


def _sort_rows(
    connection, table: Table, delivery: Delivery, broken: list[str], withhold: bool
) -> tuple[int, int]:
    """Insert the rows of `delivered` into the table or its quarantine; how many went where."""
    delivered = connection.execute("SELECT count(*) FROM delivered").fetchone()[0]
    typed, refused, reasons = rules.split(table)
    columns = ", ".join(sql.name(column) for column in table.column_names)
    cells = ", ".join(f"coalesce({sql.name(column)}::VARCHAR, chr(30))" for column in table.column_names)
    accepted = connection.execute(
        f"INSERT INTO {sql.name(table.name)} WITH typed AS ({typed}) "
        f"SELECT {columns}, _file, _line, md5(concat_ws(chr(31), {cells})), _order "
        f"FROM typed WHERE NOT {refused}"
    ).fetchone()[0]
    quarantine = sql.name(f"{table.name}__quarantine")
    quarantined = 0
    if accepted < delivered:
        fields = ", ".join(
            f"{sql.text(column.name)}: {_kept(rules.text_column(column.name), column.pii)}"
            for column in table.columns
        )
        quarantined = connection.execute(
            f"INSERT INTO {quarantine} WITH typed AS ({typed}) "
            f"SELECT _file, _line, to_json({{{fields}}})::VARCHAR, {reasons} FROM typed WHERE {refused}"
        ).fetchone()[0]
    if accepted + quarantined != delivered:
        raise CheckBroken(
            f"{delivery.label}: {delivered} rows read, but {accepted} accepted and {quarantined} refused",
            "this is a fault of the rules, not of the file; please report it",
        )
    for name in broken:
        content = sql.text(_WITHHELD) if withhold else "without_contacts(content)"
        quarantined += connection.execute(
            f"INSERT INTO {quarantine} SELECT _file, _line, to_json({{'_content': {content}}})::VARCHAR, "
            f"[{{'column': NULL::VARCHAR, 'rule': 'columns', 'reason': reason}}] FROM {sql.name(name)}"
        ).fetchone()[0]
    return accepted, quarantined


def _kept(value: str, is_pseudonym: bool) -> str:
    return value if is_pseudonym else f"without_contacts({value})"
