"""Following the plan: targets, tasks, resources and risks on a date, and the tables that tell them."""

from collections import Counter
from dataclasses import dataclass
from datetime import date

import duckdb

from roundtrip import duck
from roundtrip.answers import Answer, published_tables
from roundtrip.company import Company
from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.products import write_product
from roundtrip.rollout.calendar import Position, position
from roundtrip.rollout.evidence import first_dates
from roundtrip.rollout.kpis import Kpi, targets_of
from roundtrip.rollout.plan import Phase, Plan, Target, plan_of_company
from roundtrip.rollout.resources import ResourceState, resources_of
from roundtrip.rollout.risks import STATES, TRIGGERED, RiskState, risks_of
from roundtrip.rollout.tables import TABLES, rows_of
from roundtrip.rollout.tasks import OVERDUE, TaskState, tasks_of
from roundtrip.rollout.triggers import Scene


@dataclass(frozen=True)
class Progress:
    """The plan on a date; `answers` are the queries behind the targets."""

    plan: Plan
    plan_starts_on: date | None
    position: Position
    kpis: tuple[Kpi, ...]
    tasks: tuple[TaskState, ...]
    resources: tuple[ResourceState, ...]
    risks: tuple[RiskState, ...]
    answers: tuple[Answer, ...]

    @property
    def shown_phase(self) -> Phase:
        """The present phase; before the plan the first one, after it the last."""
        if self.position.phase:
            return self.position.phase
        return self.plan.phases[-1 if self.position.state == "finished" else 0]

    @property
    def shown_kpis(self) -> list[tuple[Target, Kpi]]:
        """The targets in the shown phase."""
        kpis = {kpi.indicator: kpi for kpi in self.kpis if kpi.phase == self.shown_phase.id}
        return [(target, kpis[target.indicator]) for target in self.plan.targets]

    @property
    def risks_by_state(self) -> list[RiskState]:
        """The risks, those that have come true first."""
        return sorted(self.risks, key=lambda each: STATES.index(each.state))


def follow(home: Home, as_of: date, connection: duckdb.DuckDBPyConnection) -> Progress:
    """Where the plan stands, from what was known on `as_of`.

    Args:
        connection: of the published warehouse.

    Raises:
        BadInput: the plan has a mistake.
    """
    plan = plan_of_company(home)
    starts_on = plan_start(home)
    published = published_tables(connection)
    kpis, answers = targets_of(connection, home, plan, starts_on, as_of, published)
    evidence = first_dates(connection, home, as_of, published)
    resources = tuple(resources_of(connection, home, plan, starts_on, as_of))
    return Progress(
        plan=plan,
        plan_starts_on=starts_on,
        position=position(plan, starts_on, as_of),
        kpis=tuple(kpis),
        tasks=tuple(tasks_of(plan, starts_on, as_of, evidence)),
        resources=resources,
        risks=tuple(risks_of(plan, Scene(connection, home, as_of, published, resources))),
        answers=tuple(answers),
    )


def follow_plan(home: Home, as_of: date) -> dict:
    """Write products/rollout_{kpis,tasks,risks,resources}/<as_of>.parquet.

    Returns:
        The plan's state, month and phase, how many targets, tasks and risks are in which state, which tasks
        are overdue and which risks have come true.

    Raises:
        BadInput: nothing is published, it was built for another date, or the plan has a mistake.
    """
    if not home.current_db.exists():
        raise BadInput(f"nothing is published at {home.current_db}", "run `roundtrip run` first")
    connection = duck.connect(home.current_db, home.tmp_dir, read_only=True)
    try:
        (built_for,) = connection.execute("SELECT max(as_of_date) FROM marts.warehouse_info").fetchone()
        if built_for != as_of:
            raise BadInput(
                f"the published warehouse was built for {built_for}, not for {as_of}",
                f"run `roundtrip run --as-of {as_of}`",
            )
        progress = follow(home, as_of, connection)
    finally:
        connection.close()
    for table, columns in TABLES.items():
        path = home.products_dir / table / f"{as_of.isoformat()}.parquet"
        write_product(rows_of(table, progress, as_of), columns, path)
    phase = progress.position.phase
    return {
        "plan": str(progress.plan.file),
        "state": progress.position.state,
        "month": progress.position.month,
        "phase": phase.id if phase else None,
        "targets": dict(sorted(Counter(kpi.status for kpi in progress.kpis).items())),
        "tasks": dict(sorted(Counter(task.status for task in progress.tasks).items())),
        "overdue": [task.task.id for task in progress.tasks if task.status == OVERDUE],
        "risks": dict(sorted(Counter(risk.state for risk in progress.risks).items())),
        "triggered": [risk.risk.id for risk in progress.risks if risk.state == TRIGGERED],
    }


def plan_start(home: Home) -> date | None:
    """First day of month 1, from company.yml; None: not started."""
    told = Company.load(home).settings.get("plan_starts_on") if home.company_file.exists() else None
    return date.fromisoformat(told) if isinstance(told, str) else told
