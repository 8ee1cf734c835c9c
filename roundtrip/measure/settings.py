"""What parameters.yml says, read once."""

from functools import cache
from pathlib import Path
from types import MappingProxyType

import yaml

FILE = Path(__file__).with_name("parameters.yml")


@cache
def parameters() -> MappingProxyType:
    """The values of parameters.yml, which nobody may change."""
    return MappingProxyType(yaml.safe_load(FILE.read_text(encoding="utf-8")))
