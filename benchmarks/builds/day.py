"""One build in a process of its own: `python -m benchmarks.builds.day HOME DATE`. Without data tests."""

import sys
from datetime import date
from pathlib import Path

from roundtrip.build import warehouse
from roundtrip.home import Home


def main(root: str, as_of: str) -> None:
    """Bring the warehouse of a home to a date, and say on standard error how much was made anew."""
    run = warehouse._run_dbt
    warehouse._run_dbt = lambda home, arguments, *more: run(
        home, [*arguments, "--exclude-resource-type", "test"], *more
    )
    summary = warehouse.build_warehouse(Home(Path(root)), date.fromisoformat(as_of))
    print(f"{as_of}: {summary['extent']}", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
