"""Reading the table of strategies: every value checked, every mistake told with its line."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path

from roundtrip.company import Company
from roundtrip.home import PROJECT_ROOT, Home
from roundtrip.strategies.check import Checker
from roundtrip.yaml_lines import read_yaml

DEFAULT_FILE = PROJECT_ROOT / "plan" / "strategies.yml"
#: Key of company.yml that names a table of the company's own.
SETTING = "strategies"


@dataclass(frozen=True)
class Strategy:
    """One row of the table; the keys are explained at the top of plan/strategies.yml.

    Attributes:
        when: column -> list of values, {"min": x, "max": y} or a bool; all must hold.
        unit_cost: in the table's currency; None: the company's own campaigns say.
        limits: per_customer_a_year, per_round, min_value_12m; those that are given.
        name, wording: by language (en, zh).
        valid_until: the last day; None: still valid.
    """

    id: str
    name: dict[str, str]
    when: dict[str, list[str] | dict[str, float] | bool]
    action: str
    unit_cost: float | None
    channels: tuple[str, ...]
    due_in_days: int
    without_warning: bool
    limits: dict[str, float]
    wording: dict[str, str]
    why: str
    valid_from: date
    valid_until: date | None = None

    def is_valid_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)


@dataclass(frozen=True)
class Strategies:
    """A whole table.

    Attributes:
        currency: of the unit costs; None where none is given.
        rows: in the file's order, which is the order of preference.
    """

    file: Path
    version: str
    currency: str | None
    actions: dict[str, dict[str, str]]
    rows: tuple[Strategy, ...] = field(default_factory=tuple)

    def on(self, day: date) -> "Strategies":
        """The table as it is in force on a day."""
        rows = tuple(row for row in self.rows if row.is_valid_on(day))
        return Strategies(self.file, self.version, self.currency, self.actions, rows)

    def newest(self) -> "Strategies":
        """The strategies that no date ends."""
        rows = tuple(row for row in self.rows if row.valid_until is None)
        return Strategies(self.file, self.version, self.currency, self.actions, rows)

    @cached_property
    def digest(self) -> str:
        """Changes when anything in the table does."""
        content = [row.__dict__ for row in self.rows]
        text = json.dumps([self.version, self.currency, content], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def __getitem__(self, strategy_id: str) -> Strategy:
        return next(row for row in self.rows if row.id == strategy_id)


def of_company(home: Home, day: date | None = None) -> Strategies:
    """The company's own table where company.yml names one, else the shipped one.

    Args:
        day: only what is in force on it; None: what no date ends.

    Raises:
        BadInput: the file cannot be read or has a mistake.
    """
    own = Company.load(home).settings.get(SETTING) if home.company_file.exists() else None
    table = load(Path(own) if own else DEFAULT_FILE)
    return table.on(day) if day else table.newest()


def load(file: Path = DEFAULT_FILE) -> Strategies:
    """Read a table.

    Raises:
        BadInput: it cannot be read, a key is missing or unknown, a value is not what it must be, an id stands
            for two strategies on one day, or some stage of the lifecycle has no strategy that fits everybody.
    """
    content, lines = read_yaml(file, "give a file like plan/strategies.yml")
    check = Checker(file, lines)
    check.keys(content, (), required=("version", "actions", "strategies"), optional=("currency",))
    check.actions(content["actions"])
    rows = []
    for number, entry in enumerate(check.a_list(content["strategies"], ("strategies",))):
        row = Strategy(**check.strategy(entry, ("strategies", number), content["actions"]))
        check.is_the_only_one(row, rows, ("strategies", number, "id"))
        rows.append(row)
    currency = check.currency(content.get("currency"), any(row.unit_cost is not None for row in rows))
    check.everybody_has_one(rows)
    return Strategies(file, str(content["version"]), currency, content["actions"], tuple(rows))
