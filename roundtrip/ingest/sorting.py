"""The rows of the relation `delivered`: each into its table, its quarantine or, plain values, the vault."""

from roundtrip.contract import Table
from roundtrip.errors import CheckBroken
from roundtrip.ingest import door, rules, sql
from roundtrip.vault.personal import vaulted
from roundtrip.vault.vault import COLUMNS as IDENTITY_COLUMNS

_WITHHELD = "withheld: the line may hold personal data; see the file"


def sort_rows(connection, table: Table, label: str, is_line_a_key: bool) -> tuple[int, int]:
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


def set_broken_aside(connection, table: Table, broken: str, withhold: bool) -> int:
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
