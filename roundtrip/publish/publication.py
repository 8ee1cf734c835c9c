"""Building the next published warehouse beside the current one, and replacing it."""

import os
import re
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb

from roundtrip import duck
from roundtrip.errors import BadInput, GateFailed
from roundtrip.gates.marts import GATE
from roundtrip.gates.results import read_result
from roundtrip.gates.summaries import quote, remove
from roundtrip.gates.work import work_fingerprint
from roundtrip.home import Home
from roundtrip.lock import one_publication_at_a_time
from roundtrip.publish import lineage, scores, versions
from roundtrip.publish.descriptions import comment_on_column, comment_on_table, describe
from roundtrip.publish.snapshots import SNAPSHOTS, TYPES


@dataclass
class Products:
    """The product files to publish, and those left out with the reason."""

    files: dict[str, list[Path]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def publish(home: Home, as_of: date) -> dict:
    """Replace the published warehouse by the marts that passed the gate, with the products made so far.

    A product file that the audit refuses is left out and named in the summary: yesterday's bad scores do
    not keep today's marts from being published.

    Returns:
        The summary: version, content_hash, rows per table, product files left out.

    Raises:
        BadInput: nothing is built, or the gate has not run for this date.
        GateFailed: the gate refused the marts, or the work file is not the one it checked.
        Locked: another process is publishing.
    """
    if not home.work_db.exists():
        raise BadInput(f"{home.work_db} does not exist", "run the stage build_warehouse first")
    gate = read_result(home, GATE, as_of)
    if gate is None:
        raise BadInput(f"the marts gate has no result for {as_of}", "run the stage marts_gate first")
    if not gate["success"]:
        raise GateFailed(
            f"the marts gate refused the marts of {as_of}", "run the stage marts_gate again to see why"
        )
    fingerprint = work_fingerprint(home.work_db)
    if gate["fingerprint"] != fingerprint:
        raise GateFailed(
            f"{home.work_db} was changed after the marts gate passed it for {as_of}",
            "run the stage marts_gate again: only what was checked is published",
        )
    origin = {
        "stage": "publish",
        "work_fingerprint": fingerprint,
        "inputs": lineage.inputs(home),
        **lineage.code(home),
    }
    return _replace(home, as_of, home.work_db, origin, manifest=lineage.manifest(home))


def publish_scores(home: Home, as_of: date) -> dict:
    """Replace the published warehouse by itself with the newest products.

    Raises:
        BadInput: nothing is published, it is for another date, or there are no scores for this date.
        GateFailed: the scores of this date are refused; the current publication stays as it is.
        Locked: another process is publishing.
    """
    file = home.products_dir / scores.TABLE / f"{as_of.isoformat()}.parquet"
    return _publish_again(home, as_of, "publish_scores", file, made_by="score", audited=True)


def publish_actions(home: Home, as_of: date) -> dict:
    """Replace the published warehouse by itself with the newest products: warnings, rounds, effects.

    Raises:
        BadInput: nothing is published, it is for another date, or nobody was warned for this date yet.
        Locked: another process is publishing.
    """
    file = home.products_dir / "warnings" / f"{as_of.isoformat()}.parquet"
    return _publish_again(home, as_of, "publish_actions", file, made_by="warn")


def _publish_again(
    home: Home, as_of: date, stage: str, file: Path, made_by: str, audited: bool = False
) -> dict:
    if not home.current_db.exists():
        raise BadInput(
            f"{home.current_db} does not exist: nothing is published", "run the stage publish first"
        )
    if not file.exists():
        raise BadInput(
            f"{file} does not exist: no {file.parent.name} for {as_of}", f"run the stage {made_by} first"
        )
    marts = versions.current(home)
    marts_lineage = marts.lineage if marts else {}
    kept = ("work_fingerprint", "inputs", *lineage.code(home))
    origin = {"stage": stage, **{key: marts_lineage.get(key) for key in kept}}
    return _replace(home, as_of, home.current_db, origin, must_have=file if audited else None)


def _replace(
    home: Home,
    as_of: date,
    source: Path,
    origin: dict,
    must_have: Path | None = None,
    manifest: bytes | None = None,
) -> dict:
    """Build the next warehouse from the marts of `source` and the products, and put it in place.

    Args:
        must_have: a file of scores that has to pass the audit, one row per customer.
        manifest: dbt's, where the marts are new.
    """
    keep = versions.versions_kept(home)
    with one_publication_at_a_time(home):
        versions.remove_leftovers(home)
        return _build_and_put(home, as_of, source, origin, must_have, manifest, keep)


def _build_and_put(
    home: Home,
    as_of: date,
    source: Path,
    origin: dict,
    must_have: Path | None,
    manifest: bytes | None,
    keep: int,
) -> dict:
    upcoming = home.published_dir / f".next-{os.getpid()}.duckdb"
    try:
        with duck.connect(upcoming, home.tmp_dir) as connection:
            connection.execute(f"ATTACH '{quote(source)}' AS source (READ_ONLY)")
            _require_date(connection, as_of)
            if must_have:
                _require_scores(connection, must_have)
            products = _products(connection, home, as_of)
            if source == home.work_db:
                _require_no_clash(connection, home)
            connection.begin()
            _copy_marts(connection, made_elsewhere=set(_product_tables(home)))
            for table, files in products.files.items():
                _add_product(connection, table, files)
            connection.commit()
            connection.execute("DETACH source")
            tables = [
                row[0]
                for row in connection.execute(
                    "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'marts' ORDER BY table_name"
                ).fetchall()
            ]
            rows = {
                table: connection.execute(f'SELECT count(*) FROM marts."{table}"').fetchone()[0]
                for table in tables
            }
            content = versions.content_hash(connection, tables)
            connection.execute("CHECKPOINT")
        record = {
            "as_of": as_of.isoformat(),
            "content_hash": content,
            "rows": rows,
            **origin,
            "products": {table: [file.name for file in files] for table, files in products.files.items()},
            "products_left_out": products.left_out,
        }
        version = versions.put_in_place(home, upcoming, as_of, record, manifest, keep)
    finally:
        remove(upcoming)
    return {
        "as_of": as_of.isoformat(),
        "version": version,
        "content_hash": content,
        "rows": rows,
        "products_left_out": products.left_out,
        "published": str(home.current_db.relative_to(home.root)),
    }


def _require_date(connection: duckdb.DuckDBPyConnection, as_of: date) -> None:
    (built_for,) = connection.execute("SELECT max(as_of_date) FROM source.marts.warehouse_info").fetchone()
    if built_for != as_of:
        raise BadInput(
            f"the marts are as of {built_for}, not {as_of}",
            f"run the stages from build_warehouse on for {as_of}",
        )


def _copy_marts(connection: duckdb.DuckDBPyConnection, made_elsewhere: set[str]) -> None:
    """Copy every table of source.marts with its comments, but not the products (they come from files)."""
    connection.execute("CREATE SCHEMA marts")
    tables = connection.execute(
        """
        SELECT table_name, comment FROM duckdb_tables()
        WHERE database_name = 'source' AND schema_name = 'marts' ORDER BY table_name
        """
    ).fetchall()
    for table, comment in tables:
        if table in made_elsewhere:
            continue
        connection.execute(f'CREATE TABLE marts."{table}" AS FROM source.marts."{table}"')
        if comment:
            comment_on_table(connection, table, comment)
    columns = connection.execute(
        """
        SELECT table_name, column_name, comment FROM duckdb_columns()
        WHERE database_name = 'source' AND schema_name = 'marts' AND comment IS NOT NULL
        """
    ).fetchall()
    for table, column, comment in columns:
        if table not in made_elsewhere:
            comment_on_column(connection, table, column, comment)


def _add_product(connection: duckdb.DuckDBPyConnection, table: str, files: list[Path]) -> None:
    """Make a table of all dates' files, without customers that were erased since, with its comments."""
    names = ", ".join(f"'{quote(file)}'" for file in files)
    relation = f"read_parquet([{names}], union_by_name = true)"
    columns = [row[0] for row in connection.execute(f"DESCRIBE FROM {relation}").fetchall()]
    # A column that is empty in every row has no type in Parquet; the published one always has.
    casts = {name: kind for name, kind in TYPES.get(table, {}).items() if name in columns}
    replaced = ", ".join(f'CAST("{column}" AS {kind}) AS "{column}"' for column, kind in casts.items())
    known = "WHERE customer_id IN (SELECT customer_id FROM marts.dim_customers)"
    connection.execute(
        f'CREATE TABLE marts."{table}" AS SELECT * {f"REPLACE ({replaced})" if replaced else ""} '
        f"FROM {relation} {known if 'customer_id' in columns else ''}"
    )
    describe(connection, table)


def _product_tables(home: Home) -> list[str]:
    if not home.products_dir.is_dir():
        return []
    return sorted(folder.name for folder in home.products_dir.iterdir() if folder.is_dir())


def _require_no_clash(connection: duckdb.DuckDBPyConnection, home: Home) -> None:
    built = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = 'source' AND schema_name = 'marts'"
    ).fetchall()
    if clash := sorted({row[0] for row in built} & set(_product_tables(home))):
        raise BadInput(
            f"{home.products_dir} has a product named like a mart: {', '.join(clash)}",
            "rename the product; a product never replaces a mart",
        )


def _require_scores(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    if found := scores.problems(connection, file, customers="source.marts.dim_customers"):
        raise GateFailed(
            f"{file} is refused: {'; '.join(found)}",
            "the publication stays as it is; run the stage score again, and see ml/ if it says the same",
        )


def _products(connection: duckdb.DuckDBPyConnection, home: Home, as_of: date) -> Products:
    """Every product file up to `as_of`: a warehouse as of a past date must not hold later scores."""
    products = Products()
    for table in _product_tables(home):
        for file in sorted((home.products_dir / table).glob("*.parquet")):
            if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", file.stem):
                products.left_out[f"{table}/{file.name}"] = "its name is no date"
            elif file.stem <= as_of.isoformat():
                found = scores.problems(connection, file, customers=None) if table == scores.TABLE else []
                if found:
                    products.left_out[f"{table}/{file.name}"] = "; ".join(found)
                else:
                    products.files.setdefault(table, []).append(file)
        if table in SNAPSHOTS and table in products.files:
            products.files[table] = products.files[table][-1:]
    return products
