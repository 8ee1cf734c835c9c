"""A round's plan as files: plan.parquet (who, what, which arm) and plan.json (in numbers and words)."""

import json
import shutil
from dataclasses import asdict
from datetime import date, datetime, time

import numpy as np
import pandas as pd

from roundtrip.files import write_atomically
from roundtrip.home import Home
from roundtrip.products import write_product
from roundtrip.rounds.assignments import PLAN_COLUMNS
from roundtrip.rounds.choose import Choice
from roundtrip.rounds.options import Options
from roundtrip.rounds.settings import Retention
from roundtrip.rounds.words import sentences
from roundtrip.strategies import Strategies

#: Half the width of a 95 % interval, in standard errors (normal).
_Z95 = 1.96


def write_round(home: Home, round_id: str, rows: pd.DataFrame, told: dict) -> None:
    """Put a round's folder in place, whole or not at all."""
    home.rounds_dir.mkdir(parents=True, exist_ok=True)
    for left in home.rounds_dir.glob(".R-*.new"):
        shutil.rmtree(left)
    beside = home.rounds_dir / f".{round_id}.new"
    beside.mkdir()
    write_product(rows, PLAN_COLUMNS, beside / "plan.parquet")
    write_atomically(beside / "plan.json", json.dumps(told, indent=1, ensure_ascii=False))
    beside.rename(home.rounds_dir / round_id)


def assigned(choice: Choice, round_id: str, as_of: date) -> pd.DataFrame:
    """The rows of plan.parquet, by customer; a control costs nothing."""
    rows = choice.rows.sort_values("customer_id", ignore_index=True)
    is_treated = rows["arm"] == "treatment"
    numbers = pd.Series(np.arange(1, len(rows) + 1)).astype(str).str.zfill(6)
    return pd.DataFrame(
        {
            "intervention_id": f"{round_id}-" + numbers,
            "round_id": round_id,
            "warning_id": rows["warning_id"],
            "customer_id": rows["customer_id"],
            "campaign_id": f"{round_id}-" + rows["action"],
            "strategy_id": rows["strategy_id"],
            "action": rows["action"],
            "arm": rows["arm"],
            "channel": rows["channel"],
            "segment": rows["need_segment"],
            "value_tier": rows["value_tier"],
            "risk_band": rows["risk_band"],
            "stratum": rows["stratum"],
            "control_share": choice.holdout_share,
            "cause": rows["churn_cause"],
            "expected_uplift": rows["effect_on_return"],
            "expected_value": rows["effect_on_value"],
            "expected_value_se": rows["effect_on_value_se"],
            "expected_net_value": rows["net_value"],
            "expected_kept": rows["expected_kept"],
            "evidence": rows["evidence"],
            "unit_cost": rows["cost"],
            "cost": rows["cost"].where(is_treated, 0.0),
            "is_exploration": rows["is_exploration"],
            "due_on": rows["due_on"],
            "decided_at": pd.Timestamp(datetime.combine(as_of, time())).as_unit("us"),
        }
    )


def told(
    rows: pd.DataFrame,
    choice: Choice,
    found: Options,
    retention: Retention,
    table: Strategies,
    round_id: str,
    base_rate: float | None,
) -> dict:
    """plan.json: what the round costs, what it may earn, how it was found, and all of it in sentences.

    Args:
        rows: of plan.parquet.
        base_rate: share of customers who book within the window anyhow; None: not known.
    """
    is_treated = rows["arm"] == "treatment"
    solution = choice.solution
    plan = {
        "round_id": round_id,
        "as_of": str(rows["decided_at"].iloc[0].date()),
        "currency": found.currency,
        "is_exploration": choice.is_exploration,
        "budget": retention.budget_per_round,
        "cost": float(rows["cost"].sum()),
        "expected_gain": _gain(rows[is_treated]),
        "expected_kept": float(rows.loc[is_treated, "expected_kept"].sum()),
        "treatment": int(is_treated.sum()),
        "control": int((~is_treated).sum()),
        "explored": int(rows["is_exploration"].sum()),
        "holdout_share": choice.holdout_share,
        "base_rate": base_rate,
        "mde": detectable(is_treated.sum(), (~is_treated).sum(), base_rate),
        "by_action": {
            action: _of_action(group, base_rate) for action, group in rows.groupby("action", sort=True)
        },
        "by_channel": _counts(rows[is_treated], "channel"),
        "by_segment": _counts(rows[is_treated], "segment"),
        "by_value_tier": _counts(rows[is_treated], "value_tier"),
        "solution": {
            "value": solution.value,
            "bound": solution.bound,
            "gap": solution.gap,
            "prices": solution.prices,
        },
        "warned": found.warned,
        "left_out": found.left_out | _not_chosen(found.rows, rows, choice.is_exploration),
        "without_cost": found.without_cost,
        "resting": found.resting,
        "has_consents": found.has_consents,
        "uplifts_of": found.uplifts_of,
        "strategies": {"file": str(table.file), "version": table.version, "digest": table.digest},
        "settings": asdict(retention),
    }
    return plan | {"texts": sentences(plan)}


def _gain(treated: pd.DataFrame) -> dict[str, float]:
    """Expected net value of those treated; where an effect is not known at all, only its cost is counted.

    The interval adds the errors up as if all were wrong the same way, as they are where effects come from one
    model: too wide rather than too narrow.
    """
    value = treated["expected_net_value"].fillna(-treated["unit_cost"]).sum()
    half = _Z95 * treated["expected_value_se"].fillna(0).sum()
    return {"value": float(value), "low": float(value - half), "high": float(value + half)}


def _of_action(group: pd.DataFrame, base_rate: float | None) -> dict:
    is_treated = group["arm"] == "treatment"
    treatment, control = int(is_treated.sum()), int((~is_treated).sum())
    return {
        "treatment": treatment,
        "control": control,
        "explored": int(group["is_exploration"].sum()),
        "cost": float(group["cost"].sum()),
        "expected_net_value": _gain(group[is_treated])["value"],
        "expected_kept": float(group.loc[is_treated, "expected_kept"].sum()),
        "mde": detectable(treatment, control, base_rate),
    }


def detectable(treatment: int, control: int, base_rate: float | None) -> float | None:
    """The smallest difference in the share that returns that a round will show; None: none will."""
    # Bound late: measuring and deciding are rooms of their own, and each is loaded without the other.
    from roundtrip.measure import minimum_detectable_effect

    if base_rate is None or not treatment or not control:
        return None
    smallest = float(minimum_detectable_effect(int(treatment), int(control), base_rate))
    # A share cannot change by more than itself and what is missing to one.
    return smallest if smallest < max(base_rate, 1 - base_rate) else None


def _counts(rows: pd.DataFrame, column: str) -> dict[str, int]:
    counted = rows[column].fillna("unknown").value_counts().sort_index()
    return {str(name): int(count) for name, count in counted.items()}


def _not_chosen(options: pd.DataFrame, rows: pd.DataFrame, is_exploration: bool) -> dict[str, int]:
    """Customers who could be approached and are not, by reason."""
    best = options.groupby("customer_id")["worth"].max()
    best = best[~best.index.isin(rows["customer_id"])]
    if is_exploration:
        return {"not_drawn": len(best)} if len(best) else {}
    found = {"nothing_pays": int((~(best > 0)).sum()), "no_room": int((best > 0).sum())}
    return {reason: count for reason, count in found.items() if count}
