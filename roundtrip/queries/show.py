"""Values of an answer as text and as CSV."""

import csv
import io
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from roundtrip.queries.warehouse import Answer
from roundtrip.report.formats import is_missing

#: A longer text is cut on the page; the CSV has it whole.
_MOST_LETTERS = 240
#: Below it a whole number may be a year or a month, which has no thousands.
_THOUSANDS_FROM = 10_000
_NUMBERS = ("DECIMAL", "DOUBLE", "FLOAT", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UBIGINT")


def shown(value: Any, yes_no: tuple[str, str]) -> str | None:
    """A value as text; None where there is none.

    Args:
        yes_no: the words for true and false.
    """
    if is_missing(value):
        return None
    if isinstance(value, bool):
        return yes_no[0] if value else yes_no[1]
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= _THOUSANDS_FROM else str(value)
    if isinstance(value, float | Decimal):
        text = f"{value:,.4f}" if abs(value) < 100 else f"{value:,.2f}"
        return text.rstrip("0").rstrip(".")
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, date):
        return value.isoformat()
    text = str(value)
    return text if len(text) <= _MOST_LETTERS else text[:_MOST_LETTERS] + " …"


def is_number(kind: str) -> bool:
    """Whether a DuckDB type is written flush right."""
    return kind.startswith(_NUMBERS)


def to_csv(answer: Answer) -> str:
    """The answer as CSV: unknown is empty, dates and times in ISO 8601."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(answer.columns)
    for row in answer.rows:
        writer.writerow(_plain(value) for value in row)
    return text.getvalue()


def _plain(value: Any) -> Any:
    if is_missing(value):
        return ""
    return value.isoformat() if isinstance(value, date) else value
