"""Sentences of the rollout's tables, English and Chinese (words.yml)."""

from functools import cache
from pathlib import Path

import yaml

LANGUAGES = ("en", "zh")


@cache
def texts() -> dict:
    return yaml.safe_load(Path(__file__).with_name("words.yml").read_text(encoding="utf-8"))


@cache
def parameters() -> dict:
    return yaml.safe_load(Path(__file__).with_name("parameters.yml").read_text(encoding="utf-8"))


def say(group: str, key: str, **values) -> dict[str, str]:
    """A sentence by language. Values may be texts by language themselves."""
    sentences = texts()[group][key]
    return {
        language: sentences[language].format(
            **{name: each[language] if isinstance(each, dict) else each for name, each in values.items()}
        )
        for language in LANGUAGES
    }


def amount(unit: str, value: float) -> dict[str, str]:
    """A number with its unit by language: 30 days, 5%, 2."""
    return say("unit", unit, value=percent(value) if unit == "share" else value)


def percent(share: float) -> str:
    """A share of 1 as 12.3%; whole numbers without a fraction."""
    return f"{round(share * 100, 1) or 0:g}%"


def signed(share: float) -> str:
    """A change as +12.3%, -4%."""
    return ("+" if share > 0 else "") + percent(share)
