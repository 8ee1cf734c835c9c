"""All that a home tells, byte by byte and decoded: what a search for an erased person looks through."""

import gzip
import zipfile
from pathlib import Path

import duckdb

from roundtrip.home import Home
from roundtrip.vault import encrypted
from roundtrip.vault.key import load_key


def everything_told(home: Home) -> dict[str, str]:
    """Each file's bytes as text, and beside them what databases, Parquet, gzip and zip files hold.

    Databases are decrypted. `simulated/` would be a landing folder, which is the company's.
    """
    told = {}
    for file in sorted(path for path in home.root.rglob("*") if path.is_file()):
        if home.simulated_dir in file.parents:
            continue
        content = file.read_bytes()
        told[str(file)] = content.decode("latin-1")
        if file.name.endswith(".gz"):
            told[f"{file} unpacked"] = gzip.decompress(content).decode("latin-1")
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as packed:
                told[f"{file} unpacked"] = "".join(
                    packed.read(m).decode("latin-1") for m in packed.namelist()
                )
        if file.suffix == ".parquet":
            told[f"{file} rows"] = str(duckdb.sql(f"FROM '{file}'").fetchall())
        if file.suffix == ".duckdb":
            told[f"{file} rows"] = rows_of(home, file)
    return told


def rows_of(home: Home, file: Path) -> str:
    connection = encrypted.workbench(home)
    key = load_key(home) if "vault" in file.name else None
    encrypted.attach(connection, file, "held", key=key, read_only=True)
    tables = connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'held'"
    ).fetchall()
    rows = [(t, connection.execute(f'FROM held."{s}"."{t}"').fetchall()) for s, t in tables]
    connection.close()
    return str(rows)
