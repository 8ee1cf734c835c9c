"""The reasons of checks in Chinese: `expectations/reasons.zh.yml`, by their English words."""

from functools import cache

import yaml

from roundtrip.gates.suites import SUITES_DIR
from roundtrip.told import Told

FILE = SUITES_DIR / "reasons.zh.yml"


def told(reason: str) -> Told:
    """A check's reason as its suite has it, in Chinese too where somebody has written it down."""
    return Told(reason, chinese().get(reason))


@cache
def chinese() -> dict[str, str]:
    """Chinese by English."""
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))
