"""What a refused row was before the quarantine masked it: from the company's file, else from the vault."""

from pathlib import Path

import duckdb

from roundtrip.company import Company
from roundtrip.contract import Table
from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.ingest import landing, pseudonyms, sql, stage
from roundtrip.requeue import cells
from roundtrip.vault import Identities, encrypted
from roundtrip.vault.personal import vaulted


def find(connection: duckdb.DuckDBPyConnection, home: Home, company: Company, table: Table) -> None:
    """`original`: row_id and every contract column as the company delivered it, for rows of `matched`.

    A line counts only where it still reads as what was refused: with the same pseudonyms and, addresses and
    numbers masked, the same texts. Where a mapping stands between, the files have another shape; then there
    is nothing here.
    """
    columns = ", ".join(f"{sql.name(name)} VARCHAR" for name in table.column_names)
    connection.execute(f"CREATE TEMP TABLE original (row_id VARCHAR, {columns})")
    if company.source is not None:
        return
    names = connection.execute("SELECT DISTINCT _file FROM matched WHERE _file IS NOT NULL ORDER BY 1")
    for (name,) in names.fetchall():
        file = _file(Path(company.landing), name)
        if file is not None:
            _compare(connection, table, file)


def _file(folder: Path, name: str) -> landing.LandingFile | None:
    path = folder / name
    if not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
        return None
    found, _ = landing.files_in(path.parent, folder)
    return next((file for file in found if file.name == name), None)


def _compare(connection: duckdb.DuckDBPyConnection, table: Table, file: landing.LandingFile) -> None:
    def select(delivered: dict[str, str]) -> dict[str, str]:
        by_name = {column.lower(): expression for column, expression in delivered.items()}
        return {
            name: f"as_text({by_name[name]})" if name in by_name else "NULL::VARCHAR"
            for name in table.column_names
        }

    try:
        stage.stage_file(connection, file, "original_lines", select)
    except BadInput:
        # The file has changed into something else: what the quarantine holds is what there is.
        return
    same = " AND ".join(
        f"{_as_refused(table, column)} IS NOT DISTINCT FROM {cells.was(column.name, 'm')}"
        for column in table.columns
    )
    columns = ", ".join(f"o.{sql.name(name)}" for name in table.column_names)
    connection.execute(
        f"INSERT INTO original SELECT m.row_id, {columns} FROM matched AS m JOIN original_lines AS o "
        f"ON o._file = m._file AND o._line = m._line WHERE {same}"
    )


def _as_refused(table: Table, column) -> str:
    value = f"o.{sql.name(column.name)}"
    return pseudonyms.of_column(table, column, value) if column.pii else f"without_contacts({value})"


def find_in_vault(connection: duckdb.DuckDBPyConnection, vault: Identities, table: Table) -> None:
    """`in_vault`: row_id, and the plain value behind each vaulted column's pseudonym where the vault has one.

    The same person's other rows keep it there: a customer delivered again with a broken date, for example.
    """
    columns = vaulted(table)
    described = "".join(f", {sql.name(name)} VARCHAR" for name in columns)
    connection.execute(f"CREATE TEMP TABLE in_vault (row_id VARCHAR{described})")
    if not columns or not vault.home.vault_db.exists():
        return
    encrypted.attach(connection, vault.home.vault_db, "vault", key=vault.key, read_only=True)
    try:
        found = ", ".join(
            "(SELECT min(value) FROM vault.identities AS i "
            f"WHERE i.table_name = {sql.text(table.name)} AND i.column_name = {sql.text(name)} "
            f"AND i.pseudonym = {cells.was(name, 'matched')})"
            for name in columns
        )
        connection.execute(f"INSERT INTO in_vault SELECT row_id, {found} FROM matched")
    finally:
        connection.execute("DETACH vault")
