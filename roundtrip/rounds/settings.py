"""What a company says about its rounds (`retention` in company.yml), checked; and the room's parameters."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from roundtrip.company import Company
from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.strategies.check import CHANNELS

SETTING = "retention"
LEAST_HOLDOUT_SHARE = 0.05
_CONSENT_WORDS = ("contact", "leave_out")
#: name -> least, most, whole
_NUMBERS = {
    "budget_per_round": (0, float("inf"), False),
    "auto_approve_up_to": (0, float("inf"), False),
    "kept_customer_value": (0, float("inf"), False),
    "every_days": (1, 366, True),
    "holdout_share": (LEAST_HOLDOUT_SHARE, 1, False),
    "explore_share": (0, 1, False),
    "max_contacts_90d": (1, 90, True),
    "rest_days": (0, 366, True),
}
_VARIABLES = ("webhook_env", "postgres_env")
_KNOWN = (*_NUMBERS, *_VARIABLES, "channel_capacity", "without_consent_answer")


@dataclass(frozen=True)
class Retention:
    """A company's settings, defaults filled in.

    Attributes:
        budget_per_round: reporting currency; None: no round is planned.
        channel_capacity: channel -> customers a round; channels without a limit are not in it.
        kept_customer_value: reporting currency; what it is worth, beyond the margin of the twelve months that
            effects count, that somebody stays who would have left.
        webhook_env, postgres_env: names of environment variables with the receiver's address; None: not used.
    """

    every_days: int
    holdout_share: float
    explore_share: float
    auto_approve_up_to: float
    kept_customer_value: float
    max_contacts_90d: int
    rest_days: int
    without_consent_answer: str
    channel_capacity: dict[str, int]
    budget_per_round: float | None = None
    webhook_env: str | None = None
    postgres_env: str | None = None

    @classmethod
    def of(cls, settings: dict) -> "Retention":
        """From a company's settings.

        Raises:
            BadInput: `retention` has the wrong shape; the message says which key.
        """
        given = settings.get(SETTING)
        given = {} if given is None else given
        if not isinstance(given, dict):
            raise BadInput(f"company.yml: {SETTING} is {given!r}", f"give keys and values: {_known()}")
        if unknown := sorted(map(str, set(given) - set(_KNOWN))):
            raise BadInput(f"company.yml: {SETTING} has unknown keys: {', '.join(unknown)}", _known())
        given = {name: value for name, value in given.items() if value is not None}
        for name, value in given.items():
            if name in _NUMBERS:
                _check_number(name, value)
            elif name in _VARIABLES and not (
                isinstance(value, str) and re.fullmatch(r"[A-Z_][A-Z0-9_]*", value)
            ):
                raise BadInput(
                    f"company.yml: {SETTING}.{name} is not the name of an environment variable",
                    "name a variable such as CRM_WEBHOOK, and put the address into it: it holds a password",
                )
        if given.get("without_consent_answer", "contact") not in _CONSENT_WORDS:
            raise BadInput(
                f"company.yml: {SETTING}.without_consent_answer is {given['without_consent_answer']!r}",
                f"one of: {', '.join(_CONSENT_WORDS)}",
            )
        _check_capacity(given.get("channel_capacity", {}))
        return cls(**(parameters()[SETTING] | given))

    @classmethod
    def of_home(cls, home: Home) -> "Retention":
        return cls.of(Company.load(home).settings)


@cache
def parameters() -> dict:
    """parameters.yml; not to be changed by a caller."""
    return yaml.safe_load(Path(__file__).with_name("parameters.yml").read_text(encoding="utf-8"))


def _check_number(name: str, value) -> None:
    least, most, whole = _NUMBERS[name]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if (
        not is_number
        or not least <= value <= most
        or value == float("inf")
        or (whole and value != int(value))
    ):
        kind = "a whole number" if whole else "a number"
        limits = f"of at least {least:g}" if most == float("inf") else f"from {least:g} to {most:g}"
        raise BadInput(f"company.yml: {SETTING}.{name} is {value!r}", f"give {kind} {limits}")


def _check_capacity(capacity) -> None:
    if not isinstance(capacity, dict):
        raise BadInput(f"company.yml: {SETTING}.channel_capacity is {capacity!r}", "write it as {phone: 200}")
    for channel, places in capacity.items():
        if channel not in CHANNELS:
            raise BadInput(
                f"company.yml: {SETTING}.channel_capacity names {channel!r}", f"one of: {', '.join(CHANNELS)}"
            )
        if isinstance(places, bool) or not isinstance(places, int) or places < 0:
            raise BadInput(
                f"company.yml: {SETTING}.channel_capacity.{channel} is {places!r}",
                "give the number of customers that can be reached in a round: 0 or more",
            )


def _known() -> str:
    return f"known keys: {', '.join(_KNOWN)}"
