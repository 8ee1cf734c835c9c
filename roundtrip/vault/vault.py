"""The vault: what raw's pseudonyms stand for, and the batch's part of it on the way there."""

import os
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from roundtrip.contract import Table
from roundtrip.errors import RoundtripError
from roundtrip.home import Home
from roundtrip.vault.encrypted import attach, workbench
from roundtrip.vault.key import load_key
from roundtrip.vault.personal import vaulted

#: table_name, row_key (the row's key columns), customer_id as in raw, column_name, pseudonym, plain value.
COLUMNS = ("table_name", "row_key", "customer_id", "column_name", "pseudonym", "value")
_IDENTITIES = "(" + ", ".join(f"{column} VARCHAR" for column in COLUMNS) + ")"
_SAME_VALUE = " AND ".join(f"n.{c} = o.{c}" for c in ("table_name", "row_key", "column_name", "pseudonym"))


@dataclass(frozen=True)
class Identities:
    """A home's vault. `key` is never shown.

    Raises (every method):
        BadInput: the key is missing or wrong. Locked: another process holds the vault.
    """

    home: Home
    key: str = field(repr=False)

    @classmethod
    def of(cls, home: Home) -> "Identities":
        return cls(home, load_key(home))

    def start_batch(self, connection: duckdb.DuckDBPyConnection, file: Path, batch_id: str) -> None:
        """Attach a new batch vault to a connection that can encrypt, as `batch_vault`."""
        if self.home.vault_db.exists():
            # A wrong key is told now, before an hour of reading.
            attach(connection, self.home.vault_db, "vault", key=self.key, read_only=True)
            connection.execute("DETACH vault")
        attach(connection, file, "batch_vault", key=self.key)
        connection.execute("CREATE TABLE batch_vault.batch AS SELECT ? AS batch_id", [batch_id])
        columns = _IDENTITIES[:-1] + ", _file_order INTEGER, _line BIGINT)"
        connection.execute(f"CREATE TABLE batch_vault.identities {columns}")

    def take_in(self, batch_id: str) -> int:
        """Copy the batch's values into the vault; again does no harm. Returns how many there were.

        Raises:
            RoundtripError: the batch vault belongs to another batch.
        """
        file = self.home.batch_vault_db
        connection = workbench(self.home)
        try:
            attach(connection, self.home.vault_db, "vault", key=self.key)
            connection.execute(f"CREATE TABLE IF NOT EXISTS vault.identities {_IDENTITIES}")
            found = None
            if file.exists():
                attach(connection, file, "batch_vault", key=self.key, read_only=True)
                (found,) = connection.execute("SELECT batch_id FROM batch_vault.batch").fetchone()
            if found != batch_id:
                raise RoundtripError(
                    f"{file} belongs to batch {found}, but batch {batch_id} is to be loaded",
                    "run the read_files stage again",
                )
            # One pseudonym may stand for several spellings (upper case, blanks): the last one is kept.
            connection.execute(
                "CREATE TEMP TABLE taken AS SELECT table_name, row_key, "
                "any_value(customer_id) AS customer_id, column_name, pseudonym, "
                "arg_max(value, (_file_order, coalesce(_line, 0))) AS value "
                "FROM batch_vault.identities GROUP BY table_name, row_key, column_name, pseudonym"
            )
            connection.execute("BEGIN")
            connection.execute(
                f"DELETE FROM vault.identities AS o USING taken AS n WHERE {_SAME_VALUE}",
            )
            (taken,) = connection.execute("INSERT INTO vault.identities FROM taken").fetchone()
            connection.execute("COMMIT")
        finally:
            connection.close()
        self.home.vault_db.chmod(0o600)
        return taken

    def keep_only_raws(self, contract: dict[str, Table]) -> int:
        """Delete every value that no pseudonym in raw stands for any more; how many there were.

        Args:
            contract: with `pii` set as the company marks it (vault.personal.personal_contract).
        """
        if not self.home.vault_db.exists() or not self.home.raw_db.exists():
            return 0
        standing = " UNION ALL ".join(
            f"SELECT '{table.name}' AS table_name, {row_key(table)} AS row_key, '{column}' AS column_name, "
            f'"{column}" AS pseudonym FROM raw_db.raw."{table.name}" WHERE "{column}" IS NOT NULL'
            for table in contract.values()
            for column in vaulted(table)
        )
        connection = workbench(self.home)
        try:
            attach(connection, self.home.vault_db, "vault", key=self.key)
            attach(connection, self.home.raw_db, "raw_db", read_only=True)
            (gone,) = connection.execute(
                "DELETE FROM vault.identities WHERE rowid IN (SELECT n.rowid FROM vault.identities AS n "
                f"ANTI JOIN ({standing}) AS o ON {_SAME_VALUE})"
            ).fetchone()
        finally:
            connection.close()
        return gone

    def replace_batch(self, beside: Path) -> None:
        """Move a finished batch vault into place."""
        beside.chmod(0o600)
        os.replace(beside, self.home.batch_vault_db)


def row_key(table: Table) -> str:
    """SQL for a row's key as one text."""
    return "concat_ws(chr(31), " + ", ".join(f'"{column}"::VARCHAR' for column in table.key) + ")"
