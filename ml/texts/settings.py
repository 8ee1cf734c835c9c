"""The parameters of this room."""

from pathlib import Path

import yaml

SENTIMENTS = ("negative", "neutral", "positive")


def parameters() -> dict:
    """The values of parameters.yml; a fresh copy, which a caller may change (tests do)."""
    return yaml.safe_load((Path(__file__).parent / "parameters.yml").read_text(encoding="utf-8"))
