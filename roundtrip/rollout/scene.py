"""What the measure of a risk may look at, and what it says."""

from dataclasses import dataclass, field
from datetime import date, timedelta

import duckdb

from roundtrip.home import Home
from roundtrip.rollout.resources import ResourceState
from roundtrip.rollout.words import parameters


@dataclass(frozen=True)
class Reading:
    """A measure on a date: `why` is a key of state_reason in words.yml, `values` what its sentence takes."""

    value: float | None
    why: str = "measured"
    values: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Scene:
    """What a measure may look at; `published`: names of the tables of the published warehouse."""

    connection: duckdb.DuckDBPyConnection
    home: Home
    as_of: date
    published: set[str]
    resources: tuple[ResourceState, ...]

    @property
    def since(self) -> date:
        """The first of the days that `_30d` means."""
        return self.as_of - timedelta(days=parameters()["look_back_days"] - 1)

    def row(self, sql: str, **values):
        return self.connection.execute(sql, values or None).fetchone()
