"""Where a publication came from: inputs, code and models."""

import hashlib
import json
import subprocess

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


def _dbt_models_hash(home: Home) -> str | None:
    """A hash of the checksums of all nodes in dbt's manifest.

    Not of the manifest file: it holds the time of its making.
    """
    manifest = home.logs_dir / "dbt" / "target" / "manifest.json"
    if not manifest.exists():
        return None
    nodes = json.loads(manifest.read_text(encoding="utf-8")).get("nodes", {})
    checksums = {name: node.get("checksum", {}).get("checksum") for name, node in nodes.items()}
    return hashlib.sha256(json.dumps(checksums, sort_keys=True).encode()).hexdigest()
