"""What the products' tables and columns hold, as comments of the published database (products.yml)."""

from functools import cache
from pathlib import Path

import duckdb
import yaml

from roundtrip.ingest import sql

_FILE = Path(__file__).with_name("products.yml")


@cache
def descriptions() -> dict[str, dict]:
    """Table → `description` and `columns` (column → what it holds), of every product."""
    tables = yaml.safe_load(_FILE.read_text(encoding="utf-8"))["tables"]
    # A folded text of YAML ends with a line break.
    return {
        table: {
            "description": told["description"].strip(),
            "columns": {column: words.strip() for column, words in told["columns"].items()},
        }
        for table, told in tables.items()
    }


def describe(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Comment on marts.<table> and on those of its columns that are described.

    What is not described goes without: a product may have columns of an earlier release, or a company's own.
    """
    told = descriptions().get(table)
    if told is None:
        return
    comment_on_table(connection, table, told["description"])
    for column, *_ in connection.execute(f'DESCRIBE marts."{table}"').fetchall():
        if column in told["columns"]:
            comment_on_column(connection, table, column, told["columns"][column])


def comment_on_table(connection: duckdb.DuckDBPyConnection, table: str, comment: str) -> None:
    connection.execute(f"COMMENT ON TABLE marts.{sql.name(table)} IS {sql.text(comment)}")


def comment_on_column(connection: duckdb.DuckDBPyConnection, table: str, column: str, comment: str) -> None:
    connection.execute(f"COMMENT ON COLUMN marts.{sql.name(table)}.{sql.name(column)} IS {sql.text(comment)}")
