"""Reading the suite files of expectations/."""

import json
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from roundtrip.errors import CheckBroken
from roundtrip.home import PROJECT_ROOT

SUITES_DIR = PROJECT_ROOT / "expectations"

SEVERITIES = ("fail", "warn")

#: What an expectation looks at: the table's rows, or the one row of figures about the table as a whole.
SUBJECTS = ("rows", "summary")


@dataclass(frozen=True)
class Suite:
    """One table's expectations, as in its file (Great Expectations' own JSON).

    Every expectation's `meta` has `severity` (fail or warn), `reason`, `on` (rows or summary); SQL checks
    also have `name`, and `column` where they are about one.
    """

    table: str
    expectations: tuple[dict, ...]

    def on(self, subject: str) -> list[dict]:
        return [deepcopy(each) for each in self.expectations if each["meta"]["on"] == subject]


def read_suite(gate: str, table: str, folder: Path = SUITES_DIR) -> Suite:
    """The suite of `expectations/<gate>/<table>.json`.

    Raises:
        CheckBroken: the file is missing, is not JSON, or an expectation lacks its severity, reason or
            subject: a check without them would be run by accident.
    """
    file = folder / gate / f"{table}.json"
    try:
        expectations = json.loads(file.read_text(encoding="utf-8"))["expectations"]
    except FileNotFoundError as error:
        raise CheckBroken(f"{table} has no suite: {file} is missing", "see expectations/README.md") from error
    except (json.JSONDecodeError, KeyError) as error:
        raise CheckBroken(f"{file} is not a suite: {error}", "see expectations/README.md") from error
    for number, expectation in enumerate(expectations, start=1):
        meta = expectation.get("meta", {})
        well_formed = (
            "type" in expectation
            and meta.get("severity") in SEVERITIES
            and meta.get("on") in SUBJECTS
            and meta.get("reason")
        )
        if not well_formed:
            raise CheckBroken(
                f"{file}: expectation {number} lacks its type, or in meta its severity (fail, warn), "
                "on (rows, summary) or reason",
                "an author chooses the severity and says why: see expectations/README.md",
            )
    return Suite(table, tuple(expectations))
