"""Refused rows that are still open, as CSV files that a person can mend."""

import os
import shutil
from pathlib import Path

from roundtrip.company import Company
from roundtrip.contract import Table
from roundtrip.errors import BadInput
from roundtrip.files import remove_abandoned
from roundtrip.home import Home
from roundtrip.ingest import sql
from roundtrip.requeue import cells, states
from roundtrip.vault import encrypted
from roundtrip.vault.personal import personal_contract

#: The column that says which refused row a line stands for.
ID = "_id"
_BOM = b"\xef\xbb\xbf"


def export(
    home: Home, place: Path, table: str | None = None, rule: str | None = None, run: str | None = None
) -> dict[Path, int]:
    """Write open refused rows, one CSV file a table, in the contract's shape.

    `_id` comes first; behind the contract's columns stand where the row came from (`_file`, `_line`), why it
    was refused (`_reasons`), and, for a line that could not be told apart, what is kept of it (`_content`).
    Personal data is `kept:<pseudonym>`: left as it is, it stays what was delivered.

    Args:
        place: a file that ends in .csv, for one table; else a folder, which gets `<table>.csv`.
        table, rule, run: only rows of that table, refused by that rule, in that run.

    Returns:
        Rows by file written.

    Raises:
        BadInput: there is no such row; the place holds a file already; one file is asked for several tables.
    """
    contract = personal_contract(Company.load(home).settings)
    if table is not None and table not in contract:
        raise BadInput(f"there is no contract table {table!r}", f"tables are: {', '.join(contract)}")
    connection = encrypted.workbench(home)
    try:
        states.create_view(connection, home)
        cells.create_macros(connection)
        connection.execute(
            f"CREATE TEMP TABLE chosen AS FROM {states.VIEW} WHERE state = 'open' "
            "AND table_name = coalesce($table, table_name) AND run_id = coalesce($run, run_id) "
            "AND ($rule IS NULL OR list_contains(list_transform(reasons, lambda why: why.rule), $rule))",
            {"table": table, "run": run, "rule": rule},
        )
        found = connection.execute(
            "SELECT table_name, count(*) FROM chosen GROUP BY table_name ORDER BY table_name"
        ).fetchall()
        if not found:
            raise BadInput(
                "no refused row is open" + (" that fits what was asked for" if table or rule or run else ""),
                "`roundtrip requeue` shows which there are",
            )
        if place.suffix.lower() == ".csv" and len(found) > 1:
            raise BadInput(
                f"{place} would hold rows of several tables: {', '.join(name for name, _ in found)}",
                "name one with --table, or give a folder",
            )
        written = {}
        for name, rows in found:
            target = place if place.suffix.lower() == ".csv" else place / f"{name}.csv"
            if target.exists():
                raise BadInput(f"{target} is there already", "somebody may be mending it; give another name")
            _write(connection, home, contract[name], target)
            written[target] = rows
    finally:
        connection.close()
    return written


def exported(table: Table, column: str, row: str) -> str:
    """SQL: what the file shows of a column of the refused row in the relation `row`, before it is guarded."""
    value = cells.was(column, row)
    if not table.column(column).pii:
        return value
    led = f"{sql.text(cells.KEPT)} || {value}"
    return f"CASE WHEN {cells.is_pseudonym(value)} THEN {led} ELSE {value} END"


def _write(connection, home: Home, table: Table, target: Path) -> None:
    columns = {ID: "row_id"} | {name: exported(table, name, "chosen") for name in table.column_names}
    columns |= {
        "_file": "_file",
        "_line": "_line::VARCHAR",
        "_reasons": "array_to_string(list_transform(reasons, lambda why: why.reason), '; ')",
        "_content": "json_extract_string(row_json, '$._content')",
    }
    select = ", ".join(f"guarded({value}) AS {sql.name(name)}" for name, value in columns.items())
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(target.parent, f".{target.name}.*.tmp")
    rows = home.tmp_dir / f"refused-rows.{os.getpid()}.tmp"
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        connection.execute(
            f"COPY (SELECT {select} FROM chosen WHERE table_name = {sql.text(table.name)} "
            "ORDER BY run_id, row_number) "
            f"TO {sql.text(str(rows))} (FORMAT csv, HEADER, FORCE_QUOTE *)"
        )
        with rows.open("rb") as source, beside.open("wb") as file:
            # A company's rows are nobody else's business; and without the mark a spreadsheet takes UTF-8 for
            # something else.
            beside.chmod(0o600)
            file.write(_BOM)
            shutil.copyfileobj(source, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    finally:
        rows.unlink(missing_ok=True)
        beside.unlink(missing_ok=True)
