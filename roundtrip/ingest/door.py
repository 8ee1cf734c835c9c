"""The door: whoever was erased does not come back with a later delivery.

Erased people are known by a keyed hash of their id only (raw.erasures). What is turned away is counted as
quarantined, and nothing of it is kept.
"""

from collections.abc import Iterable

import duckdb

from roundtrip.contract import Table, source_contract
from roundtrip.ingest import pseudonyms, sql
from roundtrip.vault.personal import is_customer_id

RULE = "erased"
#: What is left of a turned-away row, in a quarantine table.
EMPTY_ROW = "'{}'"
REASONS = (
    "[{'column': NULL::VARCHAR, 'rule': '" + RULE + "', 'reason': 'the customer was erased on request; "
    "nothing of the row is kept'}]"
)
#: Shorter ids would be found in numbers of travellers and days of months.
LEAST_SEARCHED = 6

_SEPARATORS = r"""[\s,;|"''{}\[\]()]+"""
_MACROS = f"""
CREATE OR REPLACE TEMP MACRO tokens_of(row_json) AS list_filter(
    list_distinct(
        json_extract_string(row_json, '$.*') || regexp_split_to_array(row_json, '{_SEPARATORS}')
    ),
    lambda token: length(token) >= {LEAST_SEARCHED} OR (token <> '' AND contains(row_json, '"_content"'))
)
"""


def id_columns(table: Table) -> tuple[list[str], list[str]]:
    """The columns that say whose row it is, and those that merely refer to another customer."""
    columns = [column for column in table.columns if is_customer_id(table, column)]
    return [c.name for c in columns if c.required], [c.name for c in columns if not c.required]


def is_gone(columns: list[str], relation: str) -> str:
    """SQL: one of the columns names somebody in `relation` (one column of ids)."""
    found = " OR ".join(f"{sql.name(column)} IN (FROM {relation})" for column in columns)
    return f"coalesce({found or 'false'}, false)"


def without(columns: list[str], relation: str) -> str:
    """SQL for `SELECT * …`: references to somebody in `relation` as NULL."""
    if not columns:
        return "*"
    replaced = ", ".join(
        f"CASE WHEN {sql.name(column)} IN (FROM {relation}) THEN NULL ELSE {sql.name(column)} END "
        f"AS {sql.name(column)}"
        for column in columns
    )
    return f"* REPLACE ({replaced})"


def create_macros(connection: duckdb.DuckDBPyConnection) -> None:
    """`tokens_of(row_json)`: the words in a quarantined row, among which an id may stand."""
    connection.execute(_MACROS)


def guard(connection: duckdb.DuckDBPyConnection, erased: Iterable[str]) -> None:
    """Tell a connection which hashes (of pseudonyms.erased_hash) may not pass; it must have the key."""
    create_macros(connection)
    connection.execute("CREATE OR REPLACE TEMP TABLE _erased (customer_hash VARCHAR)")
    hashes = list(erased)
    if hashes:
        connection.execute("INSERT INTO _erased SELECT unnest(?::VARCHAR[])", [hashes])
    connection.execute("CREATE OR REPLACE TEMP TABLE _gone (id VARCHAR)")


def _is_guarded(connection) -> bool:
    return connection.execute("SELECT count(*) FROM _erased").fetchone()[0] > 0


def turn_away(connection: duckdb.DuckDBPyConnection, table: Table) -> int:
    """Take erased people's rows out of the relation `delivered` and into quarantine, empty; how many."""
    own, others = id_columns(table)
    if not (own or others) or not _is_guarded(connection):
        return 0
    ids = " UNION ".join(f"SELECT {sql.name(column)} AS id FROM delivered" for column in own + others)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE _gone AS SELECT id FROM ({ids}) "
        f"WHERE {pseudonyms.erased_hash('id')} IN (FROM _erased)"
    )
    if not connection.execute("SELECT count(*) FROM _gone").fetchone()[0]:
        return 0
    refused = connection.execute(
        f"INSERT INTO {sql.name(table.name + '__quarantine')} SELECT _file, _line, {EMPTY_ROW}, {REASONS} "
        f"FROM delivered WHERE {is_gone(own, '_gone')}"
    ).fetchone()[0]
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE _roundtrip_let_in AS SELECT {without(others, '_gone')} "
        f"FROM delivered WHERE NOT {is_gone(own, '_gone')}"
    )
    connection.execute("CREATE OR REPLACE TEMP VIEW delivered AS FROM _roundtrip_let_in")
    return refused


def quarantine(connection: duckdb.DuckDBPyConnection, table: Table, rows: str) -> int:
    """Insert refused rows (a query: _file, _line, row_json, reasons) into a table's quarantine; how many.

    Columns of a refused row may be shifted, so an erased person's id is looked for in all of them.
    """
    into = f"INSERT INTO {sql.name(table.name + '__quarantine')} "
    if not _is_guarded(connection):
        return connection.execute(into + rows).fetchone()[0]
    connection.execute(f"CREATE OR REPLACE TEMP TABLE _roundtrip_refused AS {rows}")
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE _gone AS SELECT token AS id FROM "
        "(SELECT DISTINCT unnest(tokens_of(row_json)) AS token FROM _roundtrip_refused) "
        f"WHERE {pseudonyms.erased_hash('token')} IN (FROM _erased)"
    )
    return connection.execute(into + blanked("_roundtrip_refused", "_gone")).fetchone()[0]


def blanked(rows: str, gone: str) -> str:
    """SQL: quarantined rows with those emptied in which an id of the relation `gone` stands."""
    theirs = f"list_has_any(tokens_of(row_json), (SELECT coalesce(list(id), []) FROM {gone}))"
    return (
        f"SELECT * REPLACE (CASE WHEN {theirs} THEN {EMPTY_ROW} ELSE row_json END AS row_json, "
        f"CASE WHEN {theirs} THEN {REASONS} ELSE reasons END AS reasons) FROM {rows}"
    )


def every_id_column() -> tuple[set[str], set[str]]:
    """Names of columns, in any table of ours, that say whose row it is, or refer to another customer."""
    # Linked accounts are named by a column of their own (raw.customer_identities).
    own, others = {"account_id"}, set()
    for table in source_contract().values():
        mine, theirs = id_columns(table)
        own.update(mine)
        others.update(theirs)
    return own, others - own
