"""Stage `erase`: who asked for it disappears, and the proof of it stays."""

from collections.abc import Sequence
from datetime import date

import duckdb

from roundtrip import duck
from roundtrip.company import Company
from roundtrip.contract import Table, source_contract
from roundtrip.erase import places
from roundtrip.erase.places import WORDS
from roundtrip.erase.rewrite import GONE, TOGETHER, columns_of, name_them
from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.ingest import door, pseudonyms, sql
from roundtrip.ingest.load import IDENTITIES, PROOF_TABLES, RAW
from roundtrip.vault import Identities, encrypted
from roundtrip.vault.personal import personal_contract, vaulted


def erase(home: Home, as_of: date, customers: Sequence[str] = ()) -> dict:
    """Carry out every erasure request that raw holds, whatever its date, and those given by hand.

    Killed in between, the requests are still in raw, and the next call does everything again.

    Args:
        customers: ids as the company delivers them, each with at least one row in raw.

    Returns:
        {"customers": n, "requests": n, "rows": {place: n}, "accounts_sharing_contacts": n}: other accounts
        with the e-mail address or phone number of somebody erased; whether they are the same person is for
        people to decide.

    Raises:
        BadInput: a customer given by hand is unknown or erased already; the vault's key is missing or wrong.
        Locked: another process holds a database.
    """
    nothing = {"customers": 0, "requests": 0, "rows": {}, "accounts_sharing_contacts": 0}
    if not home.raw_db.exists():
        if customers:
            raise BadInput(f"{home.raw_db} does not exist", "nothing was ever loaded here")
        return nothing
    contract = personal_contract(Company.load(home).settings)
    key = pseudonyms.load_key(home)
    if customers:
        _note_requests(home, contract, key, as_of, customers)
    bench = encrypted.workbench(home)
    try:
        pseudonyms.use_key(bench, key)
        door.create_macros(bench)
        requests, shared = _find(bench, home, contract)
        (people,) = bench.execute(f"SELECT count(*) FROM {GONE}").fetchone()
        if not people:
            return nothing
        rows = places.everywhere_but_raw(bench, home, Identities.of(home))

        def prove(went: dict[str, int]) -> None:
            _write_proof(bench, as_of, rows | went)

        rows |= places.raw(bench, home, prove)
    finally:
        bench.close()
    return {"customers": people, "requests": requests, "rows": rows, "accounts_sharing_contacts": shared}


def _note_requests(home: Home, contract: dict[str, Table], key: str, as_of: date, customers) -> None:
    """Write requests given by hand into raw first, so that none is forgotten if this process is killed."""
    connection = duck.connect(home.raw_db, home.tmp_dir)
    try:
        for table, columns in PROOF_TABLES.items():
            connection.execute(f"CREATE TABLE IF NOT EXISTS {RAW}.{table} ({columns})")
        pseudonyms.use_key(connection, key)
        table = contract["customers"]
        column = table.column("customer_id")
        stored = pseudonyms.of_column(table, column, "$id") if column.pii else "$id"
        for customer in customers:
            (customer_id, customer_hash) = connection.execute(
                f"SELECT {stored} AS id, {pseudonyms.erased_hash('id')}", {"id": customer}
            ).fetchone()
            if not _is_known(connection, customer_id):
                _refuse(connection, customer, customer_hash)
            connection.execute(
                f"INSERT INTO {RAW}.erasure_requests (request_id, customer_id, requested_at) "
                "VALUES ('by hand ' || ?, ?, ?)",
                [customer_hash[:16], customer_id, as_of],
            )
    finally:
        connection.close()


def _is_known(connection, customer_id: str) -> bool:
    return any(
        connection.execute(
            f"SELECT count(*) FROM {RAW}.{sql.name(table.name)} WHERE {sql.name(column)} = ?", [customer_id]
        ).fetchone()[0]
        for table in source_contract().values()
        for column in door.id_columns(table)[0]
    )


def _refuse(connection, customer: str, customer_hash: str) -> None:
    erased = connection.execute(
        f"SELECT max(erased_as_of) FROM {RAW}.erasures WHERE customer_hash = ?", [customer_hash]
    ).fetchone()[0]
    if erased:
        raise BadInput(f"customer {customer!r} is erased already (run of {erased})", "nothing is left to do")
    raise BadInput(
        f"no row of a customer {customer!r} is in {RAW}", "check the id; it is compared exactly as delivered"
    )


def _find(bench: duckdb.DuckDBPyConnection, home: Home, contract: dict[str, Table]) -> tuple[int, int]:
    """Fill GONE, WORDS and `asked` from raw; the number of requests, and of accounts with their contacts."""
    places.apply_raw_log(bench, home)
    encrypted.attach(bench, home.raw_db, "held", read_only=True)
    try:
        # A load that was killed the first time leaves raw without tables.
        is_loaded = bool(columns_of(bench, "raw", "erasure_requests"))
        bench.execute(
            "CREATE TEMP TABLE asked (request_id VARCHAR, customer_id VARCHAR, requested_at TIMESTAMP)"
        )
        bench.execute(f"CREATE TEMP TABLE {GONE} (id VARCHAR)")
        if not is_loaded:
            return 0, 0
        (requests,) = bench.execute(
            "INSERT INTO asked SELECT request_id, customer_id, requested_at FROM held.raw.erasure_requests"
        ).fetchone()
        bench.execute(f"INSERT INTO {GONE} SELECT DISTINCT customer_id FROM asked")
        bench.execute(f"CREATE TEMP TABLE {TOGETHER} AS FROM {GONE}")
        if columns_of(bench, "raw", IDENTITIES):
            name_them(bench, f"held.raw.{IDENTITIES}")
        known_by = " UNION ".join(
            f'SELECT "{column}" FROM held.raw."{table.name}" '
            f'WHERE "{column}" IS NOT NULL AND {door.is_gone(door.id_columns(table)[0], GONE)}'
            for table in contract.values()
            for column in vaulted(table)
        )
        bench.execute(
            f"CREATE TEMP TABLE {WORDS} AS SELECT id AS word FROM {GONE} UNION SELECT * FROM ({known_by})"
        )
        (shared,) = bench.execute(
            f"SELECT count(*) FROM held.raw.customers WHERE customer_id NOT IN (FROM {GONE}) "
            f"AND (email IN (FROM {WORDS}) OR phone IN (FROM {WORDS}))"
        ).fetchone()
    finally:
        bench.execute("DETACH held")
    return requests, shared


def _write_proof(bench: duckdb.DuckDBPyConnection, as_of: date, rows: dict[str, int]) -> None:
    """Keyed hashes and days, and counts that belong to nobody in particular."""
    for table, columns in PROOF_TABLES.items():
        bench.execute(f"CREATE TABLE IF NOT EXISTS kept.raw.{table} ({columns})")
    bench.execute(
        "INSERT INTO kept.raw.erasures "
        f"SELECT {pseudonyms.erased_hash('customer_id')}, {pseudonyms.erased_hash('request_id')}, "
        "requested_at::DATE, ? FROM asked ORDER BY ALL",
        [as_of],
    )
    for place, count in rows.items():
        bench.execute("INSERT INTO kept.raw.erasure_counts VALUES (?, ?, ?)", [as_of, place, count])
