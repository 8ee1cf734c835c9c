"""The stage `measure`: what campaigns and our own rounds have changed, against who was held out."""

from datetime import date

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from ml.frame import open_published
from roundtrip.home import Home
from roundtrip.measure.assignments import Assignments
from roundtrip.measure.checks import Check, imbalance
from roundtrip.measure.estimate import Sample
from roundtrip.measure.outcomes import read_assignments
from roundtrip.measure.settings import parameters
from roundtrip.measure.tables import (
    CHECKS,
    EFFECTS,
    check_all,
    checks_table,
    effects_table,
    implausible,
    sample_of,
)
from roundtrip.products import write_product

EFFECTS_TABLE, CHECKS_TABLE = "campaign_effects", "campaign_checks"


def measure(home: Home, as_of: date) -> dict:
    """Write products/campaign_effects/<as_of>.parquet and products/campaign_checks/<as_of>.parquet.

    Returns:
        Campaigns, assignments, which campaigns cannot be trusted, the overall effect of the longest window,
        and what is missing, in words.

    Raises:
        BadInput: nothing is published.
    """
    with open_published(home) as connection:
        found = read_assignments(connection, home, as_of)
    effects, checks = measured(found, as_of)
    write_product(effects, EFFECTS, _file(home, EFFECTS_TABLE, as_of))
    write_product(checks, CHECKS, _file(home, CHECKS_TABLE, as_of))
    return _summary(found, effects, checks)


def measured(found: Assignments, as_of: date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Effects and checks of assignments; tables with no row where there are none."""
    if found.rows.empty:
        return pd.DataFrame(columns=list(EFFECTS)), pd.DataFrame(columns=list(CHECKS))
    # Hundreds of small matrices: threads would wait for each other longer than they work.
    with threadpool_limits(1):
        sample = sample_of(found.rows)
        checks = check_all(found.rows, sample)
        effects = effects_table(found, sample, checks, as_of)
        checks += _answer_checks(found.rows, sample, implausible(checks))
    return effects, checks_table(checks, as_of)


def _answer_checks(rows: pd.DataFrame, sample: Sample, odd: set[str]) -> list[Check]:
    """Of all campaigns together: do as many of the treated answer surveys as of those held out?"""
    name = f"satisfaction_{max(parameters()['windows_days'])}"
    first = f"return_{max(parameters()['windows_days'])}"
    if name not in rows:
        return []
    closed = rows[first].notna().to_numpy() & ~rows["campaign_id"].isin(odd).to_numpy()
    at = np.flatnonzero(closed)
    answered = rows[name].notna().to_numpy()[at]
    if not answered.any():
        return []
    part = sample.only(at)
    p_value, _ = imbalance(
        Sample(part.stratum, part.customer, part.is_treated, answered[:, None].astype(float)), 1
    )
    shares = {
        "treated": float(answered[part.is_treated].mean()) if part.is_treated.any() else 0.0,
        "held_out": float(answered[~part.is_treated].mean()) if (~part.is_treated).any() else 0.0,
    }
    return [Check("all", "answers", p_value, bool(p_value >= parameters()["check_alpha"]), shares)]


def _file(home: Home, table: str, as_of: date):
    return home.products_dir / table / f"{as_of.isoformat()}.parquet"


def _summary(found: Assignments, effects: pd.DataFrame, checks: pd.DataFrame) -> dict:
    rows = found.rows
    odd = sorted(checks.loc[(checks["passed"] == False) & (checks["campaign_id"] != "all"), "campaign_id"])  # noqa: E712
    summary = {
        "assignments": len(rows),
        "campaigns": int(rows["campaign_id"].nunique()),
        "control_share": round(float(1 - rows["is_treated"].mean()), 4) if len(rows) else None,
        "not_trusted": sorted(set(odd)),
        "messages": list(found.messages)
        if len(rows)
        else ["no campaigns: nothing to measure", *found.messages],
    }
    overall = effects[
        (effects["campaign_id"] == "all") & (effects["action"] == "all") & (effects["segment_kind"] == "all")
    ]
    for row in overall[overall["window_days"] == max(parameters()["windows_days"])].itertuples():
        if np.isfinite(row.effect):
            summary[f"effect_on_{row.outcome}"] = [round(v, 5) for v in (row.effect, row.ci_low, row.ci_high)]
    return summary
