"""What the landing gate measures, read from `watched.yml`."""

from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

import yaml

from roundtrip.ingest import sql

#: How values become classes, as SQL; see watched.yml. First what rows are grouped by, which DuckDB does once
#: for each word of a column that repeats them; then the class of such a group's value.
CLASSES = {
    "words": ("{column}", "{column}::VARCHAR"),
    "counts": ("{column}", "least({column}, 10)::VARCHAR"),
    "tenths": ("{column}", "round({column}, 1)::VARCHAR"),
    "decades": ("{column}", "({column} // 10)::VARCHAR"),
    "amounts": ("floor(2 * log2(abs({column}::DOUBLE) + 1))::INTEGER", "{column}::VARCHAR"),
}


@dataclass(frozen=True)
class Doubt:
    """A condition that sound rows hold: `holds` is SQL over a row, and over `parent.*` where there is one.

    `parent` is (contract table, the column that refers to its key).
    """

    name: str
    column: str
    holds: str
    reason: str
    parent: tuple[str, str] | None = None


@dataclass(frozen=True)
class Watched:
    """What is measured of one contract table; `drift` maps a column to its kind of classes."""

    drift: dict[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    free_text: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()

    def grouped(self, column: str) -> str:
        """SQL over a row of a column whose drift is watched: its value, or what is enough of it."""
        return CLASSES[self.drift[column]][0].format(column=sql.name(column))

    def classes(self, column: str) -> str:
        """SQL over such a value, still under the column's name: its class."""
        return CLASSES[self.drift[column]][1].format(column=sql.name(column))


@cache
def watched() -> dict[str, Watched]:
    """By contract table."""
    text = files(__package__).joinpath("watched.yml").read_text(encoding="utf-8")
    return {
        table: Watched(
            drift=spec.get("drift", {}),
            names=tuple(spec.get("names", ())),
            free_text=tuple(spec.get("free_text", ())),
            ids=tuple(spec.get("ids", ())),
            doubts=tuple(_doubt(each) for each in spec.get("doubts", ())),
        )
        for table, spec in yaml.safe_load(text).items()
    }


def _doubt(spec: dict) -> Doubt:
    parent = spec.get("parent")
    return Doubt(**{**spec, "parent": (parent["table"], parent["by"]) if parent else None})
