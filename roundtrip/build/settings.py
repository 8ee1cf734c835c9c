"""What dbt is told about a home: its environment, and the variables of a build."""

import os
from datetime import date

from roundtrip.company import Company
from roundtrip.duck import settings
from roundtrip.home import PROJECT_ROOT, Home

PROJECT_DIR = PROJECT_ROOT / "dbt_project"

#: Settings of a company that are dbt variables of the same name.
_COMPANY_VARS = (
    "reporting_currency",
    "exchange_rates",
    "label_horizon_min_days",
    "label_horizon_max_days",
)

#: From this size of raw.duckdb on dbt runs one statement at a time: two large ones spill.
_LARGE_RAW_BYTES = 256 * 2**20


def dbt_vars(home: Home, as_of: date) -> dict:
    """The dbt variables of a build: the date, and what the company set itself.

    Every other variable has its default, with its reason, in dbt_project/dbt_project.yml.
    """
    chosen = Company.load(home).settings if home.company_file.exists() else {}
    return {
        "as_of_date": as_of.isoformat(),
        **{name: chosen[name] for name in _COMPANY_VARS if chosen.get(name) is not None},
    }


def dbt_environment(home: Home) -> dict[str, str]:
    """Environment variables for any dbt process of this home, to be laid over the caller's own.

    dbt then writes its target and its log into the home, and nothing into the project.
    """
    return {
        "ROUNDTRIP_HOME": str(home.root),
        "ROUNDTRIP_DBT_THREADS": os.environ.get("ROUNDTRIP_DBT_THREADS") or _statements_at_once(home),
        "ROUNDTRIP_MEMORY_LIMIT": settings(home.tmp_dir)["memory_limit"],
        "DBT_PROJECT_DIR": str(PROJECT_DIR),
        "DBT_PROFILES_DIR": str(PROJECT_DIR),
        "DBT_TARGET_PATH": str(home.logs_dir / "dbt" / "target"),
        "DBT_LOG_PATH": str(home.logs_dir / "dbt"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }


def _statements_at_once(home: Home) -> str:
    is_large = home.raw_db.exists() and home.raw_db.stat().st_size >= _LARGE_RAW_BYTES
    return "1" if is_large else "2"
