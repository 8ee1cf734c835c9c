"""The tables of the published warehouse: what they hold, as the comments in the database say it."""

from dataclasses import dataclass

from roundtrip.ingest import sql
from roundtrip.queries import Answer, Refused, Warehouse

_TABLES = """
SELECT table_name, comment, column_count
FROM duckdb_tables() WHERE database_name = 'warehouse' AND schema_name = 'marts' ORDER BY table_name
"""
_COLUMNS = """
SELECT column_name, data_type, comment
FROM duckdb_columns()
WHERE database_name = 'warehouse' AND schema_name = 'marts' AND table_name = $table
ORDER BY column_index
"""
_SAMPLE_ROWS = 20


@dataclass(frozen=True)
class Table:
    """A table: comment, rows, columns (name, type, comment, share of rows without a value), and a sample."""

    name: str
    comment: str | None
    rows: int
    columns: list[dict]
    sample: Answer


def tables(warehouse: Warehouse) -> list[dict]:
    """name, comment, columns and rows of every table."""
    found = warehouse.rows(_TABLES)
    return [
        {
            "name": row["table_name"],
            "comment": row["comment"],
            "columns": row["column_count"],
            "rows": warehouse.ask(f"SELECT count(*) FROM {_named(row['table_name'])}").rows[0][0],
        }
        for row in found
    ]


def table(warehouse: Warehouse, name: str) -> Table:
    """One table.

    Raises:
        Refused: there is none of that name.
    """
    found = {row["table_name"]: row for row in warehouse.rows(_TABLES)}
    if name not in found:
        raise Refused("no_table", name)
    columns = warehouse.rows(_COLUMNS, {"table": name})
    counted = ", ".join(f"count({sql.name(column['column_name'])})" for column in columns)
    rows, *known = warehouse.ask(f"SELECT count(*), {counted} FROM {_named(name)}").rows[0]
    return Table(
        name=name,
        comment=found[name]["comment"],
        rows=rows,
        columns=[
            {
                "name": column["column_name"],
                "type": column["data_type"],
                "comment": column["comment"],
                "unknown_share": 1 - count / rows if rows else None,
            }
            for column, count in zip(columns, known, strict=True)
        ],
        sample=warehouse.ask(f"SELECT * FROM {_named(name)} LIMIT {_SAMPLE_ROWS}"),
    )


def _named(table_name: str) -> str:
    return f"marts.{sql.name(table_name)}"
