"""Rows of a company's PostgreSQL, as one more kind of thing that is delivered.

Every table of a reading is seen as of the same moment, and every value is text that the server writes, as in
a CSV file. See docs/decisions/postgresql-source.md.
"""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import duckdb

from roundtrip.company import Company
from roundtrip.errors import CheckBroken
from roundtrip.ingest import databases, rules, sql
from roundtrip.ingest.databases import Relation
from roundtrip.ingest.postgres_session import Session

KIND = "postgres"
#: Roughly; lots of rows are cut by size, see read._lots.
_BYTES_A_VALUE = 16


class Databases:
    """The databases that a company's databases.yml names; each is connected to when it is first needed.

    Use it as a context: a transaction that is left open when the server goes away ends the whole process.
    """

    def __init__(self, file: Path | None):
        """
        Args:
            file: a databases.yml, or None for a company without databases.

        Raises:
            BadInput: the file is not as it must be; the message names the line.
        """
        self._sessions: dict[str, Session] = {}
        self.tables = [DatabaseTable(relation, self) for relation in (databases.read(file) if file else ())]

    @classmethod
    def of(cls, company: Company) -> "Databases":
        """Those of a company, none where it has no databases.yml."""
        source = Path(company.source) if company.source else None
        return cls(databases.file_of(Path(company.landing), source))

    def session(self, relation: Relation) -> Session:
        if relation.database not in self._sessions:
            self._sessions[relation.database] = Session(relation)
        return self._sessions[relation.database]

    def close(self) -> None:
        while self._sessions:
            self._sessions.popitem()[1].close()

    def __enter__(self) -> "Databases":
        return self

    def __exit__(self, *_) -> None:
        self.close()


@dataclass(frozen=True)
class DatabaseTable:
    """A table or query in the place of a landing file (see landing.LandingFile), or one month of it."""

    relation: Relation
    databases: Databases = field(repr=False, compare=False)
    month: "Month | None" = None
    kind: str = KIND

    @property
    def name(self) -> str:
        return f"{self.relation.label}/{self.month.name}" if self.month else self.relation.label

    @property
    def stem(self) -> str:
        """The name by which a mapping calls it."""
        return self.relation.view

    @property
    def session(self) -> Session:
        return self.databases.session(self.relation)

    @cached_property
    def _fingerprint(self) -> "Month":
        if self.month:
            return self.month
        (whole,) = self._fingerprints("'all'")
        return whole

    @property
    def content_hash(self) -> str:
        """Hash of the rows and the names of the columns, whatever order the server gives them in."""
        return self._fingerprint.content_hash

    def has_rows(self) -> bool:
        return self._fingerprint.rows > 0

    @property
    def size_bytes(self) -> int:
        """A rough guess of the rows' size."""
        columns = len(self.session.described(self.relation).columns)
        return self._fingerprint.rows * columns * _BYTES_A_VALUE

    def by_month(self) -> "list[DatabaseTable]":
        """The table month by month, or whole if databases.yml does not ask for months."""
        if not self.relation.by_month:
            return [self]
        months = self._fingerprints(_month_of(self.relation.by_month))
        return [DatabaseTable(self.relation, self.databases, month) for month in months]

    def _fingerprints(self, month: str) -> "list[Month]":
        """Per month the number of rows and the sum of a 64-bit hash of each: equal rows in any order, equal
        sums. A change goes unnoticed with a chance of 1 in 2^64. Computed by the server: a scan there, and a
        line a month on the wire."""
        described = self.session.described(self.relation)
        row = f"ROW({', '.join(f'{sql.name(column)}::text' for column in described.columns)})::text"
        found = self.session.rows(
            f"SELECT {month} AS month, count(*) AS rows, sum(hashtextextended({row}, 0))::text AS hashes "
            f"FROM {described.from_sql} GROUP BY 1 ORDER BY 1",
            self.relation,
        )
        columns = sorted(described.columns)
        return [
            Month(name, rows, hashlib.sha256(repr((columns, rows, hashes)).encode()).hexdigest())
            for name, rows, hashes in found or [("all", 0, None)]
        ]

    def warnings(self) -> list[str]:
        """Columns that the role may not read: they are as good as absent."""
        refused = self.session.described(self.relation).refused
        return [f"{self.name}: columns that this login may not read: {', '.join(refused)}"] if refused else []

    def copy_into(self, connection: duckdb.DuckDBPyConnection, table: str, select, own: tuple[str, ...]):
        """Create the temporary table `table` of the selected columns and `_file`, its rows ordered by key.

        Args:
            select: a stage.Projection, given every column but those named in `own`.

        Returns:
            The columns that were there to select from.

        Raises:
            RoundtripError: the rows cannot be read.
        """
        described = self.session.described(self.relation)
        places = {column: f"_value_{i}" for i, column in enumerate(described.columns)}
        usable = {column: place for column, place in places.items() if column not in own}
        values = ", ".join(f"{sql.name(column)}::text AS {place}" for column, place in places.items())
        # Numbers as numbers, then everything as text: the same for every type, server and collation.
        ordered = [f"TRY_CAST(r.{places[column]} AS HUGEINT) NULLS LAST" for column in described.key]
        others = () if described.is_unique else (column for column in places if column not in described.key)
        by_key = [*described.key, *others]
        ordered += [f"r.{places[column]} NULLS LAST" for column in by_key]
        selected = "".join(f"{value} AS {sql.name(name)}, " for name, value in select(usable).items())
        where = f" WHERE {self.month.condition(self.relation.by_month)}" if self.month else ""
        query = f"SELECT {values} FROM {described.from_sql}{where}"
        with self.session.stream(query, self.relation) as rows:
            connection.register("_roundtrip_stream", rows)
            try:
                (copied,) = connection.execute(
                    f"CREATE OR REPLACE TEMP TABLE {sql.name(table)} AS "
                    f"SELECT {selected}{sql.text(self.name)} AS _file FROM _roundtrip_stream AS r "
                    f"ORDER BY {', '.join(ordered)}"
                ).fetchone()
            finally:
                connection.unregister("_roundtrip_stream")
        if copied != self._fingerprint.rows:
            raise CheckBroken(
                f"{self.name}: {copied} rows came, but the server counted {self._fingerprint.rows}",
                "nothing was loaded; run again, and if it happens again report the server and its version",
            )
        return tuple(usable)


@dataclass(frozen=True)
class Month:
    """The rows of one month (2025-06), those of no believable one (`none`), or all of them (`all`)."""

    name: str
    rows: int
    content_hash: str

    def condition(self, column: str) -> str:
        """SQL of the server; with bounds that an index on the column can find."""
        same = f"{_month_of(column)} = {sql.text(self.name)}"
        year, _, month = self.name.partition("-")
        if not month:
            return same
        following = f"{int(year) + int(month) // 12}-{int(month) % 12 + 1:02}-01"
        bounds = f"{sql.name(column)} >= '{self.name}-01' AND {sql.name(column)} < '{following}'"
        return f"{bounds} AND {same}"


def _month_of(column: str) -> str:
    moment = f"{sql.name(column)}::timestamp"
    is_believable = f"{moment} >= '{rules.FIRST_YEAR}-01-01' AND {moment} < '{rules.LAST_YEAR + 1}-01-01'"
    return f"CASE WHEN {is_believable} THEN to_char({moment}, 'YYYY-MM') ELSE 'none' END"
