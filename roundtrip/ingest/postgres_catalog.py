"""What PostgreSQL's catalogue says of a table or query that is to be read.

Whatever can be asked is asked, since servers write their errors in the language they are set to.
"""

from dataclasses import dataclass

from roundtrip.errors import BadInput
from roundtrip.ingest import sql
from roundtrip.ingest.databases import Relation
from roundtrip.ingest.suggest import did_you_mean

_READABLE_KINDS = "'r', 'p', 'v', 'm', 'f'"
_MONTH_TYPES = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")


@dataclass(frozen=True)
class Described:
    """`from_sql` stands behind FROM; `columns` are those that may be read, `refused` the others; `key` those
    that the rows are ordered by first, and `is_unique` whether they tell every row from the others."""

    from_sql: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    refused: tuple[str, ...] = ()
    is_unique: bool = False


def describe(session, relation: Relation) -> Described:
    """Columns and key of a relation.

    Raises:
        BadInput: it or one of the columns that databases.yml names is not there or must not be read, or two
            columns have one name.
    """
    described = _query(session, relation) if relation.sql else _table(session, relation)
    lowered = [column.lower() for column in described.columns]
    if twice := sorted({column for column in lowered if lowered.count(column) > 1}):
        raise BadInput(
            f"{relation.place}: {relation.label} has columns that differ in case only: {', '.join(twice)}",
            "read it by a query that renames one",
        )
    for column in (*relation.key, *([relation.by_month] if relation.by_month else [])):
        if column not in described.columns:
            raise BadInput(
                f"{relation.place}: {relation.label} has no column {column} that this login may read"
                f"{did_you_mean(column, described.columns)}",
                f"its columns are: {', '.join(described.columns)}",
            )
    if relation.by_month:
        month = f"SELECT {sql.name(relation.by_month)} FROM {described.from_sql}"
        ((_, kind),) = session.columns(month, relation)
        if kind not in _MONTH_TYPES:
            raise BadInput(
                f"{relation.place}: by_month needs a date or timestamp, and {relation.by_month} is none",
                "name another column, or leave by_month out",
            )
    return described


def _query(session, relation: Relation) -> Described:
    # The line break ends a comment that the query may end with.
    from_sql = f"({relation.sql}\n) AS q"
    columns = session.columns(f"SELECT * FROM {from_sql}", relation)
    return Described(from_sql, tuple(name for name, _ in columns), relation.key)


def _table(session, relation: Relation) -> Described:
    schema, table = sql.text(relation.schema), sql.text(relation.table)
    found = session.rows(
        "SELECT c.oid::bigint AS oid, has_schema_privilege(n.oid, 'USAGE') AS is_open FROM pg_class AS c "
        f"JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = {schema} "
        f"AND c.relname = {table} AND c.relkind IN ({_READABLE_KINDS})",
        relation,
    )
    if not found:
        raise _missing(session, relation)
    ((oid, is_open),) = found
    columns = session.rows(
        f"SELECT attname::text AS name, has_column_privilege({oid}::oid, attnum, 'SELECT') AS is_readable "
        f"FROM pg_attribute WHERE attrelid = {oid}::oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        relation,
    )
    readable = tuple(name for name, is_readable in columns if is_readable)
    if not is_open or not readable:
        what = f"table {relation.table}" if is_open else f"schema {relation.schema}"
        grant = f"TABLE {relation.table}" if is_open else f"SCHEMA {relation.schema}"
        raise BadInput(
            f"{relation.place}: this login of {relation.database} may not read the {what}",
            f"let its owner GRANT {'SELECT' if is_open else 'USAGE'} ON {grant} to the role in "
            f"${relation.connection}",
        )
    primary = session.rows(
        "SELECT a.attname::text AS name FROM pg_index AS i "
        "CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place) "
        "JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum "
        f"WHERE i.indrelid = {oid}::oid AND i.indisprimary ORDER BY k.place",
        relation,
    )
    primary_key = tuple(name for (name,) in primary)
    if not set(primary_key) <= set(readable):
        primary_key = ()
    return Described(
        f"{sql.name(relation.schema)}.{sql.name(relation.table)}",
        readable,
        relation.key or primary_key,
        tuple(name for name, is_readable in columns if not is_readable),
        is_unique=bool(primary_key) and set(primary_key) <= set(relation.key or primary_key),
    )


def _missing(session, relation: Relation) -> BadInput:
    there = session.rows(
        "SELECT n.nspname::text AS schema, c.relname::text AS name FROM pg_namespace AS n LEFT JOIN pg_class "
        f"AS c ON c.relnamespace = n.oid AND c.relkind IN ({_READABLE_KINDS}) "
        "WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' ORDER BY 1, 2",
        relation,
    )
    schemas = sorted({schema for schema, _ in there})
    if relation.schema not in schemas:
        return BadInput(
            f"{relation.place}: {relation.database} has no schema {relation.schema}"
            f"{did_you_mean(relation.schema, schemas)}",
            f"its schemas are: {', '.join(schemas)}",
        )
    names = [name for schema, name in there if schema == relation.schema and name]
    elsewhere = [schema for schema, name in there if name == relation.table]
    hint = f"; there is one in the schema {elsewhere[0]}" if elsewhere else ""
    return BadInput(
        f"{relation.place}: {relation.database} has no table {relation.schema}.{relation.table}"
        f"{hint or did_you_mean(relation.table, names)}",
        f"the schema {relation.schema} has: {', '.join(names[:20]) or 'no table'}",
    )
