"""The source contract, read from its one file."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

_SQL_TYPES = {"DECIMAL": "DECIMAL(18, 2)", "MONTH": "DATE"}


@dataclass(frozen=True)
class Column:
    """One column of a contract table; `type` is the contract's word, `sql_type` DuckDB's."""

    name: str
    type: str
    required: bool = False
    pii: bool = False
    values: tuple[str, ...] = ()
    min: float | None = None
    max: float | None = None
    pattern: str | None = None
    references: str | None = None
    about: str = ""

    @property
    def sql_type(self) -> str:
        return _SQL_TYPES.get(self.type, self.type)


@dataclass(frozen=True)
class Rule:
    """A condition over one row: `holds` is SQL over the typed columns."""

    name: str
    column: str
    holds: str
    reason: str


@dataclass(frozen=True)
class Table:
    """One contract table: its columns in order, its key, and when a row became known."""

    name: str
    required: bool
    key: tuple[str, ...]
    occurred: str
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...] = ()
    about: str = ""

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def has_updated_at(self) -> bool:
        return "updated_at" in self.column_names


@cache
def _document() -> dict:
    return yaml.safe_load(files(__package__).joinpath("source_contract.yml").read_text(encoding="utf-8"))


def version() -> int:
    """The contract's version."""
    return _document()["version"]


@cache
def source_contract() -> dict[str, Table]:
    """Contract tables by name, in the contract's order."""
    return {
        name: Table(
            name=name,
            required=spec.get("required", False),
            key=tuple(spec["key"]),
            occurred=spec["occurred"],
            columns=tuple(
                Column(name=column, **{**options, "values": tuple(options.get("values", ()))})
                for column, options in spec["columns"].items()
            ),
            rules=tuple(Rule(**rule) for rule in spec.get("rules", ())),
            about=spec.get("about", ""),
        )
        for name, spec in _document()["tables"].items()
    }
