"""Moving a finished warehouse into place, and keeping the last versions with their lineage."""

import hashlib
import json
import os
from datetime import date
from pathlib import Path

import duckdb

from roundtrip.files import write_atomically
from roundtrip.home import Home

#: The current publication and the two before it.
VERSIONS_KEPT = 3


def remove_leftovers(home: Home) -> None:
    """Delete what killed publications left behind; another living process's file stays."""
    for file in home.published_dir.glob(".next-*"):
        process = file.name.removeprefix(".next-").split(".")[0]
        if process == str(os.getpid()) or not _is_alive(process):
            file.unlink(missing_ok=True)


def _is_alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True


def content_hash(connection: duckdb.DuckDBPyConnection, tables: list[str]) -> str:
    """A hash of the marts' columns and rows, whatever their order and however the file is laid out."""
    digest = hashlib.sha256()
    for table in sorted(tables):
        columns = connection.execute(f'DESCRIBE marts."{table}"').fetchall()
        rows = connection.execute(
            f'SELECT count(*), bit_xor(hash(t)), sum(CAST(hash(t) AS HUGEINT)) FROM marts."{table}" AS t'
        ).fetchone()
        digest.update(repr((table, [column[:2] for column in columns], rows)).encode())
    return digest.hexdigest()


def put_in_place(home: Home, finished: Path, as_of: date, lineage: dict) -> str:
    """Make `finished` (closed, checkpointed) the current publication.

    First the version and its lineage, then the replacement: a current file always has both. Killed in
    between, the rerun makes the same version again.

    Returns:
        The version's name, `<as_of>-<short content hash>`.
    """
    name = f"{as_of.isoformat()}-{lineage['content_hash'][:12]}"
    versions = home.published_dir / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    # Readers cannot change it by opening it for writing: every version shares its bytes with a hard link.
    finished.chmod(0o444)
    _flush(finished)
    link = finished.with_name(finished.name + ".link")
    link.unlink(missing_ok=True)
    os.link(finished, link)
    os.replace(link, versions / f"{name}.duckdb")
    write_atomically(versions / f"{name}.json", json.dumps(lineage, indent=1, ensure_ascii=False))
    os.replace(finished, home.current_db)
    _flush(home.published_dir)
    _prune(home)
    return name


def current_lineage(home: Home) -> dict | None:
    """The lineage of the current publication; None if it is not known."""
    for version in (home.published_dir / "versions").glob("*.duckdb"):
        lineage = version.with_suffix(".json")
        if lineage.exists() and version.samefile(home.current_db):
            return json.loads(lineage.read_text(encoding="utf-8"))
    return None


def _prune(home: Home) -> None:
    versions = sorted(
        (home.published_dir / "versions").glob("*.duckdb"),
        key=lambda file: (file.samefile(home.current_db), file.stat().st_mtime_ns),
        reverse=True,
    )
    for version in versions[VERSIONS_KEPT:]:
        version.unlink()
        version.with_suffix(".json").unlink(missing_ok=True)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
