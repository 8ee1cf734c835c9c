"""What goes wrong with a row: a change gives the row as it is delivered, or None where it does not fit."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from roundtrip.simulate.defects.lines import Row

Change = Callable[[Row], Row | None]

_ISO = "%Y-%m-%dT%H:%M:%SZ"
_EXCEL_BEGAN = datetime(1899, 12, 30, tzinfo=UTC)


def unchanged(row: Row) -> Row:
    return row


def to(column: str, text: str) -> Change:
    """A fixed text instead of a value."""
    return _with(column, lambda value: text)


def nobody(column: str) -> Change:
    """The first digit of a customer's id was typed twice; no id has so many digits."""
    return _with(column, lambda value: value[:2] + value[1:])


def thirtieth_of_february(column: str) -> Change:
    return _with(column, lambda value: f"{value[:4]}-02-30T25:61:00Z")


def day_first(column: str) -> Change:
    """31/12/2024 23:59:00: the exporting machine's own format."""
    return _with(column, lambda value: f"{_time(value):%d/%m/%Y %H:%M:%S}")


def excel_serial(column: str) -> Change:
    """Days since the end of 1899, as a spreadsheet saves a time."""
    return _with(column, lambda value: f"{(_time(value) - _EXCEL_BEGAN) / timedelta(days=1):.5f}")


def days_before(column: str, other: str, days: int) -> Change:
    """A date or time some days before the one that it must follow."""

    def change(row: Row) -> Row | None:
        if not row[column] or not row[other]:
            return None
        early = datetime.fromisoformat(row[other]) - timedelta(days=days)
        return row | {column: early.strftime("%Y-%m-%d" if len(row[column]) == len("2024-12-31") else _ISO)}

    return change


def above(column: str, other: str) -> Change:
    """An amount one unit above another amount of the row."""
    return lambda row: row | {column: f"{float(row[other]) + 1:.2f}"} if row[column] and row[other] else None


def thousands_separators(column: str) -> Change:
    """12,345.60 instead of 12345.60."""
    return lambda row: _separated(row, column)


def _separated(row: Row, column: str) -> Row | None:
    if not row[column] or abs(float(row[column])) < 1_000:
        return None
    return row | {column: f"{float(row[column]):,.2f}"}


def misread(column: str, written_in: str) -> Change:
    """A text saved in one encoding and opened as Windows-1252, then delivered as UTF-8."""

    def change(row: Row) -> Row | None:
        if row[column].isascii():
            return None
        return row | {column: "".join(_WINDOWS_1252[b] for b in row[column].encode(written_in, "replace"))}

    return change


#: Five bytes have no character in Windows-1252; browsers and databases keep them as control characters.
_WINDOWS_1252 = [
    bytes([b]).decode("cp1252") if b not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else chr(b) for b in range(256)
]


def has_separator(column: str) -> Change:
    """The row as it is, where the text holds a comma but no quotes: without its quotes it falls apart."""
    return lambda row: row if "," in row[column] and '"' not in row[column] else None


def stale(change: Change, started: str) -> Change:
    """The version before a correction: an hour older, or without `updated_at` where there was no hour yet."""

    def version(row: Row) -> Row | None:
        changed = change(row) if row["updated_at"] else None
        if changed is None:
            return None
        before = _time(row["updated_at"]) - timedelta(hours=1)
        return changed | {"updated_at": before.strftime(_ISO) if before >= _time(row[started]) else ""}

    return version


def not_yet_over(row: Row) -> Row | None:
    """A booking whose end had not been booked yet."""
    if row["status"] == "confirmed":
        return None
    return row | {"status": "confirmed", "cancelled_at": ""}


def doubled(column: str) -> Change:
    """An amount that was entered twice."""
    return _with(column, lambda value: f"{2 * float(value):.2f}")


def another(column: str, one: str, other: str) -> Change:
    """A wrong but possible text: `one`, or `other` where `one` is right."""
    return _with(column, lambda value: other if value == one else one)


def _with(column: str, text_of: Callable[[str], str]) -> Change:
    return lambda row: row | {column: text_of(row[column])} if row[column] else None


def _time(value: str) -> datetime:
    return datetime.strptime(value, _ISO).replace(tzinfo=UTC)
