"""Keyed pseudonyms: personal data is replaced while it is read, so that no plain text is ever stored.

SHA-256 over a secret key and the value, lower-cased and trimmed: the same address gives the same pseudonym
in every delivery, and without the key nobody can try addresses until one fits.
"""

import os
import re
import secrets
from pathlib import Path

import duckdb

from roundtrip.errors import BadInput
from roundtrip.home import Home

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
        _create(file)
    key = file.read_text(encoding="ascii", errors="replace").strip()
    if not re.fullmatch(r"[0-9a-f]{64}", key):
        raise BadInput(f"{file} does not hold a key of 64 hex digits", "put the key back from your backup")
    return key


def _create(file: Path) -> None:
    """Write a whole key beside the place and link it in: the file has a key in it or is not there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.parent.chmod(0o700)
    beside = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as target:
            target.write(secrets.token_hex(32) + "\n")
            target.flush()
            os.fsync(target.fileno())
        # A link fails where os.replace would overwrite: a key, once there, is never exchanged.
        os.link(beside, file)
    except FileExistsError:
        pass
    finally:
        beside.unlink(missing_ok=True)


def use_key(connection: duckdb.DuckDBPyConnection, key: str) -> None:
    """Hand the key to a connection as a variable, so that it stands in no query text or error message."""
    connection.execute(f"SET VARIABLE {_VARIABLE} = ?", [key])


def expression(value: str) -> str:
    """SQL for the pseudonym of the trimmed text `value`; NULL stays NULL."""
    return f"left(sha256(getvariable('{_VARIABLE}') || lower({value})), {_HEX_DIGITS})"
