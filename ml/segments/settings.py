"""The parameters of this room."""

from pathlib import Path

import yaml

#: The product that says that a month is done.
PROFILES = "segment_profiles"
#: The rules' segments in the order in which the first that fits counts (dbt_project/macros/needs.sql).
SEGMENTS = ("high_value", "price_sensitive", "potential_growth", "loyal", "emerging_market", "basic")


def parameters() -> dict:
    """The values of parameters.yml; a fresh copy, which a caller may change (tests do)."""
    return yaml.safe_load((Path(__file__).parent / "parameters.yml").read_text(encoding="utf-8"))
