"""What parameters.yml says, and the actions there are."""

from functools import cache
from pathlib import Path

import yaml

from roundtrip.home import PROJECT_ROOT

_FILE = Path(__file__).with_name("parameters.yml")
_CONTRACT = PROJECT_ROOT / "roundtrip" / "contract" / "source_contract.yml"


def parameters() -> dict:
    """The values of parameters.yml; a fresh copy, which a caller may change (tests do)."""
    return yaml.safe_load(_FILE.read_text(encoding="utf-8"))


@cache
def actions() -> tuple[str, ...]:
    """The actions of the source contract."""
    contract = yaml.safe_load(_CONTRACT.read_text(encoding="utf-8"))
    return tuple(contract["tables"]["campaigns"]["columns"]["action"]["values"])
