"""The exchange rates a company gives in company.yml: dated, and to its reporting currency."""

import csv
import re
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from roundtrip.errors import BadInput

_COLUMNS = ("currency", "valid_from", "rate")
#: They travel to dbt in one argument, which Linux limits to 128 kB: one a month for ten years and twelve
#: currencies.
MOST_RATES = 1500
_HINT = (
    "write `exchange_rates: [{currency: USD, valid_from: 2024-01-01, rate: 0.92}]`, or the name of a CSV "
    "file beside company.yml with the columns currency,valid_from,rate; a rate is what one unit is worth in "
    "reporting_currency"
)


def read_rates(given: Any, file: Path, reporting_currency: str | None) -> list[dict[str, str]]:
    """The rates as `{currency, valid_from, rate}` texts, in order of currency and date.

    Args:
        given: the value of `exchange_rates`: a list of mappings, or the name of a CSV file beside `file`.
        file: the company.yml it stands in.
        reporting_currency: what the rates convert to.

    Raises:
        BadInput: no reporting currency is set, the file is missing, a rate is not sound, or one is given
            twice; the message names the file and the line or place.
    """
    if not reporting_currency:
        raise BadInput(
            f"{file}: exchange_rates without reporting_currency",
            "add `reporting_currency: EUR` (or yours): it must not be left to the data what rates convert to",
        )
    if isinstance(given, str):
        rows = _rows_of_file(file.parent / given)
    elif isinstance(given, list):
        rows = [(f"{file}: exchange rate {place}", row) for place, row in enumerate(given, start=1)]
    else:
        raise BadInput(f"{file}: exchange_rates is neither a list nor the name of a file", _HINT)
    if len(rows) > MOST_RATES:
        raise BadInput(
            f"{file}: {len(rows)} exchange rates, at most {MOST_RATES} can be used",
            "give one rate a month instead of one a day",
        )
    rates: dict[tuple[str, str], dict[str, str]] = {}
    for where, row in rows:
        rate = _rate(where, row, reporting_currency)
        key = (rate["currency"], rate["valid_from"])
        if key in rates:
            raise BadInput(f"{where}: {key[0]} has a second rate from {key[1]} on", "keep one of the two")
        rates[key] = rate
    return [rates[key] for key in sorted(rates)]


def _rows_of_file(file: Path) -> list[tuple[str, dict]]:
    if not file.is_file():
        raise BadInput(f"exchange rates: {file} does not exist", _HINT)
    with file.open(encoding="utf-8-sig", newline="") as text:
        reader = csv.DictReader(text)
        if sorted(reader.fieldnames or ()) != sorted(_COLUMNS):
            raise BadInput(
                f"{file}:1: the columns are {', '.join(reader.fieldnames or ()) or 'missing'}", _HINT
            )
        return [(f"{file}:{reader.line_num}", row) for row in reader]


def _rate(where: str, row: Any, reporting_currency: str) -> dict[str, str]:
    if not isinstance(row, dict) or set(row) != set(_COLUMNS):
        raise BadInput(f"{where} does not have exactly {', '.join(_COLUMNS)}", _HINT)
    currency, valid_from, rate = (str(row[column]).strip() for column in _COLUMNS)
    if not re.fullmatch(r"[A-Z]{3}", currency) or currency == reporting_currency:
        raise BadInput(
            f"{where}: currency is {currency!r}",
            f"give another ISO 4217 code than {reporting_currency}, such as USD",
        )
    try:
        valid_from = date.fromisoformat(valid_from).isoformat()
    except ValueError:
        raise BadInput(
            f"{where}: valid_from is {valid_from!r}, not a date", "write it as 2024-01-31"
        ) from None
    try:
        value = Decimal(rate)
    except InvalidOperation:
        value = Decimal(0)
    if not value.is_finite() or not Decimal("1e-8") <= value < Decimal("1e9"):
        raise BadInput(f"{where}: rate is {rate!r}, not a number above 0", _HINT)
    return {"currency": currency, "valid_from": valid_from, "rate": f"{value:.8f}"}
