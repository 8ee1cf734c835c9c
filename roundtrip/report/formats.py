"""Numbers, money and dates as text in English and Chinese; what is missing is said, and nothing is -0.0."""

import math
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

_MONTHS_EN = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
STEPS = {"en": ((1e9, "bn"), (1e6, "m"), (1e3, "k")), "zh": ((1e8, "亿"), (1e4, "万"))}


class Formats:
    """The formats of one language.

    Args:
        language: en or zh.
        not_available: what stands where there is no number.
    """

    def __init__(self, language: str, not_available: str):
        self.language = language
        self.not_available = not_available

    def integer(self, value: Any) -> str:
        """12,345."""
        return self.not_available if is_missing(value) else f"{float(value):z,.0f}"

    def decimal(self, value: Any, digits: int = 2) -> str:
        """0.74."""
        return self.not_available if is_missing(value) else f"{float(value):z,.{digits}f}"

    def percent(self, value: Any, digits: int = 1) -> str:
        """A share of 1 as 3.4%."""
        return self.not_available if is_missing(value) else f"{float(value):z.{digits}%}"

    def rate(self, value: Any) -> str:
        """A small share: two digits, since monthly churn moves in hundredths of a percentage point."""
        return self.percent(value, 2 if not is_missing(value) and abs(value) < 0.1 else 1)

    def change(self, share: Any) -> str:
        """A change as +3.4%."""
        return self.not_available if is_missing(share) else f"{float(share):+z.1%}"

    def points(self, share: Any) -> str:
        """A difference of shares in percentage points: +1.2."""
        return self.not_available if is_missing(share) else f"{float(share) * 100:+z.1f}"

    def short(self, value: Any) -> str:
        """An amount without needless digits: 18, 4.5, 1,234."""
        if is_missing(value):
            return self.not_available
        return self.decimal(value, 0 if float(value).is_integer() or abs(value) >= 100 else 1)

    def money(self, value: Any, currency: str | None) -> str:
        """EUR 1.23m, EUR 123.4万: the currency's code and three or four significant digits."""
        if is_missing(value):
            return self.not_available
        value = float(value)
        for size, name in STEPS[self.language]:
            if abs(value) >= size:
                number = value / size
                digits = 2 if abs(number) < 9.995 else 1 if abs(number) < 999.95 else 0
                return f"{currency or ''} {number:z,.{digits}f}{name}".strip()
        return f"{currency or ''} {value:z,.0f}".strip()

    def listed(self, items: Iterable[str]) -> str:
        """a, b, c; in Chinese a、b、c."""
        return ("、" if self.language == "zh" else ", ").join(items)

    def quarter(self, value: date) -> str:
        """2025 Q4, 2025年4季度."""
        number = (value.month + 2) // 3
        return f"{value.year}年{number}季度" if self.language == "zh" else f"{value.year} Q{number}"

    def day(self, value: date | None) -> str:
        """30 November 2025, 2025年11月30日."""
        if value is None:
            return self.not_available
        if self.language == "zh":
            return f"{value.year}年{value.month}月{value.day}日"
        return f"{value.day} {_MONTHS_EN[value.month - 1]} {value.year}"

    def month(self, value: date | None) -> str:
        """November 2025, 2025年11月."""
        if value is None:
            return self.not_available
        if self.language == "zh":
            return f"{value.year}年{value.month}月"
        return f"{_MONTHS_EN[value.month - 1]} {value.year}"


def is_missing(value: Any) -> bool:
    """Whether there is no number: None, NaN or an infinity."""
    return value is None or (isinstance(value, int | float | Decimal) and not math.isfinite(value))
