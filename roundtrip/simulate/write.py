"""Writing the landing folder: the contract's columns and types, the same bytes for the same arguments."""

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from roundtrip.contract import Table

_TIMESTAMP_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def as_contract(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """The contract's columns in its order; epoch seconds and days become times (negative: missing)."""
    out = {}
    for column in table.columns:
        values = frame[column.name]
        if column.type == "TIMESTAMP":
            seconds = values.to_numpy().astype(np.int64)
            times = seconds.astype("datetime64[s]")
            times[seconds < 0] = np.datetime64("NaT")
            out[column.name] = times
        elif column.type == "DATE":
            out[column.name] = values.to_numpy().astype("datetime64[D]").astype("datetime64[s]")
        else:
            out[column.name] = values
    return pd.DataFrame(out)


def write_csv(frame: pd.DataFrame, table: Table, file: Path) -> None:
    """One CSV file with a header, timestamps as ISO 8601 in UTC, nothing for a missing value."""
    file.parent.mkdir(parents=True, exist_ok=True)
    columns = ", ".join(f'CAST("{c.name}" AS {c.sql_type}) AS "{c.name}"' for c in table.columns)
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("delivered", frame)
        connection.execute(
            f"COPY (SELECT {columns} FROM delivered) TO '{_quoted(file)}' "
            f"(FORMAT csv, HEADER, DELIMITER ',', TIMESTAMPFORMAT '{_TIMESTAMP_FORMAT}', "
            "DATEFORMAT '%Y-%m-%d')"
        )


def write_parquet(frame: pd.DataFrame, file: Path) -> None:
    """One Parquet file (truth only)."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("truth", frame)
        connection.execute(
            f"COPY (SELECT * FROM truth) TO '{_quoted(file)}' (FORMAT parquet, COMPRESSION zstd)"
        )


def _quoted(file: Path) -> str:
    return str(file).replace("'", "''")
