"""The sentences of words.yml, filled in."""

from functools import cache
from pathlib import Path

import yaml

from roundtrip.measure.checks import Check

_FILE = Path(__file__).with_name("words.yml")
LANGUAGES = ("en", "zh")


@cache
def _words() -> dict:
    return yaml.safe_load(_FILE.read_text(encoding="utf-8"))


def told(check: Check, language: str) -> str:
    """What a check found, in words."""
    state = {True: "passed", False: "failed", None: "unjudged"}[check.passed]
    numbers = dict(check.numbers)
    if {"treatment", "control"} <= set(numbers):
        numbers["share"] = numbers["control"] / max(numbers["treatment"] + numbers["control"], 1)
    return _words()["checks"][check.kind][state][language].format(**numbers)


def reason(code: str, language: str) -> str:
    """Why an effect or its net value is not told."""
    return _words()["not_told"][code][language]
