"""Keyed pseudonyms: personal data is replaced while it is read, so that no plain text is ever stored.

SHA-256 over a secret key and the value, lower-cased and trimmed: the same address gives the same pseudonym
in every delivery, and without the key nobody can try addresses until one fits.
"""

import re
from pathlib import Path

import duckdb

from roundtrip.contract import Column, Table
from roundtrip.errors import BadInput
from roundtrip.files import create_secret
from roundtrip.home import Home
from roundtrip.vault.personal import is_customer_id

_VARIABLE = "pseudonym_key"
_HEX_DIGITS = 32


def key_file(home: Home) -> Path:
    return home.secrets_dir / "pseudonym.key"


def load_key(home: Home) -> str:
    """The home's key (64 hex digits), created on the first run.

    Raises:
        BadInput: the key is gone although rows were loaded with it, or the file does not hold a key.
    """
    file = key_file(home)
    if not file.exists():
        if home.raw_db.exists():
            raise BadInput(
                f"{file} is missing, but {home.raw_db} holds pseudonyms made with it",
                "put the key back from your backup; with a new key no customer would match an earlier one",
            )
        create_secret(file)
    key = file.read_text(encoding="ascii", errors="replace").strip()
    if not re.fullmatch(r"[0-9a-f]{64}", key):
        raise BadInput(f"{file} does not hold a key of 64 hex digits", "put the key back from your backup")
    return key


def use_key(connection: duckdb.DuckDBPyConnection, key: str) -> None:
    """Hand the key to a connection as a variable, so that it stands in no query text or error message."""
    connection.execute(f"SET VARIABLE {_VARIABLE} = ?", [key])


def of_column(table: Table, column: Column, value: str) -> str:
    """SQL for the pseudonym of the trimmed text `value` of a column; NULL stays NULL.

    Upper and lower case make no two addresses, but they do make two ids.
    """
    folded = value if is_customer_id(table, column) else f"lower({value})"
    return f"left(sha256(getvariable('{_VARIABLE}') || {folded}), {_HEX_DIGITS})"


def erased_hash(value: str) -> str:
    """SQL for the hash by which an erased customer's id `value` is recognised, and by nothing else."""
    return f"sha256(getvariable('{_VARIABLE}') || 'erased ' || {value})"
