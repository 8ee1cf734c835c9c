"""The targets, phase by phase: baseline, band, present value, before/after and against the held-out.

Intervals: of a rate by Wilson (1927); of means, of money and of every change by linearisation with customers
as the units (Sarndal, Swensson and Wretman 1992, 5.5), of changes on the logarithm.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from roundtrip.answers import Answer, ask
from roundtrip.home import Home
from roundtrip.rollout.calendar import Window, window_of
from roundtrip.rollout.holdout import Effect, newest_effects
from roundtrip.rollout.names import INDICATORS
from roundtrip.rollout.plan import Plan, Target, Texts
from roundtrip.rollout.status import NOT_STARTED, NOT_YET_MEASURABLE, judge
from roundtrip.rollout.words import parameters, percent, say, signed, texts

QUERIES_DIR = Path(__file__).parent / "queries"
QUERIES = ("targets", "target_spread")


@dataclass(frozen=True)
class Kpi:
    """One indicator in one phase; money is per month; None: not known, and `status_reason` says why.

    Attributes:
        baseline: of the assessment's whole months, once it is over.
        target, target_low, target_high: what is to be reached in these months, and the band around it; with
            `season_factor` where the target is seasonal.
        season_factor: these months over the assessment's months, both a year before.
        ci_low, ci_high: of `actual`. change, …: of `actual` against baseline x season_factor, as shares.
        change_unadjusted: against the plain baseline. year_before: of the same months a year before.
        months_measured: whole calendar months in `actual`.
        holdout_of, …: treated against held out, per customer (holdout.Effect).
    """

    phase: str
    indicator: str
    baseline: float | None = None
    target: float | None = None
    target_low: float | None = None
    target_high: float | None = None
    actual: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    change: float | None = None
    change_ci_low: float | None = None
    change_ci_high: float | None = None
    change_unadjusted: float | None = None
    season_factor: float | None = None
    year_before: float | None = None
    change_on_year_before: float | None = None
    months_measured: int = 0
    holdout_of: str | None = None
    holdout_outcome: str | None = None
    holdout_window_days: int | None = None
    holdout_effect: float | None = None
    holdout_ci_low: float | None = None
    holdout_ci_high: float | None = None
    status: str = NOT_YET_MEASURABLE
    status_reason_en: str = ""
    status_reason_zh: str = ""


@dataclass(frozen=True)
class Measured:
    """What the warehouse says, before any judgement.

    Attributes:
        levels: (phase, years back, indicator) → row of targets.sql. spreads: (phase, indicator) → row of
            target_spread.sql. gaps: indicator → why it has no number. effects: outcome → effect.
    """

    windows: Mapping[str, Window]
    levels: Mapping[tuple[str, int, str], dict]
    spreads: Mapping[tuple[str, str], dict]
    gaps: Mapping[str, str]
    effects: Mapping[str, Mapping[str, Effect]]


def targets_of(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    plan: Plan,
    plan_starts_on: date | None,
    as_of: date,
    published: set[str],
) -> tuple[list[Kpi], list[Answer]]:
    """Every target in every phase, and the queries that were asked.

    Args:
        connection: of the published warehouse.
        published: names of its tables.
    """
    windows = {phase.id: window_of(phase, plan_starts_on, as_of) for phase in plan.phases if plan_starts_on}
    begun = [window for window in windows.values() if window.months]
    known = {
        "phases": [window.phase.id for window in begun],
        "first_days": [window.first_day.isoformat() for window in begun],
        "last_days": [window.last_day.isoformat() for window in begun],
        "assessment": plan.phases[0].id,
        "indicators": [target.indicator for target in plan.targets],
    }
    levels, spreads = (ask(connection, QUERIES_DIR / f"{name}.sql", published, **known) for name in QUERIES)
    measured = Measured(
        windows,
        {(row["phase"], row["years_back"], row["indicator"]): row for row in levels.rows},
        {(row["phase"], row["indicator"]): row for row in spreads.rows},
        _gaps(connection, known["indicators"], as_of) if "kpi_gaps" in published else {},
        {
            window.phase.id: newest_effects(connection, home, min(as_of, window.ends_on))
            for window in windows.values()
            if window.has_begun
        },
    )
    return [_kpi(measured, plan, phase.id, each) for phase in plan.phases for each in plan.targets], [
        levels,
        spreads,
    ]


def wilson(numerator: float, denominator: float) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927)."""
    z, share = parameters()["z"], numerator / denominator
    middle = share + z * z / (2 * denominator)
    half = z * math.sqrt(share * (1 - share) / denominator + (z / (2 * denominator)) ** 2)
    return tuple((middle + side * half) / (1 + z * z / denominator) for side in (-1, 1))


def _kpi(measured: Measured, plan: Plan, phase: str, target: Target) -> Kpi:
    first, last = plan.phases[0].id, plan.phases[-1].id
    window = measured.windows.get(phase)
    found = {"phase": phase, "indicator": target.indicator}
    if window is None:
        return _told(found, NOT_STARTED, say("status_reason", "no_start"))
    baseline = _level(measured, first, 0, target) if measured.windows[first].is_over else None
    if baseline:
        found["baseline"] = baseline["value"]
    if phase != first:
        found |= _against_holdout(measured, phase, target)
    if window.months == 0:
        if not window.has_begun:
            return _told(found, NOT_STARTED, say("status_reason", "not_begun", day=window.starts_on))
        return _told(found, NOT_YET_MEASURABLE, say("status_reason", "no_whole_month"))
    why = texts()["gap"][measured.gaps.get(target.indicator, "unknown")]
    actual = _level(measured, phase, 0, target)
    if actual is None:
        return _told(found, NOT_YET_MEASURABLE, say("status_reason", "no_value", why=why))
    spread = measured.spreads.get((phase, target.indicator))
    found |= {"actual": actual["value"], "months_measured": actual["months"]}
    found |= _interval(target, actual, spread)
    if before := _level(measured, phase, 1, target):
        found["year_before"] = before["value"]
        if before["months"] == actual["months"] and before["value"] > 0:
            found["change_on_year_before"] = actual["value"] / before["value"] - 1
    if phase == first:
        return _told(found, NOT_YET_MEASURABLE, say("status_reason", "is_baseline", months=actual["months"]))
    if baseline is None:
        return _told(found, NOT_YET_MEASURABLE, say("status_reason", "no_baseline", why=why))
    if min(baseline["value"], actual["value"]) <= 0:
        return _told(found, NOT_YET_MEASURABLE, say("status_reason", "not_positive"))
    found["change_unadjusted"] = actual["value"] / baseline["value"] - 1
    factor = _season_factor(measured, first, phase, target) if target.is_seasonal else 1.0
    if factor is None:
        return _told(found, NOT_YET_MEASURABLE, say("status_reason", "no_year_before"))
    expected = baseline["value"] * factor
    low, high = target.band(expected)
    found |= {"target": target.nearest(expected), "target_low": low, "target_high": high}
    ratio = actual["value"] / expected
    found["change"] = ratio - 1
    if target.is_seasonal:
        found["season_factor"] = factor
    if spread is None:
        return _told(found, NOT_YET_MEASURABLE, say("status_reason", "no_interval"))
    if spread["customers"] < parameters()["min_customers"]:
        too_few = say("status_reason", "too_few", customers=spread["customers"])
        return _told(found, NOT_YET_MEASURABLE, too_few)
    error = parameters()["z"] * math.sqrt(spread["seasonal" if target.is_seasonal else "plain"])
    found |= {
        "change_ci_low": ratio * math.exp(-error) - 1,
        "change_ci_high": ratio * math.exp(error) - 1,
    }
    return _judged(found, target, window.is_over, phase == last)


def _level(measured: Measured, phase: str, years_back: int, target: Target) -> dict | None:
    row = measured.levels.get((phase, years_back, target.indicator))
    return row if row and row["value"] is not None and math.isfinite(row["value"]) else None


def _interval(target: Target, actual: dict, spread: dict | None) -> dict:
    """ci_low and ci_high of the phase's own figure; {} where none can be told."""
    if INDICATORS[target.indicator].kind == "rate":
        low, high = wilson(actual["numerator"], actual["denominator"])
    elif spread and spread["customers"] >= parameters()["min_customers"]:
        half = parameters()["z"] * math.sqrt(spread["level"]) * abs(actual["value"])
        low, high = actual["value"] - half, actual["value"] + half
    else:
        return {}
    return {"ci_low": low, "ci_high": high}


def _season_factor(measured: Measured, first: str, phase: str, target: Target) -> float | None:
    """These months over the assessment's, a year before; None where any of the months is missing then."""
    pairs = [
        (_level(measured, name, 0, target), _level(measured, name, 1, target)) for name in (first, phase)
    ]
    if any(
        before is None or before["months"] != now["months"] or before["value"] <= 0 for now, before in pairs
    ):
        return None
    return pairs[1][1]["value"] / pairs[0][1]["value"]


def _against_holdout(measured: Measured, phase: str, target: Target) -> dict:
    effect = measured.effects.get(phase, {}).get(INDICATORS[target.indicator].outcome)
    if effect is None:
        return {}
    return {
        "holdout_of": effect.of,
        "holdout_outcome": effect.outcome,
        "holdout_window_days": effect.window_days,
        "holdout_effect": effect.value,
        "holdout_ci_low": effect.ci_low,
        "holdout_ci_high": effect.ci_high,
    }


def _judged(found: dict, target: Target, is_over: bool, is_due: bool) -> Kpi:
    ends = sorted(target.sign * found[end] for end in ("change_ci_low", "change_ci_high"))
    needed = target.change_percent[0] / 100
    verdict = judge(target.sign * found["change"], *ends, needed, is_over, is_due)
    change = say("change", "seasonal" if target.is_seasonal else "plain", change=signed(found["change"]))
    reason = say(
        "status_reason",
        verdict.reason,
        change=change,
        low=signed(found["change_ci_low"]),
        high=signed(found["change_ci_high"]),
        needed=say("needed", target.direction, share=percent(needed)),
    )
    return _told(found, verdict.status, reason)


def _told(found: dict, status: str, reason: Texts) -> Kpi:
    return Kpi(**found, status=status, status_reason_en=reason["en"], status_reason_zh=reason["zh"])


def _gaps(connection: duckdb.DuckDBPyConnection, indicators: list[str], as_of: date) -> dict[str, str]:
    """Why an indicator has no number in the newest month where it has none; those that words.yml knows."""
    rows = connection.execute(
        """
        SELECT indicator, arg_max(reason, month) FROM marts.kpi_gaps
        WHERE segment_kind = 'all' AND list_contains(CAST($indicators AS VARCHAR[]), indicator)
            AND last_day(month) <= $as_of
        GROUP BY indicator
        """,
        {"indicators": indicators, "as_of": as_of},
    ).fetchall()
    return {indicator: reason for indicator, reason in rows if reason in texts()["gap"]}
