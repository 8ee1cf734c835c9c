"""The company's files as DuckDB relations, read exactly as `read_files` will read them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from roundtrip import duck
from roundtrip.draft import shapes
from roundtrip.errors import BadInput
from roundtrip.ingest import discover, rules, sql, stage
from roundtrip.ingest.discover import Landed
from roundtrip.ingest.postgres import KIND, Databases

#: Columns are looked at in about this many rows of a source, drawn by a hash of their place.
SAMPLE_ROWS = 200_000


@dataclass(frozen=True)
class Source:
    """Files of one kind under the name that a mapping uses for them.

    `views` are several where files that lie side by side have the same columns (orders_2024.csv,
    orders_2025.csv). `relation` holds all rows, `sample` those that are looked at: 1 in `one_in`. `prepared`
    are columns that are put together from others: name, SQL.
    """

    name: str
    views: tuple[str, ...]
    files: tuple[str, ...]
    columns: dict[str, str]
    rows: int
    broken: int
    one_in: int
    prepared: tuple[tuple[str, str], ...] = ()

    @property
    def relation(self) -> str:
        return self._with_prepared(f"all {self.name}")

    @property
    def sample(self) -> str:
        return self._with_prepared(f"some {self.name}")

    def _with_prepared(self, view: str) -> str:
        if not self.prepared:
            return sql.name(view)
        added = ", ".join(f"{expression} AS {name}" for name, expression in self.prepared)
        return f"(SELECT *, {added} FROM {sql.name(view)})"


@contextmanager
def opened(
    landing: Path | None, sample_rows: int = SAMPLE_ROWS, databases_file: Path | None = None
) -> Iterator[tuple[duckdb.DuckDBPyConnection, list[Source]]]:
    """A connection in memory (it spills encrypted) and the sources in the landing folder and in the databases
    that a databases.yml names, by name.

    Raises:
        BadInput: the folder is missing, there is nothing to read, or something cannot be read.
    """
    if landing is not None and not landing.is_dir():
        raise BadInput(f"landing folder {landing} does not exist", "give the folder that holds the files")
    with (
        TemporaryDirectory(prefix="roundtrip-draft-") as spill,
        TemporaryDirectory(prefix="roundtrip-draft-") as no_files,
        Databases(databases_file) as databases,
    ):
        offered, _ = discover.offered_views(landing or Path(no_files), databases)
        if not offered:
            raise BadInput(
                f"{landing} holds no CSV or Parquet file",
                "give the folder that holds the files, or name a database with --databases",
            )
        connection = duckdb.connect(config=duck.settings(Path(spill)))
        try:
            connection.execute(f"{duck.SESSION}; SET temp_file_encryption = true")
            shapes.create_macro(connection)
            rules.create_macros(connection)
            yield connection, _sources(connection, offered, sample_rows)
        finally:
            connection.close()


def _sources(connection, offered: dict[str, tuple[Landed, ...]], sample_rows: int) -> list[Source]:
    staged: dict[str, tuple[str, dict[str, str], int]] = {}
    alike: dict[tuple, list[str]] = {}
    for view, files in offered.items():
        broken = 0
        for file in files:
            read = stage.stage_file(connection, file, f"_staged {file.name}", dict)
            broken += connection.execute(f"SELECT count(*) FROM {sql.name(read.broken)}").fetchone()[0]
        union = " UNION ALL BY NAME ".join(
            f"SELECT * FROM {sql.name(f'_staged {file.name}')}" for file in files
        )
        connection.execute(f"CREATE TEMP VIEW {sql.name(view)} AS {union}")
        described = connection.execute(f"DESCRIBE {sql.name(view)}").fetchall()
        columns = {row[0]: row[1] for row in described if row[0] not in stage.OWN_COLUMNS}
        staged[view] = (_shown_name(files), columns, broken)
        alike.setdefault((_without_digits(view), tuple(sorted(columns.items()))), []).append(view)
    return [_source(connection, views, offered, staged, sample_rows) for views in alike.values()]


def _source(connection, views: list[str], offered, staged, sample_rows: int) -> Source:
    name, columns, _ = staged[views[0]]
    union = " UNION ALL BY NAME ".join(f"SELECT * FROM {sql.name(view)}" for view in views)
    connection.execute(f"CREATE TEMP VIEW {sql.name(f'all {name}')} AS {union}")
    rows = connection.execute(f"SELECT count(*) FROM {sql.name(f'all {name}')}").fetchone()[0]
    one_in = max(1, -(-rows // sample_rows))
    chosen = f"WHERE md5_number_lower(_file || ':' || _line) % {one_in} = 0" if one_in > 1 else ""
    connection.execute(
        f"CREATE TEMP {'TABLE' if one_in > 1 else 'VIEW'} {sql.name(f'some {name}')} AS "
        f"SELECT * FROM {sql.name(f'all {name}')} {chosen}"
    )
    return Source(
        name,
        tuple(staged[view][0] for view in views),
        tuple(file.name for view in views for file in offered[view]),
        columns,
        rows,
        sum(staged[view][2] for view in views),
        one_in,
    )


def _shown_name(files: tuple[Landed, ...]) -> str:
    if files[0].kind == KIND:
        return files[0].stem
    folder, _, inside = files[0].name.partition("/")
    return folder if inside else files[0].stem


def _without_digits(view: str) -> str:
    return re.sub(r"[\W_\d]+", "", view)
