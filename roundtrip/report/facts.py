"""Everything the report says, in numbers and before any language: answers, tiles, plan, model, gaps."""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from roundtrip import duck
from roundtrip.answers import Answer, ask, published_tables
from roundtrip.company import Company
from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.report.formats import is_missing
from roundtrip.report.segments import Addressed, addressed
from roundtrip.report.steps import SOURCES, Situation, Step, next_steps
from roundtrip.rollout import follow
from roundtrip.rollout.follow import Progress

#: Tables of the published contract; those not there yet are listed under "what is missing".
CONTRACT_TABLES = (
    *("dim_customers", "fct_bookings", "fct_customer_months", "fct_lifecycle_changes", "fct_churn"),
    *("kpi_months", "customer_scores", "warnings", "interventions"),
    *("rollout_kpis", "rollout_tasks", "rollout_risks", "quality_runs"),
)
OPTIONAL_SOURCES = ("has_prices", "has_surveys", "has_tickets", "has_web_events", "has_loyalty")
QUERIES_DIR = Path(__file__).parent / "queries"
#: In the order of the appendix; after them the queries behind the plan's targets.
QUERIES = (
    *("headline", "revenue_12m", "scores", "churn_by_month", "lifecycle_by_month", "lifecycle_moves"),
    *("severity_by_month", "cohort_retention", "segments", "segment_moves", "segment_warnings"),
    *("risk_bands", "risk_distribution", "most_at_stake", "open_warnings", "rounds", "effects"),
    *("money_12m", "money_by_month", "money_spent", "money_measured", "model_alarms"),
    *("quality", "failed_checks", "kpi_gaps", "warehouse"),
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
class Facts:
    company: str
    as_of: date
    currency: str | None
    answers: dict[str, Answer]
    tiles: tuple[Tile, ...]
    steps: tuple[Step, ...]
    segments: dict[str, Addressed]
    rollout: Progress
    model: dict[str, Any]
    missing_sources: tuple[str, ...]
    missing_tables: tuple[str, ...]
    missing_indicators: dict[str, tuple[str, ...]]
    unconverted_bookings: int

    @property
    def step_sources(self) -> tuple[str, ...]:
        """The queries behind the steps; where there are none, all that the rules looked at."""
        shown = [SOURCES[step.rule] for step in self.steps if step.rule in SOURCES]
        return tuple(dict.fromkeys(shown or SOURCES.values()))

    @property
    def churn_band(self) -> tuple[float, float] | None:
        """Of the present phase; None while there is no baseline."""
        bands = (
            (kpi.target_low, kpi.target_high)
            for _, kpi in self.rollout.shown_kpis
            if kpi.indicator == "churn_rate" and kpi.target_low is not None
        )
        return next(bands, None)


def gather(home: Home, as_of: date) -> Facts:
    """Ask the published warehouse everything the report says.

    Raises:
        BadInput: nothing is published yet, it was built for another date, or the plan is wrong.
    """
    if not home.current_db.exists():
        raise BadInput(f"nothing is published at {home.current_db}", "run `roundtrip run` first")
    company = Company.load(home)
    connection = duck.connect(home.current_db, home.tmp_dir, read_only=True)
    try:
        tables = published_tables(connection)
        warehouse = ask(connection, QUERIES_DIR / "warehouse.sql", tables).first
        if (built_for := warehouse.get("as_of_date")) != as_of:
            raise BadInput(
                f"the published warehouse was built for {built_for}, not for {as_of}",
                f"run `roundtrip run --as-of {as_of}`, or ask for the report of {built_for}",
            )
        answers = {
            name: ask(connection, QUERIES_DIR / f"{name}.sql", tables, as_of=as_of) for name in QUERIES
        }
        progress = follow(home, as_of, connection)
        answers |= {answer.name: answer for answer in progress.answers}
    finally:
        connection.close()
    model = _model(home)
    missing_sources = tuple(source for source in OPTIONAL_SOURCES if warehouse.get(source) is False)
    return Facts(
        company=company.name,
        as_of=as_of,
        currency=warehouse.get("reporting_currency"),
        answers=answers,
        tiles=_tiles(answers, model),
        steps=next_steps(Situation(answers, progress, model, missing_sources)),
        segments=addressed(home, as_of, answers["segment_warnings"]),
        rollout=progress,
        model=model,
        missing_sources=missing_sources,
        missing_tables=tuple(table for table in CONTRACT_TABLES if table not in tables),
        missing_indicators={
            row["reason"]: tuple(row["indicators"])
            for row in answers["kpi_gaps"].rows
            if row["indicators"] and row["reason"] not in TOLD_BY_SOURCES
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
