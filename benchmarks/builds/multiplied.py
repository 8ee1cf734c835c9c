"""A company many times as large: every simulated customer so many times over, with everything they did."""

import duckdb

from roundtrip.contract import Table, source_contract


def multiply(raw: duckdb.DuckDBPyConnection, times: int, mark: str = "-") -> dict[str, int]:
    """Every row of every customer `times` over, each copy under ids of its own; returns rows by table.

    Ids get `mark` and a number; what was multiplied already needs another mark.

    The distributions stay those of the simulation, gaps, seasons and all, and only the size grows: what a
    build costs at a size is then a matter of the size alone.
    """
    rows = {}
    for table in source_contract().values():
        name = f"raw.raw.{table.name}"
        if ids := _ids(table):
            replaced = ", ".join(f'"{column}" || \'{mark}\' || copies.number AS "{column}"' for column in ids)
            raw.execute(
                f"INSERT INTO {name} SELECT rows.* REPLACE ({replaced}) "
                f"FROM {name} AS rows CROSS JOIN range(1, {times}) AS copies (number)"
            )
        rows[table.name] = raw.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
    raw.execute(
        "INSERT INTO raw.raw.customer_identities SELECT accounts.* REPLACE "
        f"(account_id || '{mark}' || number AS account_id, customer_id || '{mark}' || number AS customer_id) "
        f"FROM raw.raw.customer_identities AS accounts CROSS JOIN range(1, {times}) AS copies (number)"
    )
    raw.execute("CHECKPOINT raw")
    return rows


def _ids(table: Table) -> list[str]:
    """The columns that name a customer, a booking, or the row itself; none where no customer is told of."""
    names = [column.name for column in table.columns]
    if "customer_id" not in names:
        return []
    own = [column for column in table.key if column.endswith("_id")]
    others = [name for name in ("customer_id", "booking_id", "referred_by") if name in names]
    return list(dict.fromkeys([*own, *others]))
