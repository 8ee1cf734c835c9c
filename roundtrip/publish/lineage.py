"""Where a publication came from: inputs, code and models."""

import gzip
import hashlib
import json
import subprocess
from pathlib import Path

import duckdb

import roundtrip
from roundtrip import duck
from roundtrip.home import PROJECT_ROOT, Home


def inputs(home: Home) -> list[dict]:
    """The delivered files behind raw: table, file, content hash, rows."""
    if not home.raw_db.exists():
        return []
    with duck.connect(home.raw_db, home.tmp_dir, read_only=True) as raw:
        rows = raw.execute(
            "SELECT table_name, file, content_hash, rows_in FROM raw.raw.files ORDER BY ALL"
        ).fetchall()
    return [dict(zip(("table", "file", "content_hash", "rows_in"), row, strict=True)) for row in rows]


def code(home: Home) -> dict:
    """Versions of what made it; None where it is not known."""
    return {
        "roundtrip_version": roundtrip.__version__,
        "duckdb_version": duckdb.__version__,
        "git_commit": _git_commit(),
        "dbt_models_hash": _dbt_models_hash(home),
    }


def _git_commit() -> str | None:
    if not (PROJECT_ROOT / ".git").exists():
        return None
    command = ["git", "-C", str(PROJECT_ROOT), "rev-parse", "--verify", "--quiet", "HEAD"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None


def manifest(home: Home) -> bytes | None:
    """dbt's manifest of the last build, compressed: the SQL of every model and macro; None without one."""
    file = _manifest_file(home)
    # Without the time of compressing the same manifest gives the same bytes.
    return gzip.compress(file.read_bytes(), mtime=0) if file.exists() else None


def _manifest_file(home: Home) -> Path:
    return home.logs_dir / "dbt" / "target" / "manifest.json"


def _dbt_models_hash(home: Home) -> str | None:
    """A hash of the checksums of all nodes in dbt's manifest and of the macros' SQL.

    Not of the manifest file: it holds the time of its making.
    """
    file = _manifest_file(home)
    if not file.exists():
        return None
    found = json.loads(file.read_text(encoding="utf-8"))
    checksums = {name: node.get("checksum", {}).get("checksum") for name, node in found["nodes"].items()}
    macros = {name: macro["macro_sql"] for name, macro in found["macros"].items()}
    return hashlib.sha256(json.dumps([checksums, macros], sort_keys=True).encode()).hexdigest()
