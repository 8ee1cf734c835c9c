"""Writing a product: one Parquet file a table and date, whole or absent, the same bytes for the same rows."""

import os
from pathlib import Path

import pandas as pd

from roundtrip.files import remove_abandoned


def write_product(rows: pd.DataFrame, columns: dict[str, str], path: Path) -> None:
    """Write the columns in this order; a column without any value keeps its type.

    Args:
        columns: name → string, date, double or integer.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"string": pa.string(), "date": pa.date32(), "double": pa.float64(), "integer": pa.int64()}
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
