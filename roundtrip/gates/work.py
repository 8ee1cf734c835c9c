"""The identity of the built warehouse, so that nothing unchecked can be published."""

import hashlib
from pathlib import Path


def work_fingerprint(work_db: Path) -> str:
    """SHA-256 of the work file's bytes and of its write-ahead log, if there is one.

    Bytes rather than size and time: a rebuild of the same size must not pass for the one that was checked.
    """
    digest = hashlib.sha256()
    for file in (work_db, work_db.with_name(work_db.name + ".wal")):
        if file.exists():
            with file.open("rb") as opened:
                digest.update(hashlib.file_digest(opened, "sha256").digest())
    return digest.hexdigest()
