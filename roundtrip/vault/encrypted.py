"""DuckDB with real encryption: OpenSSL from the httpfs extension, which is installed as a wheel.

DuckDB's own crypto reads encrypted files and refuses to write them, temporary files included.
"""

from pathlib import Path

import duckdb

from roundtrip import duck, extensions
from roundtrip.errors import BadInput, Locked
from roundtrip.home import Home


def enable(connection: duckdb.DuckDBPyConnection) -> None:
    """Let a connection write encrypted files, and encrypt whatever it spills to disk."""
    extensions.load(connection, "httpfs")
    connection.execute("SET temp_file_encryption = true")


def workbench(home: Home) -> duckdb.DuckDBPyConnection:
    """A connection to no file, to which encrypted and plain ones can be attached; spills encrypted."""
    home.tmp_dir.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(config=duck.settings(home.tmp_dir))
    connection.execute(duck.SESSION)
    enable(connection)
    return connection


def attach(
    connection: duckdb.DuckDBPyConnection,
    file: Path,
    name: str,
    *,
    key: str | None = None,
    read_only: bool = False,
) -> None:
    """Attach a database file under `name`, encrypted where a key is given. The key is a parameter: it
    stands in no query text.

    Raises:
        BadInput: the key is not the one that the file was encrypted with.
        Locked: another process holds the file.
    """
    if not read_only:
        file.parent.mkdir(parents=True, exist_ok=True)
    options = [*(["ENCRYPTION_KEY ?"] if key else []), *(["READ_ONLY"] if read_only else [])]
    path = str(file).replace("'", "''")
    statement = f"ATTACH '{path}' AS {name}" + (f" ({', '.join(options)})" if options else "")
    try:
        connection.execute(statement, [key] if key else [])
    except duckdb.IOException as error:
        if "lock" not in str(error):
            raise
        raise Locked(
            f"{file} is held by another process", "wait for it to end, and run the same command again"
        ) from None
    except (duckdb.InvalidInputException, duckdb.CatalogException) as error:
        if "key" not in str(error):
            raise
        raise BadInput(
            f"the key given does not open {file}",
            "give the key it was written with: $ROUNDTRIP_VAULT_KEY, else secrets/vault.key in the home",
        ) from None
