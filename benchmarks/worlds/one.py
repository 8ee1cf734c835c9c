"""One world, in a process of its own: `python -m benchmarks.worlds.one SEED CUSTOMERS MONTHS` prints JSON."""

import faulthandler
import json
import sys
import tempfile
import time
from dataclasses import asdict
from datetime import date
from pathlib import Path

from benchmarks.uplift import coverage
from benchmarks.worlds import judge
from roundtrip.company import Company
from roundtrip.home import Home
from roundtrip.simulate import simulate
from roundtrip.stages import STAGES, run_stage

#: The last stage before anything would be sent, and those before it that no decision reads.
_PLANNED = "decide"
_ASIDE = {"monitor", "find_segments", "read_texts"}


def walk(home: Home, landing: Path) -> date:
    """The road up to the plan of a round; the date it was walked for."""
    company = Company.describe(landing, None)
    company.save(home)
    as_of = date.fromisoformat(company.settings["as_of"])
    for stage in STAGES:
        if stage.name not in _ASIDE:
            run_stage(stage.name, home, as_of)
        if stage.name == _PLANNED:
            break
    return as_of


def main(seed: int, customers: int, months: int) -> None:
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        home, landing = Home(Path(scratch) / "home"), Path(scratch) / "landing"
        simulate(landing, customers, months, seed)
        as_of = walk(home, landing)
        covering, intervals = coverage(home, as_of, landing / "truth")
        judged = judge.policies(home, landing, as_of)
    found = {"seed": seed, "intervals": intervals, "covering": covering, **asdict(judged)}
    print(json.dumps(found | {"seconds": time.monotonic() - started}))


if __name__ == "__main__":
    faulthandler.enable()
    main(*(int(argument) for argument in sys.argv[1:]))
