"""Dates and numbers in the formats of many systems, brought to the contract's by the drafted SQL."""

from datetime import date, datetime

import pytest

from roundtrip.draft.profile import profile
from roundtrip.draft.reading import opened
from roundtrip.draft.shapes import as_excel_day, as_moment, as_number

MOMENT = datetime(2015, 7, 13, 9, 5)


def converted(tmp_path, name: str, values: list[str], convert):
    """The field of one column with these values, its conversion, and the converted values."""
    lines = "".join(f'"{value}"\n' for value in values)
    (tmp_path / "file.csv").write_text(f"{name}\n{lines}", encoding="utf-8")
    with opened(tmp_path) as (connection, (source,)):
        (found,) = profile(connection, source)
        conversion = convert(found)
        rows = connection.execute(f"SELECT {conversion.sql} FROM {source.sample} ORDER BY _line").fetchall()
    return found, conversion, [row[0] for row in rows]


def moment(is_date=False):
    return lambda f: as_moment(f.sql, f.shapes, f.day_first, f.month_first, is_date)


@pytest.mark.parametrize(
    ("written", "is_known_to_the_minute"),
    [
        ("2015-07-13", False),
        ("2015/7/13", False),
        ("2015年7月13日", False),
        ("13/07/2015", False),
        ("07/13/2015", False),
        ("13.07.2015 09:05", True),
        ("20150713", False),
        ("20150713090500", True),
        ("13-Jul-2015", False),
        ("July 13, 2015", False),
        ("2015-07-13 09:05:00", True),
        ("2015-07-13T09:05:00Z", True),
        ("1436778300", True),
        ("1436778300000", True),
    ],
)
def test_dates(tmp_path, written, is_known_to_the_minute):
    found, conversion, (*_, value, rest) = converted(
        tmp_path, "order_date", [written] * 9 + ["soon"], moment()
    )
    assert found.is_date
    assert rest == "soon", "what is no date goes through as it is"
    assert "could be" not in (conversion.doubt or "")
    expected = MOMENT if is_known_to_the_minute else datetime(2015, 7, 13)
    assert datetime.fromisoformat(value).replace(tzinfo=None) == expected


def test_days_and_months_that_values_cannot_tell_apart_are_asked_about(tmp_path):
    _, conversion, values = converted(
        tmp_path, "order_date", ["03/04/2015", "05/06/2015"], moment(is_date=True)
    )
    assert "could be month/day" in conversion.doubt
    assert values == ["2015-04-03", "2015-06-05"]


def test_days_and_months_that_contradict_each_other_are_asked_about(tmp_path):
    _, conversion, _ = converted(tmp_path, "order_date", ["13/04/2015", "14/04/2015", "04/15/2015"], moment())
    assert "66.7% of the dates can only be day/month, 33.3% only month/day" in conversion.doubt


def test_numbers_are_dates_by_their_name_only(tmp_path):
    found, *_ = converted(tmp_path, "order_date", ["20150713"], moment())
    assert found.is_date
    found, *_ = converted(tmp_path, "order_number", ["20150713"], moment())
    assert not found.is_date


def test_spreadsheet_days(tmp_path):
    found, _, values = converted(
        tmp_path, "checkin_date", ["42198", "42199.5"], lambda f: as_excel_day(f.sql, False)
    )
    assert found.is_excel_date
    assert [datetime.fromisoformat(value) for value in values] == [
        datetime(2015, 7, 13),
        datetime(2015, 7, 14, 12),
    ]
    *_, values = converted(tmp_path, "checkin_date", ["42198"], lambda f: as_excel_day(f.sql, True))
    assert values == [date(2015, 7, 13).isoformat()]


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("12.50", "12.50"),
        ("1.234,56", "1234.56"),
        ("12,5", "12.5"),
        ("1,234.50", "1234.50"),
        ("€ 12.50", "12.50"),
        ("12.50 EUR", "12.50"),
    ],
)
def test_numbers(tmp_path, written, number):
    found, _, values = converted(tmp_path, "amount", [written], lambda f: as_number(f.sql, f.shapes))
    assert found.is_numeric
    assert values == [number]


def test_missing_markers_and_spaces_are_no_values(tmp_path):
    found, _, values = converted(
        tmp_path, "amount", [" 1 ", "NULL", "n/a", "", "2"], lambda f: as_number(f.sql, f.shapes)
    )
    assert (found.filled, found.distinct, found.rows) == (2, 2, 5)
    assert values == ["1", None, None, None, "2"]
