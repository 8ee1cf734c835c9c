"""What dbt is told about a home: its variables, and the environment with the dates of a build."""

import os
from datetime import date

from roundtrip.build.parts import parts
from roundtrip.company import Company
from roundtrip.duck import connect, settings
from roundtrip.home import PROJECT_ROOT, Home

PROJECT_DIR = PROJECT_ROOT / "dbt_project"

#: Settings of a company that are dbt variables of the same name.
_COMPANY_VARS = (
    "reporting_currency",
    "exchange_rates",
    "label_horizon_min_days",
    "label_horizon_max_days",
)

#: From this size of raw.duckdb on dbt runs one statement at a time, since two large ones spill; those of an
#: increment of a month at most are a tenth as large.
_LARGE_RAW_BYTES = 256 * 2**20
_LARGE_RAW_BYTES_OF_SMALL_INCREMENT = 10 * _LARGE_RAW_BYTES
_SMALL_INCREMENT_DAYS = 31

#: What DuckDB keeps in memory, whatever happens, of each row of a table of which some are deleted.
_BYTES_A_ROW_WITH_DELETIONS = 8
#: An increment deletes from nearly every table. From this share of the memory on it writes them anew instead:
#: 200,000 customers over three years are at a third, 2 million far beyond it.
_SHARE_OF_MEMORY_FOR_DELETIONS = 0.5


def dbt_vars(home: Home) -> dict:
    """The dbt variables of a home: what the company set itself.

    Every other variable has its default, with its reason, in dbt_project/dbt_project.yml.
    """
    chosen = Company.load(home).settings if home.company_file.exists() else {}
    return {name: chosen[name] for name in _COMPANY_VARS if chosen.get(name) is not None}


def dbt_environment(
    home: Home, as_of: date | None = None, previous_as_of: date | None = None
) -> dict[str, str]:
    """Environment variables for any dbt process of this home, to be laid over the caller's own.

    dbt then writes its target and its log into the home, and nothing into the project. The dates of a build
    are no dbt variables: when one of those has changed dbt reads the whole project anew, six seconds a day.

    Args:
        as_of: the date of a build; None where nothing is built.
        previous_as_of: on an increment, the date of the build that it goes on from.
    """
    is_small = previous_as_of is not None and (as_of - previous_as_of).days <= _SMALL_INCREMENT_DAYS
    threads = os.environ.get("ROUNDTRIP_DBT_THREADS") or _statements_at_once(home, is_small)
    return {
        "ROUNDTRIP_AS_OF_DATE": as_of.isoformat() if as_of else "",
        "ROUNDTRIP_PREVIOUS_AS_OF_DATE": previous_as_of.isoformat() if previous_as_of else "",
        "ROUNDTRIP_HOME": str(home.root),
        "ROUNDTRIP_DBT_THREADS": threads,
        "ROUNDTRIP_PARTS": str(parts(home, previous_as_of, as_of)) if as_of else "1",
        "ROUNDTRIP_REWRITES_TABLES": "yes" if previous_as_of and _is_too_large_to_delete(home) else "",
        "ROUNDTRIP_MEMORY_LIMIT": settings(home.tmp_dir)["memory_limit"],
        "DBT_PROJECT_DIR": str(PROJECT_DIR),
        "DBT_PROFILES_DIR": str(PROJECT_DIR),
        "DBT_TARGET_PATH": str(home.logs_dir / "dbt" / "target"),
        "DBT_LOG_PATH": str(home.logs_dir / "dbt"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }


def _statements_at_once(home: Home, is_small_increment: bool) -> str:
    large = _LARGE_RAW_BYTES_OF_SMALL_INCREMENT if is_small_increment else _LARGE_RAW_BYTES
    is_large = home.raw_db.exists() and home.raw_db.stat().st_size >= large
    return "1" if is_large else "2"


def _is_too_large_to_delete(home: Home) -> bool:
    """Whether what DuckDB keeps of deleted rows would take too much of the memory."""
    if not home.work_db.exists():
        return False
    with connect(home.work_db, home.tmp_dir, read_only=True) as work:
        rows, memory = work.execute(
            "SELECT coalesce(sum(estimated_size), 0), parse_formatted_bytes(current_setting('memory_limit')) "
            "FROM duckdb_tables()"
        ).fetchone()
    return rows * _BYTES_A_ROW_WITH_DELETIONS > memory * _SHARE_OF_MEMORY_FOR_DELETIONS
