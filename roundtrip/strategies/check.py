"""What a table of strategies may say; every mistake names the line and what to do."""

import math
import re
from datetime import date
from pathlib import Path
from string import Formatter

from roundtrip.errors import BadInput
from roundtrip.yaml_lines import Lines, line_of

LANGUAGES = ("en", "zh")
#: The source contract's codes.
ACTIONS = ("discount", "points_bonus", "upgrade", "service_recovery", "care_call", "content")
CHANNELS = ("email", "sms", "push", "phone", "wechat", "post")
#: Columns that hold one of these.
VALUES = {
    "need_segment": (
        "high_value",
        "price_sensitive",
        "potential_growth",
        "loyal",
        "emerging_market",
        "basic",
    ),
    "value_tier": ("high", "ordinary", "low"),
    "churn_cause": ("service_quality", "price", "competition", "need_change", "unknown"),
    "lifecycle_stage": ("introduction", "growth", "maturity", "decline", "lost"),
    "activity_status": ("new", "active", "silent", "lost"),
}
NUMBERS = (
    *("birthday_in_days", "anniversary_in_days", "points_expiring", "days_since_last_complaint"),
    *("days_since_last_booking", "unresolved_complaints", "churn_probability"),
)
FLAGS = ("is_loyalty_member", "has_unsubscribed")
LIMITS = ("per_customer_a_year", "per_round", "min_value_12m")
#: What a wording may ask for; filled in when it is sent.
PLACEHOLDERS = ("full_name",)

_REQUIRED = ("id", "name", "when", "action", "channels", "due_in_days", "wording", "why", "valid_from")
_OPTIONAL = ("unit_cost", "without_warning", "limits", "valid_until")


class Checker:
    """Checks values of one file."""

    def __init__(self, file: Path, lines: Lines):
        self.file, self.lines = file, lines

    def refuse(self, at: tuple, what: str, hint: str) -> BadInput:
        return BadInput(f"{self.file}:{line_of(self.lines, at)}: {what}", hint)

    def keys(self, value, at: tuple, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
        """A mapping with these keys and no others."""
        place = " of ".join(str(part) for part in reversed(at)) or "the file"
        if not isinstance(value, dict):
            raise self.refuse(at, f"{place} must hold `key: value` lines", f"keys: {', '.join(required)}")
        if unknown := [key for key in value if key not in required + optional]:
            raise self.refuse(
                (*at, unknown[0]), f"unknown key {unknown[0]}", f"keys: {', '.join(required + optional)}"
            )
        if missing := [key for key in required if value.get(key) is None]:
            raise self.refuse(at, f"{', '.join(missing)} missing", "add it: see plan/strategies.yml")

    def a_list(self, value, at: tuple) -> list:
        if not isinstance(value, list) or not value:
            raise self.refuse(at, f"{at[-1]} must be a list with something in it", "write it as [a, b]")
        return value

    def number(self, value, at: tuple, least: float = 0, whole: bool = False) -> float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not is_number or value < least or (whole and value != int(value)):
            kind = "a whole number" if whole else "a number"
            raise self.refuse(at, f"{at[-1]} is {value!r}", f"give {kind} of at least {least:g}")
        return value

    def known(self, values, at: tuple, allowed: tuple[str, ...]) -> tuple[str, ...]:
        for place, value in enumerate(self.a_list(values, at)):
            if value not in allowed:
                raise self.refuse((*at, place), f"{at[-1]} {value!r}", f"one of: {', '.join(allowed)}")
        return tuple(values)

    def texts(self, value, at: tuple, is_wording: bool = False) -> dict[str, str]:
        self.keys(value, at, required=LANGUAGES)
        for language, text in value.items():
            try:
                asked = {name for _, name, _, _ in Formatter().parse(str(text)) if name is not None}
            except ValueError as error:
                raise self.refuse((*at, language), f"{text!r}: {error}", "close every { with a }") from error
            allowed = PLACEHOLDERS if is_wording else ()
            if unknown := sorted(asked - set(allowed)):
                raise self.refuse(
                    (*at, language),
                    f"nobody fills in {{{unknown[0]}}}",
                    f"use {', '.join(allowed) or 'plain text'}",
                )
        return {language: str(text) for language, text in value.items()}

    def actions(self, value) -> None:
        self.keys(value, ("actions",), required=ACTIONS)
        for name in ACTIONS:
            self.texts(value[name], ("actions", name))

    def currency(self, value, is_needed: bool) -> str | None:
        if value is None and is_needed:
            raise self.refuse((), "costs without a currency", "add `currency:`, such as CNY")
        if value is not None and not re.fullmatch("[A-Z]{3}", str(value)):
            raise self.refuse(("currency",), f"currency is {value!r}", "write it as CNY (ISO 4217)")
        return value

    def strategy(self, entry, at: tuple, actions: dict) -> dict:
        """The fields of a Strategy."""
        self.keys(entry, at, _REQUIRED, _OPTIONAL)
        if not re.fullmatch(r"[a-z][a-z0-9_]*", str(entry["id"])):
            raise self.refuse(
                (*at, "id"), f"id is {entry['id']!r}", "use small letters, digits and _, such as win_back"
            )
        self.known([entry["action"]], (*at, "action"), tuple(actions))
        cost = entry.get("unit_cost")
        days = {name: self.day(entry.get(name), (*at, name)) for name in ("valid_from", "valid_until")}
        if days["valid_until"] and days["valid_until"] < days["valid_from"]:
            raise self.refuse((*at, "valid_until"), "valid_until is before valid_from", "exchange them")
        if not isinstance(entry.get("without_warning", False), bool):
            raise self.refuse((*at, "without_warning"), "without_warning is no flag", "give true or false")
        return {
            "id": entry["id"],
            "name": self.texts(entry["name"], (*at, "name")),
            "when": self.conditions(entry["when"], (*at, "when")),
            "action": entry["action"],
            "unit_cost": None if cost is None else float(self.number(cost, (*at, "unit_cost"))),
            "channels": self.known(entry["channels"], (*at, "channels"), CHANNELS),
            "due_in_days": int(self.number(entry["due_in_days"], (*at, "due_in_days"), whole=True)),
            "without_warning": entry.get("without_warning", False),
            "limits": self.limits(entry.get("limits") or {}, (*at, "limits")),
            "wording": self.texts(entry["wording"], (*at, "wording"), is_wording=True),
            "why": str(entry["why"]),
            **days,
        }

    def conditions(self, value, at: tuple) -> dict:
        self.keys(value, at, required=(), optional=(*VALUES, *NUMBERS, *FLAGS))
        for column, asked in value.items():
            place = (*at, column)
            if column in VALUES:
                self.known(asked, place, VALUES[column])
            elif column in FLAGS:
                if not isinstance(asked, bool):
                    raise self.refuse(place, f"{column} is {asked!r}", "give true or false")
            else:
                self.keys(asked, place, required=(), optional=("min", "max"))
                for end, limit in asked.items():
                    self.number(limit, (*place, end), least=-math.inf)
                if not asked or asked.get("min", -math.inf) > asked.get("max", math.inf):
                    raise self.refuse(place, f"{column}: no value fits {asked}", "give min, max or both")
        return value

    def limits(self, value, at: tuple) -> dict:
        self.keys(value, at, required=(), optional=LIMITS)
        for name, limit in value.items():
            self.number(
                limit, (*at, name), least=0 if name == "min_value_12m" else 1, whole=name[:3] == "per"
            )
        return value

    def day(self, value, at: tuple) -> date | None:
        if value is not None and type(value) is not date:
            raise self.refuse(at, f"{at[-1]} is {value!r}, not a date", "write it as 2025-12-31")
        return value

    def is_the_only_one(self, row, others: list, at: tuple) -> None:
        for other in others:
            ends = [each.valid_until or date.max for each in (row, other)]
            if row.id == other.id and row.valid_from <= ends[1] and other.valid_from <= ends[0]:
                raise self.refuse(
                    at, f"{row.id} is given twice for the same days", "end the older one with valid_until"
                )

    def everybody_has_one(self, rows: list) -> None:
        if not any(not row.when and row.valid_until is None for row in rows):
            raise self.refuse(
                ("strategies",),
                "some customers may be left without any strategy",
                "let one have no condition (when: {}) and no end, such as inspiration",
            )
