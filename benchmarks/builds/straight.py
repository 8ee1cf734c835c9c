"""The compiled SQL of a build, executed straight in DuckDB: `python -m benchmarks.builds.straight HOME`.

No dbt, no transactions, no comments, no contracts: views and tables one after the other into a new file,
under the same memory limit. The one model in Python is copied from the warehouse that dbt built.
"""

import json
import sys
from pathlib import Path

import duckdb

from roundtrip import duck
from roundtrip.home import Home

#: Names of databases as they stand in the compiled SQL.
WAREHOUSE, RAW = "work", "raw_db"


def main(root: str) -> None:
    """Build `tmp/straight/work.duckdb` of a home whose last build was a full one."""
    home = Home(Path(root))
    target = home.logs_dir / "dbt" / "target"
    nodes = json.loads((target / "manifest.json").read_text(encoding="utf-8"))["nodes"]
    results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    file = home.tmp_dir / "straight" / home.work_db.name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    with duck.connect(file, home.tmp_dir) as straight:
        straight.execute(f"ATTACH '{home.raw_db}' AS {RAW} (READ_ONLY)")
        straight.execute(f"ATTACH '{home.work_db}' AS built (READ_ONLY)")
        for schema in ("staging", "intermediate", "marts"):
            straight.execute(f"CREATE SCHEMA {schema}")
        # In the order in which they were finished, which is one that their references allow.
        for result in results:
            if (node := nodes.get(result["unique_id"])) and node["resource_type"] in ("model", "seed"):
                _make(straight, node)


def _make(straight: duckdb.DuckDBPyConnection, node: dict) -> None:
    name = f"{WAREHOUSE}.{node['schema']}.{node['name']}"
    if node["resource_type"] == "seed" or node["language"] == "python":
        straight.execute(f"CREATE TABLE {name} AS FROM built.{node['schema']}.{node['name']}")
    else:
        kind = "VIEW" if node["config"]["materialized"] == "view" else "TABLE"
        compiled = Path(node["compiled_path"]).read_text(encoding="utf-8")
        parts = _parts(straight) if "getvariable('first_customer_id')" in compiled else [None]
        for number, part in enumerate(parts):
            if part:
                straight.execute("SET VARIABLE first_customer_id = ?", part[:1])
                straight.execute("SET VARIABLE last_customer_id = ?", part[1:])
            into = f"INSERT INTO {name}" if number else f"CREATE {kind} {name} AS"
            straight.execute(f"{into} {compiled}")


def _parts(straight: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """The first and the last customer of each part that the build was made in."""
    return straight.execute(
        "SELECT first_customer_id, last_customer_id FROM intermediate.int_customer_parts ORDER BY part"
    ).fetchall()


if __name__ == "__main__":
    main(sys.argv[1])
