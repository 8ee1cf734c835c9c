"""Asking the published warehouse: one file per figure, shown in the report as it ran."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb


@dataclass(frozen=True)
class Answer:
    """A query, what it was asked with, and what came back.

    `missing_tables` names what is not published; the query did not run then and `rows` is empty.
    """

    name: str
    sql: str
    tables: tuple[str, ...]
    parameters: dict[str, Any]
    rows: list[dict[str, Any]] = field(default_factory=list)
    missing_tables: tuple[str, ...] = ()

    @property
    def first(self) -> dict[str, Any]:
        """The only or first row; empty where there is none."""
        return self.rows[0] if self.rows else {}

    def by(self, column: str) -> dict[Any, dict[str, Any]]:
        """The rows by the value of a column that identifies them."""
        return {row[column]: row for row in self.rows}


def published_tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Names of the tables in `marts`."""
    rows = connection.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'marts'"
    ).fetchall()
    return {name for (name,) in rows}


def ask(connection: duckdb.DuckDBPyConnection, file: Path, published: set[str], **known: Any) -> Answer:
    """Run a file of SQL with those of the `known` parameters that it uses.

    Args:
        published: the tables in `marts`; the query does not run where one of its own is not among them.
    """
    sql = file.read_text(encoding="utf-8").strip()
    tables = tuple(sorted(set(re.findall(r"\bmarts\.(\w+)", sql))))
    parameters = {key: known[key] for key in sorted(set(re.findall(r"\$(\w+)", sql)))}
    missing = tuple(sorted(set(tables) - published))
    if missing:
        return Answer(file.stem, sql, tables, parameters, missing_tables=missing)
    cursor = connection.execute(sql, parameters or None)
    columns = [column[0] for column in cursor.description]
    rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    return Answer(file.stem, sql, tables, parameters, rows)
