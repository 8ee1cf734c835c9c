"""Writing the landing folder: frames of codes become the contract's columns and texts, always the same bytes.

A frame has the contract's columns, in any order: ids as whole numbers, customers as account numbers, times as
epoch seconds and days as epoch days (-1: missing), anything else as it is (NaN or None: missing).
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa

from roundtrip.contract import Column, source_contract

#: Ids that are numbers in a frame, and the letter before their twelve hex digits in a file.
LETTERS = {
    "booking_id": "B",
    "event_id": "E",
    "ticket_id": "T",
    "response_id": "S",
    "entry_id": "L",
    "touch_id": "H",
    "request_id": "R",
}
_ACCOUNTS = ("customer_id", "referred_by")
_ACCOUNT_LIMIT = 10**8
_FRAME = "frame_to_write"


def open_connection() -> duckdb.DuckDBPyConnection:
    """A connection for the functions below. One thread keeps rows in the frame's order."""
    connection = duckdb.connect(config={"threads": 1})
    # By default DuckDB guesses the type of an object column from a sample, which may be all missing.
    connection.execute("SET pandas_analyze_sample = 0; SET enable_progress_bar = false")
    return connection


def file_name(table: str, label: str) -> str:
    """The file of a table and month of delivery (such as 2025-03), relative to the landing folder."""
    return f"{table}/{table}-{label}.csv"


@cache
def select_list(table: str) -> str:
    """SQL over a frame's columns: every contract column in its order, as the text that is delivered."""
    columns = source_contract()[table].columns
    return ", ".join(f'{_text(column)} AS "{column.name}"' for column in columns)


def _text(column: Column) -> str:
    name = f'"{column.name}"'
    # -1 is looked for only where a value may be missing: it costs a tenth of the writing.
    number = f"CAST({name} AS BIGINT)" if column.required else f"nullif(CAST({name} AS BIGINT), -1)"
    if letter := LETTERS.get(column.name):
        return f"format('{letter}{{:012x}}', {number})"
    if column.name in _ACCOUNTS:
        return f"'C' || substr(CAST({number} + {_ACCOUNT_LIMIT} AS VARCHAR), 2)"
    if column.type == "TIMESTAMP":
        return f"strftime(make_timestamp({number} * 1000000), '%Y-%m-%dT%H:%M:%SZ')"
    if column.type in ("DATE", "MONTH"):
        return f"CAST(DATE '1970-01-01' + CAST({number} AS INTEGER) AS VARCHAR)"
    return f"CAST(CAST({name} AS {column.sql_type}) AS VARCHAR)"


def write_csv(connection: duckdb.DuckDBPyConnection, frame: pd.DataFrame, table: str, file: Path) -> None:
    """One CSV file: UTF-8, a header, line feeds, nothing for a missing value, quotes only where needed."""
    _copy(connection, _in_arrow(frame), select_list(table), file, "FORMAT csv, HEADER, DELIMITER ','")


def append_lines(file: Path, lines: Iterable[bytes]) -> None:
    """Lines without their line feed, put below those of a file that `write_csv` has written."""
    with file.open("ab") as target:
        target.writelines(line + b"\n" for line in lines)


def as_text(connection: duckdb.DuckDBPyConnection, frame: pd.DataFrame, table: str) -> pd.DataFrame:
    """The same texts as `write_csv` would write, unquoted: a column of str each, empty where missing."""
    columns = source_contract()[table].column_names
    if frame.empty:
        return pd.DataFrame({column: [] for column in columns}, dtype=object)
    connection.register(_FRAME, _in_arrow(frame))
    try:
        rows = connection.execute(f"SELECT {select_list(table)} FROM {_FRAME}").fetchall()
    finally:
        connection.unregister(_FRAME)
    texts = [["" if value is None else value for value in row] for row in rows]
    return pd.DataFrame(texts, columns=list(columns), dtype=object)


def write_parquet(connection: duckdb.DuckDBPyConnection, frame: pd.DataFrame, file: Path) -> None:
    """One Parquet file (truth only): ids and accounts as in the CSV files, the rest as it is."""
    columns = ", ".join(_for_truth(name) for name in frame.columns)
    _copy(connection, frame, columns, file, "FORMAT parquet, COMPRESSION zstd")


def _for_truth(name: str) -> str:
    if letter := LETTERS.get(name):
        return f"format('{letter}{{:012x}}', CAST({name} AS BIGINT)) AS {name}"
    if name in ("customer_id", "person"):
        return f"'C' || substr(CAST(CAST({name} AS BIGINT) + {_ACCOUNT_LIMIT} AS VARCHAR), 2) AS {name}"
    return f'"{name}"'


def _in_arrow(frame: pd.DataFrame) -> pa.Table:
    """DuckDB needs some milliseconds to look at a pandas frame, however short; a history has a thousand."""
    return pa.Table.from_pandas(frame, preserve_index=False, nthreads=1)


def _copy(connection, frame: pd.DataFrame | pa.Table, columns: str, file: Path, options: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    target = str(file).replace("'", "''")
    connection.register(_FRAME, frame)
    try:
        connection.execute(f"COPY (SELECT {columns} FROM {_FRAME}) TO '{target}' ({options})")
    finally:
        connection.unregister(_FRAME)
