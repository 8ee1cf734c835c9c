"""Products, the tables made after publication: a Parquet file for each table and date, written and found.

`products/<table>/<as_of>.parquet`; roundtrip/publish says which of them are published how.
"""

import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from roundtrip.files import remove_abandoned
from roundtrip.home import Home

if TYPE_CHECKING:
    import pandas as pd

#: Kind of a column → its type in SQL.
SQL_TYPES = {
    "string": "VARCHAR",
    "date": "DATE",
    "double": "DOUBLE",
    "integer": "BIGINT",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP",
}


def write_product(rows: "pd.DataFrame", columns: dict[str, str], path: Path) -> None:
    """Write the columns in this order, whole or not at all; the same rows give the same bytes, and a column
    without any value keeps its type.

    Args:
        columns: name → a kind of SQL_TYPES; a timestamp has no zone and means UTC.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"string": pa.string(), "date": pa.date32(), "double": pa.float64(), "integer": pa.int64()}
    kinds |= {"boolean": pa.bool_(), "timestamp": pa.timestamp("us")}
    schema = pa.schema([(name, kinds[kind]) for name, kind in columns.items()])
    table = pa.Table.from_pandas(rows[list(columns)], schema=schema, preserve_index=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path.parent, f".{path.name}.*.tmp")
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        # Without pandas' own metadata, which names its version.
        pq.write_table(table.replace_schema_metadata(None), beside)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def newest(home: Home, table: str, until: date) -> Path | None:
    """The file of the last date up to `until`; None: there is none."""
    return _last(home, table, lambda day: day <= until.isoformat())


def newest_before(home: Home, table: str, as_of: date) -> Path | None:
    """The file of the last date before `as_of`: never its own, so that a second run reads what the first one
    read."""
    return _last(home, table, lambda day: day < as_of.isoformat())


def _last(home: Home, table: str, is_wanted) -> Path | None:
    files = (home.products_dir / table).glob("????-??-??.parquet")
    return max((file for file in files if is_wanted(file.stem)), default=None)


def rows_of(file: Path | None, columns: dict[str, str]) -> str:
    """SQL for the rows of a file, of those columns; for none where there is no file.

    A column that an earlier release did not write is NULL.

    Args:
        columns: name → a kind of SQL_TYPES.
    """
    return rows_of_all([] if file is None else [file], columns)


def rows_of_all(files: Sequence[Path], columns: dict[str, str]) -> str:
    """`rows_of` of several files; for none where there are none."""
    if not files:
        return f"({no_rows(columns)})"
    paths = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
    casts = ", ".join(f"CAST({name} AS {SQL_TYPES[kind]}) AS {name}" for name, kind in columns.items())
    written = f"SELECT * FROM read_parquet([{paths}], union_by_name = true)"
    return f"(SELECT {casts} FROM ({no_rows(columns)} UNION ALL BY NAME {written}))"


def no_rows(columns: dict[str, str]) -> str:
    """SQL for a table without a row."""
    nothing = ", ".join(f"NULL::{SQL_TYPES[kind]} AS {name}" for name, kind in columns.items())
    return f"SELECT {nothing} WHERE false"
