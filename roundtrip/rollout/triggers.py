"""The measures of risks, each a small query of the published warehouse or of the home; higher is worse."""

import json
from collections.abc import Callable
from datetime import date, timedelta

from roundtrip.products import newest
from roundtrip.rollout.raw_measures import (
    demand_fall_share,
    erasure_waiting_days,
    price_above_competitors_share,
)
from roundtrip.rollout.scene import Reading, Scene
from roundtrip.rollout.words import parameters


def read(measure: str, scene: Scene) -> Reading:
    """The value of a measure of names.TRIGGERS."""
    return MEASURES[measure](scene)


def consent_withdrawals_ratio(scene: Scene) -> Reading:
    """Withdrawals of the last 30 days over what their pace of the year before that gives for 30 days."""
    if "customer_consents" not in scene.published:
        return Reading(None, "no_consents")
    chosen = parameters()
    now, before, known = scene.row(
        """
        SELECT
            count(*) FILTER (NOT is_granted AND CAST(changed_at AS DATE) BETWEEN $since AND $as_of),
            count(*) FILTER (NOT is_granted AND CAST(changed_at AS DATE) >= $since - CAST($pace AS INTEGER)
                AND CAST(changed_at AS DATE) < $since),
            count(*)
        FROM marts.customer_consents
        """,
        since=scene.since,
        as_of=scene.as_of,
        pace=chosen["consent_pace_days"],
    )
    if not known:
        return Reading(None, "no_consents")
    usual = before * chosen["look_back_days"] / chosen["consent_pace_days"]
    if now < chosen["min_withdrawals"] or not usual:
        return Reading(
            None if now >= chosen["min_withdrawals"] else 0.0, "few_withdrawals", {"count": str(now)}
        )
    return Reading(now / usual)


def failed_gates_30d(scene: Scene) -> Reading:
    """Dates of the last 30 days on which a gate refused the data."""
    judged = {
        (file.stem, json.loads(file.read_text(encoding="utf-8"))["success"])
        for gate in ("landing", "published")
        for file in (scene.home.gates_dir / gate).glob("????-??-??.json")
        if scene.since.isoformat() <= file.stem <= scene.as_of.isoformat()
    }
    if not judged:
        return Reading(None, "no_gates")
    return Reading(float(len({day for day, is_passed in judged if not is_passed})))


def refused_rows_share(scene: Scene) -> Reading:
    """The largest share of refused rows of a table over the deliveries of the last 30 days."""
    if "quality_runs" not in scene.published:
        return Reading(None, "no_rows")
    row = scene.row(
        """
        SELECT table_name, sum(rows_quarantined) / sum(rows_in) AS share FROM marts.quality_runs
        WHERE TRY_STRPTIME(left(run_id, 8), '%Y%m%d')::DATE BETWEEN $since AND $as_of
        GROUP BY table_name HAVING sum(rows_in) >= $least
        ORDER BY share DESC, table_name LIMIT 1
        """,
        since=scene.since,
        as_of=scene.as_of,
        least=parameters()["min_rows"],
    )
    return Reading(float(row[1]), "refused_table", {"table": row[0]}) if row else Reading(None, "no_rows")


def failed_runs_30d(scene: Scene) -> Reading:
    """Earlier dates of the last 30 days with a stage whose last attempt failed; today's is not over yet."""
    states = [
        (file.parent.name, json.loads(file.read_text(encoding="utf-8"))["status"])
        for file in sorted(scene.home.runs_dir.glob("????-??-??/*.json"))
        if scene.since.isoformat() <= file.parent.name < scene.as_of.isoformat()
    ]
    if not states:
        return Reading(None, "no_runs")
    return Reading(float(len({day for day, status in states if status == "failed"})))


def data_delay_days(scene: Scene) -> Reading:
    """Days from the newest row to the date."""
    row = (
        scene.row("SELECT max(data_ends_on) FROM marts.warehouse_info")
        if "warehouse_info" in scene.published
        else None
    )
    if not row or row[0] is None:
        return Reading(None, "no_data")
    return Reading(float(max(0, (scene.as_of - row[0]).days)))


def score_stability_index(scene: Scene) -> Reading:
    """The stability index of the scores, from the newest look at the model (ml/drift.py)."""
    return _monitored(scene, "kind = 'population' AND subject = 'churn_probability'", "no_monitoring")


def calibration_error(scene: Scene) -> Reading:
    """How far probabilities were off, of the newest scores whose outcome is known (ml/drift.py)."""
    return _monitored(scene, "kind = 'performance' AND measure = 'calibration_error'", "no_outcomes")


def _monitored(scene: Scene, which: str, why_not: str) -> Reading:
    file = newest(scene.home, "model_monitoring", scene.as_of)
    oldest = scene.as_of - timedelta(days=parameters()["monitoring_valid_days"])
    if file is None or date.fromisoformat(file.stem) < oldest:
        return Reading(None, "no_monitoring")
    row = scene.row(
        f"""SELECT value FROM read_parquet($file) WHERE {which} AND isfinite(value)
        ORDER BY scored_on DESC NULLS LAST, model_version LIMIT 1""",
        file=str(file),
    )
    return Reading(row[0]) if row else Reading(None, why_not)


def largest_channel_share(scene: Scene) -> Reading:
    """The share of the bookings of twelve months that came through the channel with the most."""
    if "fct_bookings" not in scene.published:
        return Reading(None, "no_channels")
    row = scene.row(
        """
        SELECT channel, count(*) / sum(count(*)) OVER () AS share FROM marts.fct_bookings
        WHERE channel IS NOT NULL AND booked_at::DATE <= $as_of
            AND booked_at::DATE > CAST($as_of AS DATE) - INTERVAL 1 YEAR
        GROUP BY channel ORDER BY share DESC, channel LIMIT 1
        """,
        as_of=scene.as_of,
    )
    return Reading(row[1], "largest_channel", {"channel": row[0]}) if row else Reading(None, "no_channels")


def budget_spent_share(scene: Scene) -> Reading:
    """Money spent over money planned, of all resources of kind money."""
    money = [state for state in scene.resources if state.resource.kind == "money"]
    planned = sum(state.resource.planned or 0 for state in money)
    if not planned:
        return Reading(None, "no_budget")
    spent = [state.spent for state in money if state.spent is not None]
    return Reading(sum(spent) / planned) if spent else Reading(None, "nothing_sent")


MEASURES: dict[str, Callable[[Scene], Reading]] = {
    measure.__name__: measure
    for measure in (
        erasure_waiting_days,
        consent_withdrawals_ratio,
        failed_gates_30d,
        refused_rows_share,
        failed_runs_30d,
        data_delay_days,
        score_stability_index,
        calibration_error,
        demand_fall_share,
        price_above_competitors_share,
        largest_channel_share,
        budget_spent_share,
    )
}
