"""The shape of a text (ISO date, epoch seconds, decimal comma …) and the SQL that gives it the contract's."""

from dataclasses import dataclass

import duckdb

_D4 = r"(19|20|21)\d{2}"
_ISO_TIMESTAMP = rf"{_D4}-\d{{2}}-\d{{2}}[T ]\d{{2}}:\d{{2}}(:\d{{2}}(\.\d{{1,9}})?)?"
_CLOCK = r"([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?"

#: Shape -> what a whole text of it looks like, tried in this order; `{t}` is the text.
_SHAPES = {
    "email": r"[^\s@]+@[^\s@]+\.[^\s@]+",
    "phone": r"\+\d[\d ()-]{6,}\d|1[3-9]\d{9}",
    "iso_timestamp": _ISO_TIMESTAMP,
    "iso_offset": rf"{_ISO_TIMESTAMP} ?([Zz]|[+-]\d{{2}}:?(\d{{2}})?)",
    "iso_date": rf"{_D4}-\d{{2}}-\d{{2}}",
    "iso_month": rf"{_D4}-(0[1-9]|1[0-2])",
    "year_first": rf"{_D4}[/.-]\d{{1,2}}[/.-]\d{{1,2}}{_CLOCK}",
    "chinese_date": rf"{_D4}年\d{{1,2}}月\d{{1,2}}日{_CLOCK}",
    "year_last": rf"\d{{1,2}}[/.-]\d{{1,2}}[/.-]{_D4}{_CLOCK}",
    "word_date": rf"\d{{1,2}}[ -][A-Z][a-z]{{2,8}}[ -]{_D4}|[A-Z][a-z]{{2,8}} \d{{1,2}},? {_D4}",
    "digits_date": rf"{_D4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])",
    "digits_timestamp": rf"{_D4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([01]\d|2[0-3])[0-5]\d[0-5]\d",
    "epoch_seconds": r"[7-9]\d{8}|[1-3]\d{9}",
    "epoch_milliseconds": r"[7-9]\d{11}|[1-3]\d{12}",
    "integer": r"[+-]?\d{1,18}",
    "decimal": r"[+-]?(\d+\.\d*|\.\d+)([eE][+-]?\d{1,3})?",
    "decimal_comma": r"[+-]?\d{1,3}(\.\d{3})*,\d{1,2}|[+-]?\d+,\d{1,2}",
    "thousands": r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?",
    "money": r"([€$£¥￥] ?|[A-Z]{3} )[+-]?\d[\d,]*(\.\d+)?|[+-]?\d[\d,]*(\.\d+)?( ?[€$£¥￥元]| [A-Z]{3})",
}

_WRITTEN = frozenset(
    (
        "iso_timestamp",
        "iso_offset",
        "iso_date",
        "iso_month",
        "year_first",
        "chinese_date",
        "year_last",
        "word_date",
    )
)
#: Dates that are plain numbers too: only a name tells them from an id or an amount.
DIGITS = frozenset(("digits_date", "digits_timestamp", "epoch_seconds", "epoch_milliseconds"))
DATES = _WRITTEN | DIGITS
NUMBERS = frozenset(("integer", "decimal", "decimal_comma", "thousands", "money")) | DIGITS
#: Days since 1899-12-30 in a spreadsheet, 1954 to 2091.
EXCEL_DAYS = (20_000, 70_000)
_WITH_CLOCK = frozenset(("iso_timestamp", "digits_timestamp"))


@dataclass(frozen=True)
class Conversion:
    """SQL for the contract's form of a text; what does not fit goes through as it is, to be refused by name.

    `doubt` says what a human has to settle, None where nothing is open.
    """

    sql: str
    what: str
    doubt: str | None = None


def create_macro(connection: duckdb.DuckDBPyConnection) -> None:
    """`shape_of(t)`: the name of the first shape that a trimmed text has, else 'text'."""
    cases = " ".join(
        f"WHEN regexp_full_match(t, '{regex}') THEN '{shape}'" for shape, regex in _SHAPES.items()
    )
    connection.execute(f"CREATE TEMP MACRO shape_of(t) AS CASE {cases} ELSE 'text' END")


def share(shapes: dict[str, float], wanted: frozenset[str]) -> float:
    return sum(part for shape, part in shapes.items() if shape in wanted)


def main_date(shapes: dict[str, float]) -> str | None:
    """The date shape that most filled values have, if nearly all of them are dates."""
    dates = {shape: part for shape, part in shapes.items() if shape in DATES}
    return max(sorted(dates), key=dates.get) if sum(dates.values()) >= 0.8 else None


def as_moment(
    sql: str, shapes: dict[str, float], day_first: float, month_first: float, is_date: bool
) -> Conversion:
    """To ISO 8601, as a day if `is_date`.

    Args:
        day_first, month_first: share of values such as 13/01/2015 and 01/13/2015, which tell the order.
    """
    formats, what, doubt = [], [], None
    present = [shape for shape in DATES if shapes.get(shape, 0) >= 0.001]
    shape = main_date(shapes)
    others = sorted(set(present) - {shape})
    if shape in ("iso_timestamp", "iso_offset", "iso_date", "iso_month"):
        cut = f"left({sql}, 10)" if is_date and shape in ("iso_timestamp", "iso_offset") else sql
        kinds = {"iso_offset": "ISO 8601 with its offset", "iso_timestamp": "ISO 8601 without an offset"}
        if not set(others) & {"year_first", "year_last", "chinese_date", "word_date", "digits_date"}:
            return Conversion(cut, kinds.get(shape, "ISO 8601"), _clock_doubt(shape, is_date))
        formats += ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d"]
    if shape in ("epoch_seconds", "epoch_milliseconds"):
        factor = 1_000_000 if shape == "epoch_seconds" else 1_000
        moment = f"make_timestamp(try_cast({sql} AS BIGINT) * {factor})"
        return Conversion(_or_text(moment, sql, is_date), shape.replace("_", " ") + " since 1970, UTC")
    for one in [shape, *others]:
        more, name, open_question = _formats(one, day_first, month_first)
        formats += [each for each in more if each not in formats]
        what += [name] if name else []
        doubt = doubt or open_question
    listed = ", ".join(f"'{each}'" for each in formats)
    moment = f"try_strptime({sql}, [{listed}])"
    return Conversion(_or_text(moment, sql, is_date), " and ".join(what) or "a date", doubt)


def _or_text(moment: str, sql: str, is_date: bool) -> str:
    return f"coalesce({moment}{'::DATE' if is_date else ''}::VARCHAR, {sql})"


def _clock_doubt(shape: str, is_date: bool) -> str | None:
    if is_date or shape not in _WITH_CLOCK:
        return None
    return "the times carry no offset and are taken as UTC"


def _formats(shape: str, day_first: float, month_first: float) -> tuple[list[str], str, str | None]:
    if shape == "year_first":
        signs = "/", ".", "-"
        return [f for s in signs for f in _with_clock(f"%Y{s}%m{s}%d")], "year/month/day", None
    if shape == "chinese_date":
        return _with_clock("%Y年%m月%d日"), "年月日", None
    if shape == "word_date":
        return (
            ["%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%B %d, %Y", "%b %d, %Y", "%B %d %Y"],
            "month as a word",
            None,
        )
    if shape == "digits_date":
        return ["%Y%m%d"], "yyyymmdd", None
    if shape == "digits_timestamp":
        return ["%Y%m%d%H%M%S"], "yyyymmddhhmmss", "the times carry no offset and are taken as UTC"
    if shape != "year_last":
        return [], "", None
    is_day_first = day_first >= month_first
    order = "%d{s}%m{s}%Y" if is_day_first else "%m{s}%d{s}%Y"
    formats = [f for s in ("/", ".", "-") for f in _with_clock(order.format(s=s))]
    name = "day/month/year" if is_day_first else "month/day/year"
    if day_first and month_first:
        return (
            formats,
            name,
            f"{day_first:.1%} of the dates can only be day/month, {month_first:.1%} only month/day",
        )
    if not day_first and not month_first:
        return formats, name, "no value has a part over 12, so day/month could be month/day"
    which = "first" if is_day_first else "second"
    return formats, f"{name}, since the {which} part goes over 12 in {max(day_first, month_first):.0%}", None


def _with_clock(day: str) -> list[str]:
    return [day, f"{day} %H:%M:%S", f"{day} %H:%M"]


def as_excel_day(sql: str, is_date: bool) -> Conversion:
    """From days since 1899-12-30, with the time of day behind the point."""
    if is_date:
        moment = f"(DATE '1899-12-30' + try_cast(try_cast({sql} AS DOUBLE) AS INTEGER))"
    else:
        moment = f"(TIMESTAMP '1899-12-30' + to_seconds(round(try_cast({sql} AS DOUBLE) * 86400)))"
    return Conversion(f"coalesce({moment}::VARCHAR, {sql})", "spreadsheet days since 1899-12-30")


def as_number(sql: str, shapes: dict[str, float]) -> Conversion:
    """To digits with a decimal point."""
    if share(shapes, frozenset(("decimal_comma",))) > 0.05:
        return Conversion(f"replace(replace({sql}, '.', ''), ',', '.')", "numbers with a decimal comma")
    if share(shapes, frozenset(("money",))) > 0.001:
        return Conversion(f"regexp_replace({sql}, '[^0-9.+-]', '', 'g')", "amounts with a currency sign")
    if share(shapes, frozenset(("thousands",))) > 0.001:
        return Conversion(f"replace({sql}, ',', '')", "numbers with thousands set off by commas")
    return Conversion(sql, "numbers")
