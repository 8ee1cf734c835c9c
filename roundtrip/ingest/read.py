"""Stage `read_files`: the files not loaded before, typed and sorted into accepted and refused rows."""

import hashlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from roundtrip import duck
from roundtrip.company import Company
from roundtrip.contract import Table, source_contract
from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.ingest import batch, delivered, discover, door, encoding, pseudonyms, rules, sorting, stage
from roundtrip.ingest.discover import Delivery
from roundtrip.ingest.postgres import Databases
from roundtrip.vault import Identities, encrypted
from roundtrip.vault.personal import personal_contract

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
            read = delivered.mended if lot[0].mended else delivered.mapping if lot[0].sql else delivered.files
            rows_in, broken = read(connection, lot, table, shared, extra)
            labels = discover.several([delivery.label for delivery in lot])
            accepted, refused = sorting.sort_rows(connection, table, labels, read is delivered.files)
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
