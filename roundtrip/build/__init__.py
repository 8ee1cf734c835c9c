"""Stage build_warehouse: raw → staging → intermediate → marts, with one dbt process."""

from roundtrip.build.settings import dbt_environment, dbt_vars
from roundtrip.build.warehouse import build_warehouse, parse_project

__all__ = ["build_warehouse", "dbt_environment", "dbt_vars", "parse_project"]
