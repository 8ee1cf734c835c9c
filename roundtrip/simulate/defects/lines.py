"""One row of delivered texts as a line of CSV, whole or damaged."""

import re

#: A row as it is delivered: contract column -> text, empty where missing, in the contract's order.
Row = dict[str, str]

# What DuckDB's writer quotes; so a line of ours is the very line that it would have written.
_NEEDS_QUOTES = re.compile(r'[,"#\r\n]')


def whole(row: Row) -> str:
    """The line as it should be, without its line feed."""
    return ",".join(_quoted(value) if _NEEDS_QUOTES.search(value) else value for value in row.values())


def without_quotes(row: Row) -> str:
    """The quotes were lost on the way, so a comma within a text looks like one between columns."""
    return ",".join(row.values())


def cut_off(row: Row) -> str:
    """The transfer broke off within the line: half of the columns are there."""
    columns = list(row)
    return whole({column: row[column] for column in columns[: len(columns) // 2]})


def _quoted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'
