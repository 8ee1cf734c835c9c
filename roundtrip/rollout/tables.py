"""The rollout's tables: columns, types, and rows from what was found."""

from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from roundtrip.rollout.follow import Progress

_PAIR = ("en", "zh")

#: Table → column → type, in order; the contract's columns are among them.
TABLES = {
    "rollout_kpis": {
        "phase": "string",
        "indicator": "string",
        **dict.fromkeys(("baseline", "target", "target_low", "target_high"), "double"),
        **dict.fromkeys(("actual", "ci_low", "ci_high"), "double"),
        **dict.fromkeys(("change", "change_ci_low", "change_ci_high", "change_unadjusted"), "double"),
        **dict.fromkeys(("season_factor", "year_before", "change_on_year_before"), "double"),
        "months_measured": "integer",
        "holdout_of": "string",
        "holdout_outcome": "string",
        "holdout_window_days": "integer",
        **dict.fromkeys(("holdout_effect", "holdout_ci_low", "holdout_ci_high"), "double"),
        **dict.fromkeys(("status", "status_reason_en", "status_reason_zh"), "string"),
        "as_of_date": "date",
    },
    "rollout_tasks": {
        **dict.fromkeys(("task_id", "phase", "name_en", "name_zh", "owner", "depends_on"), "string"),
        **dict.fromkeys(("starts_on", "due_on", "done_on"), "date"),
        **dict.fromkeys(("status", "evidence", "evidence_en", "evidence_zh"), "string"),
        "as_of_date": "date",
    },
    "rollout_risks": {
        **dict.fromkeys(("risk_id", "kind", "name_en", "name_zh", "owner"), "string"),
        **dict.fromkeys(("probability", "impact", "trigger", "trigger_en", "trigger_zh"), "string"),
        **dict.fromkeys(("trigger_value", "watch_from", "threshold"), "double"),
        **dict.fromkeys(("state", "state_reason_en", "state_reason_zh"), "string"),
        **dict.fromkeys(("contingency", "contingency_zh"), "string"),
        "as_of_date": "date",
    },
    "rollout_resources": {
        **dict.fromkeys(("resource_id", "kind", "name_en", "name_zh", "unit_en", "unit_zh"), "string"),
        **dict.fromkeys(("planned", "spent"), "double"),
        **dict.fromkeys(("spent_reason_en", "spent_reason_zh"), "string"),
        "as_of_date": "date",
    },
}


def rows_of(table: str, progress: "Progress", as_of: date) -> pd.DataFrame:
    """The rows of one of TABLES."""
    rows = _ROWS[table](progress)
    return pd.DataFrame(
        [{**row, "as_of_date": as_of} for row in rows], columns=list(TABLES[table]), dtype=object
    )


def _kpis(progress: "Progress") -> list[dict]:
    return [asdict(kpi) for kpi in progress.kpis]


def _tasks(progress: "Progress") -> list[dict]:
    return [
        {
            "task_id": each.task.id,
            "phase": each.task.phase,
            **_both("name", each.task.title),
            "owner": each.task.owner,
            "depends_on": ", ".join(each.task.depends_on) or None,
            "starts_on": each.starts_on,
            "due_on": each.due_on,
            "done_on": each.done_on,
            "status": each.status,
            "evidence": each.task.evidence,
            **_both("evidence", each.said),
        }
        for each in progress.tasks
    ]


def _risks(progress: "Progress") -> list[dict]:
    return [
        {
            "risk_id": each.risk.id,
            "kind": each.risk.kind,
            **_both("name", each.risk.title),
            "owner": each.risk.owner,
            "probability": each.risk.probability,
            "impact": each.risk.impact,
            "trigger": each.risk.trigger.measure,
            **_both("trigger", each.trigger),
            "trigger_value": each.value,
            "watch_from": each.risk.trigger.watch_from,
            "threshold": each.risk.trigger.triggered_from,
            "state": each.state,
            **_both("state_reason", each.said),
            "contingency": each.risk.contingency["en"],
            "contingency_zh": each.risk.contingency["zh"],
        }
        for each in progress.risks
    ]


def _resources(progress: "Progress") -> list[dict]:
    return [
        {
            "resource_id": each.resource.id,
            "kind": each.resource.kind,
            **_both("name", each.resource.title),
            **_both("unit", each.resource.unit),
            "planned": each.resource.planned,
            "spent": each.spent,
            **_both("spent_reason", each.said),
        }
        for each in progress.resources
    ]


def _both(name: str, texts: dict[str, str]) -> dict[str, str]:
    return {f"{name}_{language}": texts[language] for language in _PAIR}


_ROWS = {
    "rollout_kpis": _kpis,
    "rollout_tasks": _tasks,
    "rollout_risks": _risks,
    "rollout_resources": _resources,
}
