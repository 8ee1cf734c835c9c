"""The numbers of this room: parameters.yml, and what a company sets itself (`warnings` in company.yml)."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from roundtrip.company import Company
from roundtrip.errors import BadInput
from roundtrip.home import Home

SETTING = "warnings"
#: name -> least, most, whole
_NUMBERS = {
    "signal_from": (0, 1, False),
    "alone_from": (0, 1, False),
    "max_share_per_month": (0, 1, False),
    "cool_down_days": (0, 366, True),
    "open_days": (1, 366, True),
    "follow_days": (1, 731, True),
}


@dataclass(frozen=True)
class Rules:
    """Who is warned about, how often, and how long a warning is followed.

    Attributes:
        signal_from, alone_from: churn probability from which a customer with a telling signal, or without
            one, is warned about.
        max_share_per_month: warnings of any four weeks over customers who are neither prospects nor lost.
    """

    signal_from: float
    alone_from: float
    max_share_per_month: float
    cool_down_days: int
    open_days: int
    follow_days: int

    @classmethod
    def of(cls, settings: dict) -> "Rules":
        """From a company's settings.

        Raises:
            BadInput: `warnings` has the wrong shape; the message says which key.
        """
        given = settings.get(SETTING)
        given = {} if given is None else given
        known = f"known keys: {', '.join(_NUMBERS)}"
        if not isinstance(given, dict):
            raise BadInput(f"company.yml: {SETTING} is {given!r}", f"give keys and values; {known}")
        if unknown := sorted(map(str, set(given) - set(_NUMBERS))):
            raise BadInput(f"company.yml: {SETTING} has unknown keys: {', '.join(unknown)}", known)
        for name, value in given.items():
            _check_number(name, value)
        return cls(**(parameters()[SETTING] | given))

    @classmethod
    def of_home(cls, home: Home) -> "Rules":
        return cls.of(company_settings(home))


def company_settings(home: Home) -> dict:
    """What company.yml said; nothing, where the home holds a warehouse alone."""
    return Company.load(home).settings if home.company_file.exists() else {}


@cache
def parameters() -> dict:
    """parameters.yml; not to be changed by a caller."""
    return _read("parameters.yml")


@cache
def words() -> dict:
    """words.yml; not to be changed by a caller."""
    return _read("words.yml")


def _read(name: str) -> dict:
    return yaml.safe_load(Path(__file__).with_name(name).read_text(encoding="utf-8"))


def _check_number(name: str, value) -> None:
    least, most, whole = _NUMBERS[name]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # A comparison with nan is never true.
    if not is_number or not least <= value <= most or (whole and value != int(value)):
        kind = "a whole number" if whole else "a number"
        raise BadInput(f"company.yml: {SETTING}.{name} is {value!r}", f"give {kind} from {least} to {most}")
