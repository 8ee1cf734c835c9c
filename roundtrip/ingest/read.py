"""Stage `read_files`: the files not loaded before, typed and sorted into accepted and refused rows."""

import hashlib
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb

from roundtrip import duck
from roundtrip.company import Company
from roundtrip.contract import Table, source_contract
from roundtrip.errors import BadInput, CheckBroken
from roundtrip.home import Home
from roundtrip.ingest import batch, discover, door, encoding, pseudonyms, requeued, rules, sql, stage
from roundtrip.ingest.discover import Delivery
from roundtrip.ingest.postgres import Databases
from roundtrip.vault import Identities, encrypted
from roundtrip.vault.personal import personal_contract, vaulted
from roundtrip.vault.vault import COLUMNS as IDENTITY_COLUMNS

_WITHHELD = "withheld: the line may hold personal data; see the file"
#: Files are put together up to this size before their rows are checked: preparing the checks costs as much
#: for a hundred rows as for a million, and months of files are many. More would only spill.
_LOT_BYTES = 1 << 28


def read_files(home: Home, as_of: date) -> dict:
    """Read every delivery whose content was not loaded before into `home.batch_db`, rebuilt from scratch.

    Returns:
        {"batch_id": str, "tables": {table: {"files": n, "rows_in": n, "accepted": n, "quarantined": n}},
        "warnings": [str]}; tables without new files are absent.

    Plain values of personal data go, encrypted, to `home.batch_vault_db`, which belongs to the same batch.

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
    with Databases.of(company) as tables:
        return _read_deliveries(home, as_of, company, tables)


def _read_deliveries(home: Home, as_of: date, company: Company, tables: Databases) -> dict:
    landing = Path(company.landing)
    # The batch is put together beside the old one: a run that is killed leaves the old one whole.
    beside = home.batch_db.with_name("batch.duckdb.new")
    vault_beside = home.batch_vault_db.with_name("batch.vault.duckdb.new")
    for leftover in (beside, vault_beside):
        batch.remove(leftover)
    contract = personal_contract(company.settings)
    key = pseudonyms.load_key(home)
    vault = Identities.of(home)
    known = batch.already_loaded(home)
    deliveries, warnings = (
        discover.mapped(landing, Path(company.source), tables)
        if company.source
        else discover.in_contract_shape(landing, tables)
    )
    deliveries = encoding.as_told(deliveries, company.settings, warnings)
    deliveries += discover.mended(home, vault.key)
    _check_required_tables(deliveries, known)
    new = _not_loaded(deliveries, known, warnings)
    batch_id = _batch_id(as_of, new)
    connection = duck.connect(beside, home.tmp_dir)
    try:
        encrypted.enable(connection)
        pseudonyms.use_key(connection, key)
        rules.create_macros(connection)
        batch.create(connection, batch_id, as_of)
        door.guard(connection, known.erased)
        vault.start_batch(connection, vault_beside, batch_id)
        summary = _read_all(connection, contract, new, known, warnings)
        batch.add_warnings(connection, warnings)
        connection.close()
        vault.replace_batch(vault_beside)
        batch.replace(beside, home.batch_db)
    finally:
        connection.close()
        batch.remove(beside)
        batch.remove(vault_beside)
    return {"batch_id": batch_id, "tables": summary, "warnings": warnings}


def _check_required_tables(deliveries: list[Delivery], known: batch.Known) -> None:
    there = {delivery.table for delivery in deliveries} | known.tables_with_rows
    for table in source_contract().values():
        if table.required and table.name not in there:
            raise BadInput(
                f"the required table {table.name} was not delivered",
                f"put its files into <landing>/{table.name}/, name its table in databases.yml, "
                f"or give a mapping {table.name}.sql",
            )


def _not_loaded(deliveries: list[Delivery], known: batch.Known, warnings: list[str]) -> list[Delivery]:
    """Deliveries with new content; of equal ones the first, as if the second had come a day later."""
    new: dict[tuple[str, str], Delivery] = {}
    again: dict[str, list[str]] = {}
    for delivery in deliveries:
        content = (delivery.table, delivery.content_hash)
        if content in new:
            # A month without rows is a fact, and looks like every other.
            if any(file.has_rows() for file in delivery.files):
                again.setdefault(new[content].label, []).append(delivery.label)
        elif content not in known.hashes:
            new[content] = delivery
    for first, labels in again.items():
        warnings.append(f"not read, since {first} has the same content: {discover.several(labels)}")
    return list(new.values())


def _batch_id(as_of: date, new: list[Delivery]) -> str:
    if not new:
        return f"{as_of:%Y%m%d}-nothing"
    hashes = "\n".join(sorted(delivery.content_hash for delivery in new))
    return f"{as_of:%Y%m%d}-{hashlib.sha256(hashes.encode()).hexdigest()[:8]}"


def _read_all(
    connection, contract: dict[str, Table], new: list[Delivery], known: batch.Known, warnings: list[str]
) -> dict:
    shared: dict[str, stage.Staged] = {}
    summary = {}
    for table in contract.values():
        of_table = [delivery for delivery in new if delivery.table == table.name]
        if not of_table:
            continue
        batch.create_table(connection, table)
        counts = {"files": len(of_table), "rows_in": 0, "accepted": 0, "quarantined": 0}
        extra: dict[str, list[str]] = {}
        for lot in _lots(of_table):
            read = _read_mended if lot[0].mended else _read_mapping if lot[0].sql else _read_files
            rows_in, broken = read(connection, lot, table, shared, extra)
            labels = discover.several([delivery.label for delivery in lot])
            accepted, refused = _sort_rows(connection, table, labels, read is _read_files)
            batch.add_files(connection, lot, rows_in)
            counts["rows_in"] += sum(rows_in)
            counts["accepted"] += accepted
            counts["quarantined"] += refused + broken
        warnings += [f"{discover.several(labels)}: {what}" for what, labels in extra.items()]
        if table.required and not counts["rows_in"] and table.name not in known.tables_with_rows:
            labels = discover.several([delivery.label for delivery in of_table])
            raise BadInput(
                f"the required table {table.name} has no rows ({labels})",
                "deliver a file with rows below the header",
            )
        summary[table.name] = counts
    return summary


def _lots(deliveries: list[Delivery]) -> Iterator[list[Delivery]]:
    """Deliveries in their order, cut into those whose rows are checked together."""
    lot, size = [], 0
    for delivery in deliveries:
        more = sum(file.size_bytes for file in delivery.files)
        is_alone = [bool(each.sql or each.mended) for each in (*lot[:1], delivery)]
        if lot and (any(is_alone) or size + more > _LOT_BYTES):
            yield lot
            lot, size = [], 0
        lot.append(delivery)
        size += more
    if lot:
        yield lot


def _read_files(
    connection, lot: list[Delivery], table: Table, shared: dict, extra: dict[str, list[str]]
) -> tuple[list[int], int]:
    """Files in the contract's shape as the relation `delivered`; personal data is replaced on the way.

    Returns:
        The rows of each file, and how many of them were broken lines, which are in quarantine already.
    """
    known = {column.lower() for column in table.column_names}
    rows_in, all_broken = [], 0
    for place, delivery in enumerate(lot):
        file = delivery.files[0]

        def select(columns: dict[str, str], name: str = file.name) -> dict[str, str]:
            return _contract_columns(table, columns, name, extra)

        staged = stage.stage_file(connection, file, "_roundtrip_file", select)
        if staged.note:
            extra.setdefault(staged.note, []).append(file.name)
        # A broken line has no columns to replace personal data in, so none of it is kept where there may be
        # some.
        withhold = any(column.pii for column in table.columns) or any(
            column.lower() not in known for column in staged.columns
        )
        rows = f"SELECT *, {delivery.order} AS _order FROM _roundtrip_file"
        if len(lot) == 1:
            connection.execute(f"CREATE OR REPLACE TEMP VIEW delivered AS {rows}")
            count = connection.execute("SELECT count(*) FROM delivered").fetchone()[0]
        else:
            into = "INSERT INTO" if place else "CREATE OR REPLACE TEMP TABLE"
            count = connection.execute(
                f"{into} _roundtrip_delivered {'' if place else 'AS '}{rows}"
            ).fetchone()[0]
        broken = _set_broken_aside(connection, table, staged.broken, withhold)
        rows_in.append(count + broken)
        all_broken += broken
    if len(lot) > 1:
        connection.execute("CREATE OR REPLACE TEMP VIEW delivered AS FROM _roundtrip_delivered")
    return rows_in, all_broken


def _read_mapping(
    connection, lot: list[Delivery], table: Table, shared: dict, extra: dict[str, list[str]]
) -> tuple[list[int], int]:
    """One SELECT over the company's files as the relation `delivered`; otherwise as `_read_files`."""
    (delivery,) = lot
    broken = []
    for view, files in delivery.views.items():
        for file in files:
            if file.name not in shared:
                shared[file.name] = stage.stage_file(connection, file, f"_staged {file.name}", dict)
                if note := shared[file.name].note:
                    extra.setdefault(note, []).append(file.name)
            broken.append(shared[file.name].broken)
        union = " UNION ALL BY NAME ".join(
            f"SELECT * FROM {sql.name(f'_staged {file.name}')}" for file in files
        )
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {sql.name(view)} AS {union}")
    try:
        described = connection.execute(f"DESCRIBE {delivery.sql}").fetchall()
        columns = {row[0]: sql.name(row[0]) for row in described if row[0] not in stage.OWN_COLUMNS}
        own = {row[0] for row in described} & set(stage.OWN_COLUMNS)
        expressions = _contract_columns(table, columns, delivery.label, extra)
        names = ", ".join(sql.text(file.name) for file in delivery.files)
        select = ", ".join(
            f"{expression} AS {sql.name(column)}" for column, expression in expressions.items()
        )
        file = "_file::VARCHAR" if "_file" in own else "NULL::VARCHAR"
        line = "TRY_CAST(_line AS BIGINT)" if "_line" in own else "NULL::BIGINT"
        count = connection.execute(
            f"CREATE OR REPLACE TEMP TABLE _roundtrip_delivered AS SELECT {select}, {file} AS _file, "
            f"{line} AS _line, coalesce(list_position([{names}]::VARCHAR[], {file}), 0) AS _order "
            f"FROM ({delivery.sql}\n)"
        ).fetchone()[0]
    except duckdb.Error as error:
        reason = _without_values(str(error))
        raise BadInput(f"{delivery.label} cannot be run: {reason}", "mend the mapping's SELECT") from error
    # A company's file may bear the name of a contract table; its view must not stand before the table.
    for view in delivery.views:
        connection.execute(f"DROP VIEW {sql.name(view)}")
    connection.execute("CREATE OR REPLACE TEMP VIEW delivered AS FROM _roundtrip_delivered")
    all_broken = sum(_set_broken_aside(connection, table, name, withhold=True) for name in broken)
    return [count + all_broken], all_broken


def _read_mended(
    connection, lot: list[Delivery], table: Table, shared: dict, extra: dict[str, list[str]]
) -> tuple[list[int], int]:
    """Rows mended by hand as the relation `delivered`; otherwise as `_read_files`."""
    (delivery,) = lot
    return [requeued.read(connection, delivery.mended, table, delivery.label)], 0


def _without_values(message: str) -> str:
    """The first line of a DuckDB error without quoted values, which may be personal data."""
    first = message.splitlines()[0]
    if first.startswith(("Binder Error", "Catalog Error", "Parser Error")):
        return first
    return re.sub(r"(['\"]).*\1", "'…'", first)


def _contract_columns(
    table: Table, delivered: dict[str, str], label: str, extra: dict[str, list[str]]
) -> dict[str, str]:
    """Contract column -> SQL of its delivered text: trimmed, empty as NULL, personal data as pseudonyms.

    The plain values that go to the vault stand beside them, as `_plain_<column>`.
    Columns that are not the contract's are noted in `extra`: what to warn of -> labels of who delivered them.

    Raises:
        BadInput: a required column was not delivered.
    """
    by_name = {column.lower(): expression for column, expression in delivered.items()}
    for column in table.columns:
        # JSON lines without any object name no columns at all; there is nothing to miss them in.
        if delivered and column.required and column.name not in by_name:
            match = discover.closest(column.name, set(delivered) - set(table.column_names))
            raise BadInput(
                f"{label}: the required column {column.name} is missing",
                f"the closest column there is {match}; rename it"
                if match
                else f"columns there are: {', '.join(delivered)}",
            )
    if unknown := [column for column in delivered if column.lower() not in table.column_names]:
        extra.setdefault(f"unknown columns are not read: {', '.join(unknown)}", []).append(label)
    expressions = {}
    for column in table.columns:
        value = f"as_text({by_name[column.name]})" if column.name in by_name else "NULL::VARCHAR"
        if column.pii:
            expressions[column.name] = pseudonyms.of_column(table, column, value)
        else:
            expressions[column.name] = value
    for column in vaulted(table):
        expressions[f"_plain_{column}"] = (
            f"as_text({by_name[column]})" if column in by_name else "NULL::VARCHAR"
        )
    return expressions


def _sort_rows(connection, table: Table, label: str, is_line_a_key: bool) -> tuple[int, int]:
    """Insert the rows of `delivered` into the table or its quarantine; how many went where.

    Args:
        is_line_a_key: no two rows have the same `_order` and `_line`, so the rows that are not in the table
            afterwards are the refused ones, and no check is carried out twice on all.
    """
    turned_away = door.turn_away(connection, table)
    delivered = connection.execute("SELECT count(*) FROM delivered").fetchone()[0]
    typed, refused, reasons = rules.split(table)
    columns = ", ".join(sql.name(column) for column in table.column_names)
    accepted = connection.execute(
        f"INSERT INTO {sql.name(table.name)} WITH typed AS ({typed}) "
        f"SELECT {columns}, _file, _line, {rules.row_hash(table)}, _order "
        f"FROM typed WHERE NOT {refused}"
    ).fetchone()[0]
    _put_in_vault(connection, table)
    quarantined = 0
    if accepted < delivered:
        fields = ", ".join(
            f"{sql.text(column.name)}: {_kept(rules.text_column(column.name), column.pii)}"
            for column in table.columns
        )
        if is_line_a_key:
            connection.execute(
                "CREATE OR REPLACE TEMP TABLE _roundtrip_left AS SELECT d.* FROM delivered AS d "
                f"ANTI JOIN {sql.name(table.name)} AS a ON d._order = a._file_order AND d._line = a._line"
            )
            typed, refused, reasons = rules.split(table, "_roundtrip_left")
        quarantined = door.quarantine(
            connection,
            table,
            f"WITH typed AS ({typed}) SELECT _file, _line, to_json({{{fields}}})::VARCHAR AS row_json, "
            f"{reasons} AS reasons FROM typed WHERE {refused}",
        )
    if accepted + quarantined != delivered:
        raise CheckBroken(
            f"{label}: {delivered} rows read, but {accepted} accepted and {quarantined} refused",
            "this is a fault of the rules, not of the file; please report it",
        )
    return accepted, quarantined + turned_away


def _put_in_vault(connection, table: Table) -> None:
    """The plain values of delivered rows into the batch's vault; loading drops those of refused rows."""
    keys = ", ".join(f"{rules.typed(table.column(column))}::VARCHAR" for column in table.key)
    for column in vaulted(table):
        customer = "customer_id" if "customer_id" in table.column_names else "NULL::VARCHAR"
        connection.execute(
            f"INSERT INTO batch_vault.identities ({', '.join(IDENTITY_COLUMNS)}, _file_order, _line) "
            f"SELECT {sql.text(table.name)}, concat_ws(chr(31), {keys}) , {customer}, "
            f"{sql.text(column)}, {sql.name(column)}, {sql.name('_plain_' + column)}, _order, _line "
            # A mended row's untouched pseudonym may have no plain value any more.
            f"FROM delivered WHERE {sql.name('_plain_' + column)} IS NOT NULL"
        )


def _set_broken_aside(connection, table: Table, broken: str, withhold: bool) -> int:
    """Insert the broken lines of a staged file into the table's quarantine; how many there were."""
    content = sql.text(_WITHHELD) if withhold else "without_contacts(content)"
    return door.quarantine(
        connection,
        table,
        f"SELECT _file, _line, to_json({{'_content': {content}}})::VARCHAR AS row_json, "
        "[{'column': NULL::VARCHAR, 'rule': rule, 'reason': reason}] AS reasons "
        f"FROM {sql.name(broken)}",
    )


def _kept(value: str, is_pseudonym: bool) -> str:
    return value if is_pseudonym else f"without_contacts({value})"
