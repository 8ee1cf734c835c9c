"""The rollout plan: reading plan/rollout.yml, and where a date stands on it."""

import calendar
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

from roundtrip.errors import BadInput
from roundtrip.home import PROJECT_ROOT
from roundtrip.yaml_lines import Lines, read_yaml

PLAN_FILE = PROJECT_ROOT / "plan" / "rollout.yml"
PLAN_MONTHS = 12
LEVELS = ("low", "medium", "high")
DIRECTIONS = ("down", "up")


@dataclass(frozen=True)
class Phase:
    """A stretch of whole months of the plan, both ends included."""

    id: str
    title: dict[str, str]
    first_month: int
    last_month: int


@dataclass(frozen=True)
class Task:
    id: str
    title: dict[str, str]
    phase: str
    due_month: int
    owner: str
    done_when_table: str | None = None


@dataclass(frozen=True)
class Target:
    """The wanted change of an indicator against its baseline, as a band in percent of the baseline."""

    indicator: str
    title: dict[str, str]
    direction: Literal["down", "up"]
    change_percent: tuple[float, float]

    def band(self, baseline: float) -> tuple[float, float]:
        """The target band in the indicator's own unit, lower end first."""
        sign = -1 if self.direction == "down" else 1
        ends = [baseline * (1 + sign * percent / 100) for percent in self.change_percent]
        return min(ends), max(ends)


@dataclass(frozen=True)
class Risk:
    id: str
    title: dict[str, str]
    owner: str
    probability: str
    impact: str
    trigger: dict[str, str]
    contingency: dict[str, str]


@dataclass(frozen=True)
class Plan:
    phases: tuple[Phase, ...]
    tasks: tuple[Task, ...]
    targets: tuple[Target, ...]
    risks: tuple[Risk, ...]
    baseline_window_months: int

    def target(self, indicator: str) -> Target | None:
        return next((target for target in self.targets if target.indicator == indicator), None)


@dataclass(frozen=True)
class Position:
    """Where a date stands: `month` and `phase` are set only while the plan is running."""

    state: Literal["not_started", "running", "finished"]
    month: int | None = None
    phase: Phase | None = None


@dataclass(frozen=True)
class TaskStatus:
    task: Task
    status: Literal["done", "open", "overdue"]
    due_on: date | None


def load_plan(path: Path = PLAN_FILE) -> Plan:
    """Read and check the plan.

    Raises:
        BadInput: the file is missing or no YAML, a key is unknown, missing or repeated, a phase is unknown,
            phases overlap or leave a month out, a task is due outside its phase, a value is out of its range.
            The message names the file and the line.
    """
    data, lines = read_yaml(path, "restore plan/rollout.yml")
    check = _Checker(path, lines)
    top = check.mapping((), data, {"phases", "tasks", "targets", "risks", "baseline_window_months"})
    phases = tuple(
        Phase(item["id"], check.title((*at, "title"), item["title"]), *check.months((*at, "months"), item))
        for at, item in check.items("phases", top, {"id", "title", "months"})
    )
    check.cover_the_year(phases)
    by_id = {phase.id: phase for phase in phases}

    tasks = []
    for at, item in check.items(
        "tasks", top, {"id", "title", "phase", "due_month", "owner"}, {"done_when_table"}
    ):
        check.one_of((*at, "phase"), item["phase"], by_id)
        phase = by_id[item["phase"]]
        due = check.whole_number((*at, "due_month"), item["due_month"])
        if not phase.first_month <= due <= phase.last_month:
            check.fail(
                (*at, "due_month"),
                f"due_month {due} lies outside phase {phase.id} "
                f"(months {phase.first_month}-{phase.last_month})",
                "move the task to the phase it is due in",
            )
        tasks.append(Task(**{**item, "title": check.title((*at, "title"), item["title"])}))

    targets = []
    for at, item in check.items("targets", top, {"indicator", "title", "direction", "change_percent"}):
        check.one_of((*at, "direction"), item["direction"], DIRECTIONS)
        title = check.title((*at, "title"), item["title"])
        band = check.band((*at, "change_percent"), item["change_percent"])
        targets.append(Target(item["indicator"], title, item["direction"], band))

    risks = []
    worded = ("title", "trigger", "contingency")
    for at, item in check.items("risks", top, {"id", "owner", "probability", "impact", *worded}):
        for key in ("probability", "impact"):
            check.one_of((*at, key), item[key], LEVELS)
        risks.append(Risk(**{**item, **{key: check.title((*at, key), item[key]) for key in worded}}))

    window = check.whole_number(("baseline_window_months",), top["baseline_window_months"])
    return Plan(phases, tuple(tasks), tuple(targets), tuple(risks), window)


def add_months(day: date, months: int) -> date:
    """The same day `months` later, or the last day of that month where it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def month_ends_on(plan_starts_on: date, month: int) -> date:
    """Last day of a month of the plan (1-12)."""
    return add_months(plan_starts_on, month) - timedelta(days=1)


def position(plan: Plan, plan_starts_on: date | None, as_of: date) -> Position:
    """Month and phase of the plan on `as_of`; not started without a start date or before it."""
    if plan_starts_on is None or as_of < plan_starts_on:
        return Position("not_started")
    month = next((m for m in range(1, PLAN_MONTHS + 1) if as_of <= month_ends_on(plan_starts_on, m)), None)
    if month is None:
        return Position("finished")
    phase = next(p for p in plan.phases if p.first_month <= month <= p.last_month)
    return Position("running", month, phase)


def task_statuses(
    plan: Plan, plan_starts_on: date | None, as_of: date, filled_tables: Collection[str]
) -> list[TaskStatus]:
    """Every task with its status: done where the warehouse shows it, else open or overdue by its date.

    Args:
        filled_tables: names of the published tables that hold rows, the evidence for done tasks.
    """
    statuses = []
    for task in plan.tasks:
        due_on = month_ends_on(plan_starts_on, task.due_month) if plan_starts_on else None
        if task.done_when_table in filled_tables:
            status = "done"
        else:
            status = "overdue" if due_on and as_of > due_on else "open"
        statuses.append(TaskStatus(task, status, due_on))
    return statuses


class _Checker:
    """Checks with the line of what is wrong in the message."""

    def __init__(self, path: Path, lines: Lines):
        self.path = path
        self.lines = lines

    def fail(self, at: tuple, what: str, hint: str):
        raise BadInput(f"{self.path}:{self.lines.get(at, 1)}: {what}", hint)

    def mapping(self, at: tuple, value: Any, required: set[str], optional: set[str] = frozenset()) -> dict:
        if not isinstance(value, dict):
            self.fail(at, "expected `key: value` lines", "keys: " + ", ".join(sorted(required | optional)))
        if unknown := sorted(set(value) - required - optional):
            self.fail(
                (*at, unknown[0]),
                f"unknown key {unknown[0]}",
                "known keys: " + ", ".join(sorted(required | optional)),
            )
        if missing := sorted(key for key in required if value.get(key) in (None, "")):
            self.fail(at, f"{missing[0]} is missing", f"add a line `{missing[0]}: …`")
        return value

    def items(self, key: str, top: dict, required: set[str], optional: set[str] = frozenset()):
        """(place, mapping) of each entry of a list, whose first identifying key must be unique."""
        if not isinstance(top[key], list) or not top[key]:
            self.fail((key,), f"{key} must be a list with at least one entry", "see plan/rollout.yml")
        name = "id" if "id" in required else "indicator"
        seen = set()
        for i, item in enumerate(top[key]):
            at = (key, i)
            self.mapping(at, item, required, optional)
            if item[name] in seen:
                self.fail((*at, name), f"{name} {item[name]} is used twice in {key}", "give it another name")
            seen.add(item[name])
            yield at, item

    def title(self, at: tuple, value: Any) -> dict[str, str]:
        return self.mapping(at, value, {"en", "zh"})

    def one_of(self, at: tuple, value: Any, allowed: Collection[str]) -> None:
        if value not in allowed:
            self.fail(at, f"unknown {at[-1]} {value!r}", "one of: " + ", ".join(allowed))

    def whole_number(self, at: tuple, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            self.fail(at, f"{at[-1]} is {value!r}, not a whole number from 1 on", "write it like 3")
        return value

    def months(self, at: tuple, item: dict) -> tuple[int, int]:
        value = item["months"]
        if not isinstance(value, list) or len(value) != 2:
            self.fail(at, "months must be [first, last]", "write it like [1, 3]")
        first, last = (self.whole_number((*at, i), month) for i, month in enumerate(value))
        if first > last or last > PLAN_MONTHS:
            self.fail(
                at, f"months [{first}, {last}] do not lie within 1-{PLAN_MONTHS}", "write it like [1, 3]"
            )
        return first, last

    def band(self, at: tuple, value: Any) -> tuple[float, float]:
        is_band = (
            isinstance(value, list) and len(value) == 2 and all(isinstance(x, int | float) for x in value)
        )
        if not is_band or not 0 <= value[0] <= value[1] <= 100:
            self.fail(at, f"change_percent is {value!r}, not [least, most]", "write it like [10, 20]")
        return float(value[0]), float(value[1])

    def cover_the_year(self, phases: tuple[Phase, ...]) -> None:
        expected = 1
        for i, phase in enumerate(phases):
            if phase.first_month != expected:
                overlaps = phase.first_month < expected
                self.fail(
                    ("phases", i, "months"),
                    f"phase {phase.id} "
                    + ("overlaps the phase before it" if overlaps else f"leaves out month {expected}"),
                    f"it must begin in month {expected}",
                )
            expected = phase.last_month + 1
        if expected != PLAN_MONTHS + 1:
            self.fail(
                ("phases",), f"the phases end with month {expected - 1}", f"cover months 1-{PLAN_MONTHS}"
            )
