"""Small pieces of SQL as a person would write them."""

import re
from functools import cache

import duckdb

from roundtrip.ingest import sql


@cache
def _reserved() -> frozenset[str]:
    with duckdb.connect() as connection:
        rows = connection.execute(
            "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'"
        )
        return frozenset(row[0] for row in rows.fetchall())


def identifier(name: str) -> str:
    """The name, in quotes only where it needs them."""
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) and name.lower() not in _reserved():
        return name
    return sql.name(name)


def mapping(value: str, pairs: list[tuple[str, str]], width: int = 96) -> str:
    """SQL that replaces words by others and leaves the rest: one map, a few pairs a line."""
    lines, line = [], ""
    for word, meaning in pairs:
        pair = f"{sql.text(word)}: {sql.text(meaning)}"
        if line and len(line) + len(pair) + 2 > width:
            lines.append(line)
            line = ""
        line += f"{', ' if line else ''}{pair}"
    body = ",\n        ".join([*lines, line])
    return f"coalesce(\n    MAP {{\n        {body}\n    }}[{value}],\n    {value}\n)"
