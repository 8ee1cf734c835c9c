"""What the plan takes: planned, and spent where the system can count it or people say so."""

import json
from dataclasses import dataclass
from datetime import date

import duckdb

from roundtrip.home import Home
from roundtrip.products import newest
from roundtrip.rollout.plan import Plan, Resource, Texts
from roundtrip.rollout.words import say


@dataclass(frozen=True)
class ResourceState:
    """`spent` in the resource's unit, None where nobody knows; `said` tells from where, or why not."""

    resource: Resource
    spent: float | None
    said: Texts

    @property
    def spent_share(self) -> float | None:
        """Spent over planned; None where either is not known or nothing was planned."""
        planned = self.resource.planned
        return self.spent / planned if planned and self.spent is not None else None


def resources_of(
    connection: duckdb.DuckDBPyConnection, home: Home, plan: Plan, plan_starts_on: date | None, as_of: date
) -> list[ResourceState]:
    """Every resource of the plan with what was spent of it since the plan began, up to `as_of`."""
    measures = {"retention_costs": _retention_costs, "run_hours": _run_hours}
    states = []
    for resource in plan.resources:
        if resource.measured_by is None:
            why = "said" if resource.spent is not None else "nobody_says"
            states.append(ResourceState(resource, resource.spent, say("resource_reason", why)))
        elif plan_starts_on is None:
            states.append(ResourceState(resource, None, say("resource_reason", "no_start")))
        else:
            spent, why = measures[resource.measured_by](connection, home, plan_starts_on, as_of)
            states.append(ResourceState(resource, spent, say("resource_reason", why)))
    return states


def _retention_costs(connection, home: Home, since: date, as_of: date) -> tuple[float | None, str]:
    """Costs of what was sent, in the reporting currency."""
    file = newest(home, "interventions", as_of)
    cost = None
    if file is not None:
        (cost,) = connection.execute(
            """
            SELECT round(CAST(sum(cost) AS DOUBLE), 2) FROM read_parquet($file)
            WHERE status = 'sent' AND arm = 'treatment' AND CAST(sent_at AS DATE) BETWEEN $since AND $as_of
            """,
            {"file": str(file), "since": since, "as_of": as_of},
        ).fetchone()
    return (None, "nothing_sent") if cost is None else (cost, "measured")


def _run_hours(_connection, home: Home, since: date, as_of: date) -> tuple[float | None, str]:
    """Hours of all stages of earlier dates; those of `as_of` itself are still being written."""
    seconds = [
        json.loads(file.read_text(encoding="utf-8")).get("seconds") or 0
        for file in sorted(home.runs_dir.glob("????-??-??/*.json"))
        if since.isoformat() <= file.parent.name < as_of.isoformat()
    ]
    return (sum(seconds) / 3600, "measured") if seconds else (None, "no_runs")
