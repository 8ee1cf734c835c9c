"""databases.yml: the PostgreSQL databases of a company, and which of their tables and queries are read."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roundtrip.errors import BadInput
from roundtrip.yaml_lines import Lines, line_of, read_yaml

FILE_NAME = "databases.yml"

_DATABASE_KEYS = ("connection", "schema", "tables", "queries")
_TABLE_KEYS = ("table", "schema", "key", "by_month")
_QUERY_KEYS = ("sql", "key", "by_month")


@dataclass(frozen=True)
class Relation:
    """A table or query of one database, as the file describes it.

    `connection` is the name of the environment variable that holds the connection string; `table` is None
    for a query, `sql` for a table. `key` columns (none: the primary key) order the rows; `by_month` is the
    column by whose months they are delivered. `place` is where the file says so, for messages.
    """

    database: str
    connection: str
    name: str
    schema: str
    table: str | None
    sql: str | None
    key: tuple[str, ...]
    by_month: str | None
    place: str

    @property
    def label(self) -> str:
        """What `_file` says of its rows."""
        return f"{self.database}/{f'{self.schema}.{self.table}' if self.table else self.name}"

    @property
    def view(self) -> str:
        """The name that a mapping uses for it."""
        return f"{self.database}_{self.name}"


def file_of(landing: Path, source: Path | None) -> Path | None:
    """The company's databases.yml: in the mapping folder, else in the landing folder, else None."""
    return next((f / FILE_NAME for f in (source, landing) if f and (f / FILE_NAME).exists()), None)


def read(file: Path) -> list[Relation]:
    """Everything that the file wants read, in its order.

    Raises:
        BadInput: the file is not as docs/decisions/postgresql-source.md says; the message names the line.
    """
    content, lines = read_yaml(file, "give the path of a databases.yml")
    reader = _Reader(file, lines)
    databases = reader.mapping(content, (), "the file", "a database per key, such as `crm:`")
    found = [each for name, body in databases.items() for each in reader.database(name, body)]
    seen: dict[str, Relation] = {}
    for relation in found:
        if other := seen.get(relation.label):
            raise BadInput(f"{relation.place}: {relation.label} is read at {other.place} already", "keep one")
        seen[relation.label] = relation
    return found


@dataclass(frozen=True)
class _Reader:
    file: Path
    lines: Lines

    def place(self, at: tuple) -> str:
        return f"{self.file}:{line_of(self.lines, at)}"

    def database(self, name: str, body: Any) -> list[Relation]:
        at = (name,)
        self._check_name(name, at)
        body = self.mapping(body, at, name, "`connection:` and `tables:`")
        self._check_keys(body, _DATABASE_KEYS, at)
        variable = body.get("connection")
        if not isinstance(variable, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable):
            # What stands there may be the connection string itself, so it is not shown.
            raise BadInput(
                f"{self.place((*at, 'connection'))}: {name} needs `connection:` with the name of an "
                "environment variable",
                "write its name, such as ACME_CRM, and keep the connection string with its password in the "
                "variable, never in this file",
            )
        schema = self._text(body, "schema", at) or "public"
        relations = []
        for kind, keys in (("tables", _TABLE_KEYS), ("queries", _QUERY_KEYS)):
            wanted = body.get(kind)
            if wanted is None:
                continue
            below = (*at, kind)
            for entry, options in self.mapping(wanted, below, kind, "a name per key").items():
                here = (*below, entry)
                self._check_name(entry, here)
                options = {} if options is None else self.mapping(options, here, entry, " or ".join(keys))
                self._check_keys(options, keys, here)
                relations.append(self._relation(name, variable, schema, entry, options, here))
        if not relations:
            raise BadInput(f"{self.place(at)}: {name} names no table", "list them below `tables:`")
        return relations

    def _relation(self, database, variable, schema, entry: str, options: dict, at: tuple) -> Relation:
        is_query = at[1] == "queries"
        sql = self._text(options, "sql", at)
        if is_query and not sql:
            raise BadInput(f"{self.place(at)}: the query {entry} has no `sql:`", "write its SELECT there")
        return Relation(
            database,
            variable,
            entry,
            self._text(options, "schema", at) or schema,
            None if is_query else self._text(options, "table", at) or entry,
            sql.strip().rstrip(";") if sql else None,
            self._columns(options, at),
            self._text(options, "by_month", at),
            self.place(at),
        )

    def mapping(self, value: Any, at: tuple, what: str, example: str) -> dict:
        if not isinstance(value, dict) or not value:
            raise BadInput(f"{self.place(at)}: {what} must hold `key: value` lines", f"write {example}")
        return value

    def _check_name(self, name: str, at: tuple) -> None:
        if not re.fullmatch(r"[^\W\d]\w*", name):
            raise BadInput(
                f"{self.place(at)}: {name!r} cannot be used as a name in a SELECT",
                "use letters, digits and _; `table:` gives the name that a table has in the database",
            )

    def _check_keys(self, body: dict, known: tuple[str, ...], at: tuple) -> None:
        if unknown := [key for key in body if key not in known]:
            raise BadInput(
                f"{self.place((*at, unknown[0]))}: unknown key {unknown[0]}", f"known are {', '.join(known)}"
            )

    def _text(self, body: dict, key: str, at: tuple) -> str | None:
        value = body.get(key)
        if value is not None and (not isinstance(value, str) or not value.strip()):
            raise BadInput(f"{self.place((*at, key))}: {key} must be a text", "put it in quotes")
        return value

    def _columns(self, body: dict, at: tuple) -> tuple[str, ...]:
        value = body.get("key")
        columns = [] if value is None else [value] if isinstance(value, str) else value
        if not isinstance(columns, list) or not all(isinstance(c, str) and c for c in columns):
            raise BadInput(
                f"{self.place((*at, 'key'))}: key must be a column or a list of them",
                "write it as [order_no, line]; a name such as no or on needs quotes in YAML",
            )
        return tuple(columns)
