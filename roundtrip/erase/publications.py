"""The publications that are kept, each written anew without them and under the name its content then has."""

import json
import os
from pathlib import Path

from roundtrip import duck
from roundtrip.erase.rewrite import (
    TOGETHER,
    columns_of,
    has_them,
    name_them,
    rewrite,
    tables_of,
    without_them,
)
from roundtrip.files import write_atomically
from roundtrip.home import Home
from roundtrip.ingest import sql
from roundtrip.ingest.load import IDENTITIES
from roundtrip.lock import one_publication_at_a_time
from roundtrip.publish import versions
from roundtrip.vault import encrypted


def rewrite_publications(bench, home: Home) -> int:
    """The current publication and those before it, where they hold any of the people; how many rows went.

    Raises:
        Locked: another process is publishing.
    """
    if not home.published_dir.is_dir():
        return 0
    gone = 0
    with one_publication_at_a_time(home):
        versions.remove_leftovers(home)
        for file in _files(home):
            if _holds_them(bench, file):
                beside, fewer = rewrite(
                    bench,
                    file,
                    lambda schema, table, columns: without_them(
                        f"held.{sql.name(schema)}.{sql.name(table)}", columns, TOGETHER
                    ),
                )
                beside.chmod(0o444)
                exchange(home, file, beside)
                gone += fewer
    return gone


def _files(home: Home) -> list[Path]:
    """Every version, and the current publication where it is none of them."""
    files = sorted(home.versions_dir.glob("*.duckdb"))
    if home.current_db.exists() and not any(file.samefile(home.current_db) for file in files):
        files.append(home.current_db)
    return files


def _holds_them(bench, file: Path) -> bool:
    encrypted.attach(bench, file, "held", read_only=True)
    try:
        tables = tables_of(bench, "held")
        if ("marts", IDENTITIES) in tables:
            name_them(bench, f"held.marts.{IDENTITIES}")
        return any(
            has_them(
                bench,
                f"held.{sql.name(schema)}.{sql.name(table)}",
                columns_of(bench, schema, table),
                TOGETHER,
            )
            for schema, table in tables
        )
    finally:
        bench.execute("DETACH held")


def exchange(home: Home, old: Path, rewritten: Path) -> None:
    """Put `rewritten` in the place of a publication; its lineage tells the new content.

    First the new version, then the current publication where the old one was it, then the old one goes:
    killed in between, the next erasure finds the old one still there.
    """
    if old == home.current_db:
        os.replace(rewritten, old)
        return
    content, rows = _content(home, rewritten)
    sidecar = old.with_suffix(".json")
    lineage = json.loads(sidecar.read_text(encoding="utf-8")) if sidecar.exists() else {}
    new = old.with_name(f"{old.name[:10]}-{content[:12]}.duckdb")
    age = old.stat()
    os.utime(rewritten, ns=(age.st_atime_ns, age.st_mtime_ns))
    was_current = home.current_db.exists() and old.samefile(home.current_db)
    os.replace(rewritten, new)
    if sidecar.exists():
        changed = lineage | {"content_hash": content, "rows": rows}
        write_atomically(new.with_suffix(".json"), json.dumps(changed, indent=1, ensure_ascii=False))
    if was_current:
        link = home.published_dir / f".next-{os.getpid()}.duckdb.link"
        os.link(new, link)
        os.replace(link, home.current_db)
    if new != old:
        old.unlink()
        sidecar.unlink(missing_ok=True)


def _content(home: Home, file: Path) -> tuple[str, dict[str, int]]:
    with duck.connect(file, home.tmp_dir, read_only=True) as connection:
        tables = [
            row[0]
            for row in connection.execute(
                "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'marts' ORDER BY ALL"
            ).fetchall()
        ]
        rows = {
            table: connection.execute(f"SELECT count(*) FROM marts.{sql.name(table)}").fetchone()[0]
            for table in tables
        }
        return versions.content_hash(connection, tables), rows
