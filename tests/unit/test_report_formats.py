"""Numbers, money and dates in both languages, and what stands where there is none."""

from datetime import date
from decimal import Decimal

import pytest

from roundtrip.report.formats import Formats

EN, ZH = Formats("en", "not available"), Formats("zh", "暂无数据")


@pytest.mark.parametrize("nothing", [None, float("nan"), float("inf"), Decimal("NaN")])
def test_what_is_missing_is_said(nothing):
    for text in (EN.integer(nothing), EN.decimal(nothing), EN.percent(nothing), EN.money(nothing, "EUR")):
        assert text == "not available"
    assert ZH.rate(nothing) == "暂无数据"


@pytest.mark.parametrize(
    ("value", "en", "zh"),
    [
        (0, "EUR 0", "EUR 0"),
        (999.4, "EUR 999", "EUR 999"),
        (1234, "EUR 1.23k", "EUR 1,234"),
        (5_652_000, "EUR 5.65m", "EUR 565.2万"),
        (Decimal("1234567890.12"), "EUR 1.23bn", "EUR 12.3亿"),
        (-20_500, "EUR -20.5k", "EUR -2.05万"),
        (9_999_999, "EUR 10.0m", "EUR 1,000万"),
    ],
)
def test_money(value, en, zh):
    assert EN.money(value, "EUR") == en
    assert ZH.money(value, "EUR") == zh


def test_what_rounds_to_nothing_has_no_minus():
    assert EN.points(-0.0002) == "+0.0"
    assert EN.decimal(-0.001) == "0.00"
    assert EN.change(-0.0001) == "+0.0%"
    assert EN.money(-0.2, "EUR") == "EUR 0"
    assert EN.points(-0.002) == "-0.2"


def test_rates_and_dates():
    assert EN.rate(0.01587) == "1.59%"
    assert EN.rate(0.984) == "98.4%"
    assert EN.day(date(2025, 11, 30)) == "30 November 2025"
    assert ZH.day(date(2025, 11, 3)) == "2025年11月3日"
    assert (EN.month(date(2025, 2, 28)), ZH.month(date(2025, 2, 28))) == ("February 2025", "2025年2月")
    assert EN.day(None) == "not available"
