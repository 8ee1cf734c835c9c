"""The rollout plan as a company writes it: plan/rollout.yml, or the file that company.yml names."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from roundtrip.company import Company
from roundtrip.home import PROJECT_ROOT, Home
from roundtrip.rollout.check import Checker
from roundtrip.rollout.names import (
    DIRECTIONS,
    EVIDENCE,
    INDICATORS,
    LEVELS,
    RESOURCE_KINDS,
    RESOURCE_MEASURES,
    RISK_KINDS,
    TRIGGERS,
)
from roundtrip.yaml_lines import read_yaml

PLAN_FILE = PROJECT_ROOT / "plan" / "rollout.yml"
#: Key of company.yml that names a plan of the company's own.
SETTING = "plan"
Texts = dict[str, str]


@dataclass(frozen=True)
class Phase:
    """A stretch of whole months of the plan, both ends included."""

    id: str
    title: Texts
    first_month: int
    last_month: int


@dataclass(frozen=True)
class Task:
    """Something to be done within a phase.

    Attributes:
        evidence: what shows that it is done (names.EVIDENCE); None: only people can say so.
        done_on: when people say it was done.
    """

    id: str
    title: Texts
    phase: str
    first_month: int
    due_month: int
    owner: str
    depends_on: tuple[str, ...] = ()
    evidence: str | None = None
    done_on: date | None = None


@dataclass(frozen=True)
class Resource:
    """What the plan takes: `planned` and `spent` (as people say) in `unit`; None: nobody says."""

    id: str
    kind: str
    title: Texts
    unit: Texts
    planned: float | None = None
    spent: float | None = None
    measured_by: str | None = None


@dataclass(frozen=True)
class Target:
    """The wanted change of an indicator against its baseline, as a band in percent of the baseline."""

    indicator: str
    title: Texts
    direction: Literal["down", "up"]
    change_percent: tuple[float, float]
    is_seasonal: bool

    @property
    def sign(self) -> int:
        return -1 if self.direction == "down" else 1

    def band(self, baseline: float) -> tuple[float, float]:
        """The target band in the indicator's own unit, lower end first."""
        ends = [baseline * (1 + self.sign * percent / 100) for percent in self.change_percent]
        return min(ends), max(ends)

    def nearest(self, baseline: float) -> float:
        """The end of the band nearest to the baseline: what has to be reached."""
        return baseline * (1 + self.sign * self.change_percent[0] / 100)


@dataclass(frozen=True)
class Trigger:
    """A measure of the warehouse or the home; higher is worse."""

    measure: str
    watch_from: float
    triggered_from: float


@dataclass(frozen=True)
class Risk:
    id: str
    kind: str
    title: Texts
    owner: str
    probability: str
    impact: str
    trigger: Trigger
    contingency: Texts


@dataclass(frozen=True)
class Plan:
    file: Path
    phases: tuple[Phase, ...]
    tasks: tuple[Task, ...]
    resources: tuple[Resource, ...]
    targets: tuple[Target, ...]
    risks: tuple[Risk, ...]

    def phase(self, phase_id: str) -> Phase:
        return next(phase for phase in self.phases if phase.id == phase_id)


def plan_of_company(home: Home) -> Plan:
    """The company's own plan where company.yml names one, else the shipped one.

    Raises:
        BadInput: the file is missing or has a mistake.
    """
    own = Company.load(home).settings.get(SETTING) if home.company_file.exists() else None
    return load_plan(Path(own) if own else PLAN_FILE)


def load_plan(path: Path = PLAN_FILE) -> Plan:
    """Read and check a plan.

    Raises:
        BadInput: the file is missing or no YAML, a key is unknown, missing or repeated, phases overlap or
            leave a month out, a task lies outside its phase, waits for itself or for a task due later,
            an indicator, a measure or a kind is unknown, a target is impossible, a number is out of
            range. The message names the file and the line.
    """
    data, lines = read_yaml(path, "give a file like plan/rollout.yml")
    check = Checker(path, lines)
    top = check.mapping((), data, {"phases", "tasks", "resources", "targets", "risks"})
    phases = tuple(
        Phase(item["id"], check.texts((*at, "title"), item["title"]), *check.months(at, item["months"]))
        for at, item in check.items("phases", top, {"id", "title", "months"})
    )
    check.cover_the_year(phases)
    by_id = {phase.id: phase for phase in phases}
    tasks = tuple(_task(check, at, item, by_id) for at, item in check.items("tasks", top, *_TASK_KEYS))
    check.dependencies(tasks)
    resources = tuple(
        _resource(check, at, item) for at, item in check.items("resources", top, *_RESOURCE_KEYS)
    )
    targets = tuple(_target(check, at, item) for at, item in check.items("targets", top, _TARGET_KEYS))
    risks = tuple(_risk(check, at, item) for at, item in check.items("risks", top, _RISK_KEYS))
    return Plan(path, phases, tasks, resources, targets, risks)


_TASK_KEYS = {"id", "title", "phase", "months", "owner"}, {"depends_on", "evidence", "done_on"}
_RESOURCE_KEYS = {"id", "kind", "title", "unit"}, {"planned", "spent", "measured_by"}
_TARGET_KEYS = {"indicator", "title", "direction", "change_percent", "is_seasonal"}
_RISK_KEYS = {"id", "kind", "title", "owner", "probability", "impact", "trigger", "contingency"}


def _task(check: Checker, at: tuple, item: dict, phases: dict[str, Phase]) -> Task:
    check.one_of((*at, "phase"), item["phase"], phases)
    first, due = check.months(at, item["months"])
    check.within((*at, "months"), item["id"], (first, due), phases[item["phase"]])
    if item.get("evidence") is not None:
        check.one_of((*at, "evidence"), item["evidence"], EVIDENCE)
    return Task(
        id=item["id"],
        title=check.texts((*at, "title"), item["title"]),
        phase=item["phase"],
        first_month=first,
        due_month=due,
        owner=check.word((*at, "owner"), item["owner"]),
        depends_on=check.words((*at, "depends_on"), item.get("depends_on")),
        evidence=item.get("evidence"),
        done_on=check.day((*at, "done_on"), item.get("done_on")),
    )


def _resource(check: Checker, at: tuple, item: dict) -> Resource:
    check.one_of((*at, "kind"), item["kind"], RESOURCE_KINDS)
    measured_by = item.get("measured_by")
    if measured_by is not None:
        check.one_of((*at, "measured_by"), measured_by, RESOURCE_MEASURES)
        if item.get("spent") is not None:
            check.fail((*at, "spent"), f"{item['id']} is measured and said", "keep measured_by or spent")
    amounts = {
        key: None if item.get(key) is None else check.number((*at, key), item[key], least=0)
        for key in ("planned", "spent")
    }
    texts = {key: check.texts((*at, key), item[key]) for key in ("title", "unit")}
    return Resource(item["id"], item["kind"], **texts, **amounts, measured_by=measured_by)


def _target(check: Checker, at: tuple, item: dict) -> Target:
    check.one_of((*at, "indicator"), item["indicator"], INDICATORS)
    check.one_of((*at, "direction"), item["direction"], DIRECTIONS)
    return Target(
        indicator=item["indicator"],
        title=check.texts((*at, "title"), item["title"]),
        direction=item["direction"],
        change_percent=check.band((*at, "change_percent"), item["change_percent"], item["direction"]),
        is_seasonal=check.flag((*at, "is_seasonal"), item["is_seasonal"]),
    )


def _risk(check: Checker, at: tuple, item: dict) -> Risk:
    check.one_of((*at, "kind"), item["kind"], RISK_KINDS)
    for key in ("probability", "impact"):
        check.one_of((*at, key), item[key], LEVELS)
    place = (*at, "trigger")
    trigger = check.mapping(place, item["trigger"], {"measure", "watch_from", "triggered_from"})
    check.one_of((*place, "measure"), trigger["measure"], TRIGGERS)
    watch, triggered = (
        check.number((*place, key), trigger[key], least=0) for key in ("watch_from", "triggered_from")
    )
    if watch > triggered:
        check.fail(
            (*place, "watch_from"), f"watched from {watch:g}, triggered from {triggered:g}", "watch first"
        )
    return Risk(
        id=item["id"],
        kind=item["kind"],
        title=check.texts((*at, "title"), item["title"]),
        owner=check.word((*at, "owner"), item["owner"]),
        probability=item["probability"],
        impact=item["impact"],
        trigger=Trigger(trigger["measure"], watch, triggered),
        contingency=check.texts((*at, "contingency"), item["contingency"]),
    )
