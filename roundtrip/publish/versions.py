"""The publications that are kept: moving a finished one into place, its lineage, and how many stay."""

import hashlib
import json
import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from roundtrip.company import Company
from roundtrip.errors import BadInput
from roundtrip.files import write_atomically
from roundtrip.home import Home

#: A day publishes twice, the marts and then the marts with their scores: today's two, those of the two days
#: before, and one more. Any older state can be built again from raw for its date. Each costs a whole file.
VERSIONS_KEPT = 7


@dataclass(frozen=True)
class Version:
    """A publication that is kept whole, with its lineage beside it."""

    name: str
    file: Path
    lineage: dict
    is_current: bool


def kept(home: Home) -> list[Version]:
    """The publications one can go back to, newest first.

    A file without lineage was killed on its way in: it was never published, and is not one of them.
    """
    found = []
    for file in home.versions_dir.glob("*.duckdb"):
        if (sidecar := file.with_suffix(".json")).exists():
            lineage = json.loads(sidecar.read_text(encoding="utf-8"))
            found.append(Version(file.stem, file, lineage, _is_current(home, file)))
    return sorted(found, key=lambda version: _age(version.file, version.lineage), reverse=True)


def current(home: Home) -> Version | None:
    """The version that is published now; None if it is not known."""
    return next((version for version in kept(home) if version.is_current), None)


def versions_kept(home: Home) -> int:
    """How many publications stay: the company's setting, else VERSIONS_KEPT.

    Raises:
        BadInput: the setting is not a whole number of 2 or more.
    """
    if not home.company_file.exists():
        return VERSIONS_KEPT
    chosen = Company.load(home).settings.get("versions_kept", VERSIONS_KEPT)
    if not isinstance(chosen, int) or isinstance(chosen, bool) or chosen < 2:
        raise BadInput(
            f"company.yml: versions_kept is {chosen!r}",
            "give a whole number of 2 or more: the current publication, and one to go back to",
        )
    return chosen


def remove_leftovers(home: Home) -> None:
    """Delete what killed publications left behind; call it with the publication lock held."""
    for file in home.published_dir.glob(".next-*"):
        file.unlink(missing_ok=True)


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


def put_in_place(
    home: Home, finished: Path, as_of: date, lineage: dict, manifest: bytes | None, keep: int
) -> str:
    """Make `finished` (closed, checkpointed) the current publication.

    First the version and its lineage, then the replacement: a current file always has both. Killed in
    between, the rerun makes the same version again.

    Args:
        manifest: dbt's, compressed; kept under `lineage["dbt_models_hash"]`. None where it is kept already.
        keep: how many versions stay, this one among them.

    Returns:
        The version's name, `<as_of>-<short content hash>`.
    """
    name = f"{as_of.isoformat()}-{lineage['content_hash'][:12]}"
    home.versions_dir.mkdir(parents=True, exist_ok=True)
    number = 1 + max((version.lineage.get("number", 0) for version in kept(home)), default=0)
    if manifest is not None:
        write_atomically(home.manifests_dir / f"{lineage['dbt_models_hash']}.json.gz", manifest)
    # Readers cannot change it by opening it for writing: every version shares its bytes with a hard link.
    finished.chmod(0o444)
    _flush(finished)
    link = _link(finished, finished)
    os.replace(link, home.versions_dir / f"{name}.duckdb")
    write_atomically(
        home.versions_dir / f"{name}.json",
        json.dumps({"number": number, **lineage}, indent=1, ensure_ascii=False),
    )
    os.replace(finished, home.current_db)
    _flush(home.published_dir)
    _prune(home, keep)
    return name


def put_back(home: Home, version: Version) -> None:
    """Make a version that is kept, and not current, the current publication."""
    link = _link(version.file, home.published_dir / f".next-{os.getpid()}.duckdb")
    os.replace(link, home.current_db)
    _flush(home.published_dir)


def _link(file: Path, beside: Path) -> Path:
    """A hard link to `file` under a name that `remove_leftovers` knows."""
    link = beside.with_name(beside.name + ".link")
    link.unlink(missing_ok=True)
    os.link(file, link)
    return link


def _is_current(home: Home, file: Path) -> bool:
    return home.current_db.exists() and file.samefile(home.current_db)


def _age(file: Path, lineage: dict) -> tuple:
    """The number tells the order; the time only where a version is of before there were numbers."""
    return lineage.get("number", 0), file.stat().st_mtime_ns


def _prune(home: Home, keep: int) -> None:
    """Delete the oldest versions, and whatever belongs to none."""
    versions = sorted(kept(home), key=lambda version: version.is_current, reverse=True)
    for version in versions[keep:]:
        version.file.unlink()
    stay = {version.name: version for version in versions[:keep]}
    for file in home.versions_dir.iterdir():
        if file.stem not in stay:
            file.unlink(missing_ok=True)
    manifests = {version.lineage.get("dbt_models_hash") for version in stay.values()}
    for file in home.manifests_dir.glob("*.json.gz"):
        if file.name.removesuffix(".json.gz") not in manifests:
            file.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
