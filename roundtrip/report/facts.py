"""Everything the report says, in numbers and before any language: answers, tiles, plan, model, gaps."""

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from roundtrip import duck
from roundtrip.company import Company
from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.report import plan as rollout
from roundtrip.report.answers import Answer, ask, filled_tables, published_tables
from roundtrip.report.formats import is_missing

#: Tables of the published contract; those not there yet are listed under "what is missing".
CONTRACT_TABLES = (
    *("dim_customers", "fct_bookings", "fct_customer_months", "fct_lifecycle_changes", "fct_churn"),
    *("kpi_months", "customer_scores", "warnings", "interventions"),
    *("rollout_kpis", "rollout_tasks", "rollout_risks", "quality_runs"),
)
OPTIONAL_SOURCES = ("has_prices", "has_surveys", "has_tickets", "has_web_events", "has_loyalty")
#: In the order of the appendix.
QUERIES = (
    *("headline", "revenue_12m", "scores", "churn_by_month", "lifecycle_by_month", "severity_by_month"),
    *("risk_bands", "risk_distribution", "most_at_stake", "targets", "quality", "kpi_gaps", "warehouse"),
)
#: Reasons of missing indicators that a missing source tells already.
TOLD_BY_SOURCES = ("no_prices", "no_surveys", "no_tickets")
RATES = ("churn_rate", "retention_rate", "repeat_purchase_rate")


@dataclass(frozen=True)
class Tile:
    """A headline number.

    `kind` is count, rate, money or score; `why` is the key of the reason where `value` is None; `small` holds
    what stands in small print, by text key; `source` is the anchor in the appendix (or the model's section).
    """

    name: str
    kind: str
    value: float | None
    small: dict[str, Any]
    source: str
    why: str | None = None


@dataclass(frozen=True)
class Target:
    """A target of the plan with its baseline, band and present value.

    None where not measured: `months` counts the months of data there are (0: the indicator does not exist).
    """

    target: rollout.Target
    months: int
    baseline: float | None
    actual: float | None
    band: tuple[float, float] | None
    status: str | None


@dataclass(frozen=True)
class Facts:
    company: str
    as_of: date
    currency: str | None
    answers: dict[str, Answer]
    tiles: tuple[Tile, ...]
    plan: rollout.Plan
    plan_starts_on: date | None
    position: rollout.Position
    tasks: list[rollout.TaskStatus]
    targets: tuple[Target, ...]
    model: dict[str, Any]
    missing_sources: tuple[str, ...]
    missing_tables: tuple[str, ...]
    missing_indicators: dict[str, tuple[str, ...]]
    unconverted_bookings: int

    @property
    def churn_band(self) -> tuple[float, float] | None:
        return next((t.band for t in self.targets if t.target.indicator == "churn_rate"), None)


def gather(home: Home, as_of: date) -> Facts:
    """Ask the published warehouse everything the report says.

    Raises:
        BadInput: nothing is published yet, it was built for another date, or the plan is wrong.
    """
    if not home.current_db.exists():
        raise BadInput(f"nothing is published at {home.current_db}", "run `roundtrip run` first")
    company = Company.load(home)
    plan = rollout.load_plan()
    starts_on = _date(company.settings.get("plan_starts_on"))
    connection = duck.connect(home.current_db, home.tmp_dir, read_only=True)
    try:
        tables = published_tables(connection)
        warehouse = ask(connection, "warehouse", tables).first
        if (built_for := warehouse.get("as_of_date")) != as_of:
            raise BadInput(
                f"the published warehouse was built for {built_for}, not for {as_of}",
                f"run `roundtrip run --as-of {as_of}`, or ask for the report of {built_for}",
            )
        assessment_ends_on = (
            rollout.month_ends_on(starts_on, plan.phases[0].last_month) if starts_on else None
        )
        known = {
            "as_of": as_of,
            "window_months": plan.baseline_window_months,
            "baseline_ends_on": assessment_ends_on
            if assessment_ends_on and assessment_ends_on <= as_of
            else None,
        }
        answers = {name: ask(connection, name, tables, **known) for name in QUERIES}
        filled = filled_tables(connection, tables)
    finally:
        connection.close()
    model = _model(home)
    return Facts(
        company=company.name,
        as_of=as_of,
        currency=warehouse.get("reporting_currency"),
        answers=answers,
        tiles=_tiles(answers, model),
        plan=plan,
        plan_starts_on=starts_on,
        position=rollout.position(plan, starts_on, as_of),
        tasks=rollout.task_statuses(plan, starts_on, as_of, filled),
        targets=tuple(_target(target, answers["targets"]) for target in plan.targets),
        model=model,
        missing_sources=tuple(source for source in OPTIONAL_SOURCES if warehouse.get(source) is False),
        missing_tables=tuple(table for table in CONTRACT_TABLES if table not in tables),
        missing_indicators={
            row["reason"]: tuple(row["indicators"] or ())
            for row in answers["kpi_gaps"].rows
            if row["reason"] not in TOLD_BY_SOURCES
        },
        unconverted_bookings=warehouse.get("bookings_in_other_currencies") or 0,
    )


def _tiles(answers: dict[str, Answer], model: dict[str, Any]) -> tuple[Tile, ...]:
    has_prices = answers["warehouse"].first.get("has_prices")
    tiles = [_indicator(name, answers["headline"]) for name in ("customers", "active_customers", *RATES)]

    revenue = answers["revenue_12m"]
    months = revenue.first.get("months") or 0
    tiles.append(
        _tile(
            "revenue_12m",
            "money",
            revenue.first.get("value"),
            {
                "months" if months == 12 else "months_partial": months,
                "sample": revenue.first.get("sample_size"),
            },
            revenue,
            "no_revenue_months" if has_prices else "no_prices",
        )
    )
    scores = answers["scores"]
    scored = scores.first.get("scored") or 0
    tiles.append(
        _tile(
            "high_risk",
            "count",
            scores.first.get("high_risk") if scored else None,
            {"of_scored": scored},
            scores,
            "no_scores",
        )
    )
    tiles.append(
        _tile(
            "value_at_risk",
            "money",
            scores.first.get("value_at_risk") if scored else None,
            {"value_at_risk_note": scores.first.get("high_risk")},
            scores,
            "no_scores" if not scored else "no_high_risk_value" if has_prices else "no_prices",
        )
    )
    auc = model.get("test_auc")
    small = {
        "interval": model.get("test_auc_ci"),
        "base_rate": model.get("base_rate"),
        "on_later_months": True,
    }
    is_known = not is_missing(auc)
    tiles.append(
        Tile(
            "model_auc",
            "score",
            auc if is_known else None,
            {key: value for key, value in small.items() if value} if is_known else {},
            "model",
            None if is_known else "no_model",
        )
    )
    return tuple(tiles)


def _indicator(name: str, answer: Answer) -> Tile:
    row = answer.by("indicator").get(name, {})
    kind = "rate" if name in RATES else "count"
    small = {
        "of": (row.get("numerator"), row.get("denominator")) if kind == "rate" else None,
        "sample": row.get("sample_size"),
        "in_month": row.get("month"),
        "year_before": row.get("value_year_before"),
    }
    why = "no_months" if not answer.rows else "no_cases" if row else "no_indicator"
    return _tile(name, kind, row.get("value"), small, answer, why)


def _tile(name: str, kind: str, value: Any, small: dict, answer: Answer, why: str) -> Tile:
    source = f"source-{answer.name}"
    if is_missing(value):
        return Tile(name, kind, None, {}, source, "no_table" if answer.missing_tables else why)
    small = {key: item for key, item in small.items() if isinstance(item, tuple) or not is_missing(item)}
    return Tile(name, kind, float(value), small, source)


def _target(target: rollout.Target, answer: Answer) -> Target:
    row = answer.by("indicator").get(target.indicator, {})
    baseline, actual = (
        None if is_missing(row.get(key)) else float(row[key]) for key in ("baseline", "actual")
    )
    band = target.band(baseline) if baseline is not None else None
    status = None
    if band and actual is not None:
        falls_short = actual > band[1] if target.direction == "down" else actual < band[0]
        is_beyond = actual < band[0] if target.direction == "down" else actual > band[1]
        status = "not_reached" if falls_short else "beyond" if is_beyond else "reached"
    return Target(target, row.get("measured_months") or 0, baseline, actual, band, status)


def _model(home: Home) -> dict[str, Any]:
    """The champion's card as train left it; empty where no model was trained."""
    file = home.champion_file
    if not file.exists():
        return {}
    try:
        card = json.loads(file.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise BadInput(f"{file}:{error.lineno}: {error.msg}", "run `roundtrip stage train` again") from error
    known = {key: value for key, value in card.items() if not is_missing(value) and value != ""}
    interval = known.get("test_auc_ci")
    if interval is not None and (len(interval) != 2 or any(is_missing(end) for end in interval)):
        del known["test_auc_ci"]
    if "trained_as_of" in known:
        known["trained_as_of"] = date.fromisoformat(known["trained_as_of"])
    return known


def _date(value: str | date | None) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) else value
