"""Codes of a company and the contract's values: status words, genders, countries, currencies, languages."""

import re
import unicodedata
from functools import cache

from babel import Locale
from babel.core import get_global
from babel.numbers import get_territory_currencies

from roundtrip.contract import Column
from roundtrip.draft.words import read_words

#: Signs and words for currencies that no ISO list holds.
_CURRENCY_SIGNS = {
    "€": "EUR",
    "euro": "EUR",
    "欧元": "EUR",
    "£": "GBP",
    "$": "USD",
    "dollar": "USD",
    "美元": "USD",
    "¥": "CNY",
    "￥": "CNY",
    "元": "CNY",
    "人民币": "CNY",
    "rmb": "CNY",
    "yuan": "CNY",
}
#: Codes that are looked for in column names; others are words as well (all, cup, pen, top, try).
_IN_NAMES = re.compile(
    "EUR|USD|CNY|GBP|JPY|CHF|HKD|SGD|AUD|CAD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|INR|KRW|THB|MYR|IDR|TWD|BRL|MXN|AED"
)
#: The languages whose names of countries are understood.
_LANGUAGES = ("en", "zh", "de", "fr", "es")


@cache
def plain(word: str) -> str:
    """A word without case, spaces, signs: 'Check-Out' and 'checked_out' differ in their letters only."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", word).lower())


@cache
def _meanings(table: str, column: str) -> dict[str, str]:
    spec = read_words("codes.yml")
    words = spec.get(f"{table}.{column}") or spec.get(column) or {}
    return {plain(str(word)): value for value, listed in words.items() for word in [value, *listed]}


@cache
def _unknown_words() -> frozenset[str]:
    return frozenset(plain(word) for word in read_words("codes.yml")["unknown"])


def says_unknown(word: str) -> bool:
    return plain(word) in _unknown_words()


def value_of(table: str, column: Column, word: str) -> str | None:
    """The contract's value that a company's word means; None if it is not known."""
    found = _meanings(table, column.name).get(plain(word))
    if found is None and says_unknown(word) and "unknown" in column.values:
        return "unknown"
    return found if found in column.values else None


@cache
def _countries() -> dict[str, str]:
    territories = {code for code in Locale("en").territories if re.fullmatch("[A-Z]{2}", code)}
    territories -= {"EU", "EZ", "UN", "ZZ", "QO", "XA", "XB"}
    known = {plain(code): code for code in sorted(territories)}
    for alias, codes in sorted(get_global("territory_aliases").items()):
        if len(codes) == 1 and codes[0] in territories and re.fullmatch("[A-Z]{3}", alias):
            known.setdefault(plain(alias), codes[0])
    for language in _LANGUAGES:
        names = Locale(language).territories
        for code in sorted(territories):
            if code in names:
                known.setdefault(plain(names[code]), code)
    return known


def country(word: str) -> str | None:
    """ISO 3166-1 alpha-2 of a code or name (English, Chinese, German, French, Spanish)."""
    return _countries().get(plain(word))


def is_currency(word: str) -> bool:
    return word in Locale("en").currencies


def currency_named(text: str) -> str | None:
    """The currency that a column's name or a value's signs tell: price_eur, 金额(元), € 12."""
    for word in re.split(r"[\W_\d]+", text):
        if _IN_NAMES.fullmatch(word.upper()):
            return word.upper()
    lowered = unicodedata.normalize("NFC", text).lower()
    return next((code for sign, code in _CURRENCY_SIGNS.items() if sign in lowered), None)


def currency_of(country_code: str) -> str | None:
    """The currency that is legal tender in a country today; None where there are several."""
    found = get_territory_currencies(country_code)
    return found[0] if len(found) == 1 else None


def is_chinese_province(word: str) -> bool:
    """With or without its ending: 上海市 and 上海, 内蒙古自治区 and 内蒙古."""
    return any(word.startswith(province) for province in read_words("codes.yml")["chinese_provinces"])
