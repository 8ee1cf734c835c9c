"""Stand-ins for what dbt gives to Jinja, so that SQLFluff renders models without dbt and a database."""

from pathlib import Path
from types import SimpleNamespace

import yaml

execute = True
this = "intermediate.this_model"
target = SimpleNamespace(database="work", type="duckdb")
#: A full build; what only increments render is linted where SQLFluff looks at both sides of a condition.
flags = SimpleNamespace(FULL_REFRESH=True, WHICH="build")

_VARS = yaml.safe_load((Path(__file__).parent.parent / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]


def var(name: str, default=None):
    """The default of a dbt variable, from dbt_project.yml."""
    return _VARS.get(name, default)


def env_var(name: str, default=None):
    """A full build of some date."""
    return {"ROUNDTRIP_AS_OF_DATE": "1970-01-31"}.get(name, default)


class _Adapter:
    def dispatch(self, macro_name: str, macro_namespace: str | None = None):
        """A call of the macro's name stands for whatever SQL an engine's version of it gives."""
        return lambda *arguments: f"{macro_name}({', '.join(str(argument) for argument in arguments)})"


adapter = _Adapter()
