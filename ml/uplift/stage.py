"""The stage `learn_uplift`: what each action would change for each customer, by randomised campaigns."""

from datetime import date

import numpy as np
import pandas as pd

from ml.uplift.bases import movable_return
from ml.uplift.frame import UpliftFrame, read_uplift_frame
from ml.uplift.learners import fit
from ml.uplift.settings import actions
from ml.uplift.shrunk import Shrunk, fit_shrunk, without_later
from roundtrip.home import Home
from roundtrip.products import write_product

TABLE = "action_uplifts"
COLUMNS = {
    "customer_id": "string",
    "as_of_date": "date",
    "action": "string",
    **dict.fromkeys(("effect_on_return", "effect_on_return_se"), "double"),
    **dict.fromkeys(("effect_on_value", "effect_on_value_se"), "double"),
    **dict.fromkeys(("learner", "evidence"), "string"),
    "n_assignments": "integer",
}


def learn_uplift(home: Home, as_of: date) -> dict:
    """Write products/action_uplifts/<as_of>.parquet: one row a customer and action of the source contract.

    Returns:
        status: learned, or explore where no action could be learned; actions with their mean shares and
        assignments, the learner with why, customers, and what is missing, in words.

    Raises:
        BadInput: nothing is published.
    """
    frame = read_uplift_frame(home, as_of)
    value, returns = _fitted(frame)
    summary = {
        "status": "learned" if value.shares else "explore",
        "customers": len(frame.customers),
        "assignments": frame.assignments,
        "messages": list(frame.messages),
    }
    learner = "shrunk"
    if value.shares:
        shares = _shares(value, frame)
        compared = _compared(home, as_of, frame, shares)
        learner = compared["chosen"]
        summary |= {
            "shares": shares,
            "learner": learner,
            "reason": compared["reason"],
            "scores": compared["scores"],
        }
    else:
        summary["messages"].append(
            "no action has enough randomised assignments whose window has closed: nothing is known of any "
            "action's effect; try them at random on a few customers (explore)"
        )
    table = _told(frame, value, returns, learner, as_of)
    write_product(table, COLUMNS, home.products_dir / TABLE / f"{as_of.isoformat()}.parquet")
    return summary | {"rows": len(table)}


def _fitted(frame: UpliftFrame) -> tuple[Shrunk, Shrunk]:
    """The effects on value and on return; without any share where there is nothing to learn from."""
    if frame.learned.empty:
        return Shrunk("expected_margin"), Shrunk("movable_return")
    rows = frame.learned.assign(movable_return=movable_return(frame.learned["expected_return"]))
    rows = rows[rows["action"].isin(actions())]
    return (
        fit_shrunk(rows, "value", "expected_value", "expected_margin"),
        fit_shrunk(rows, "returned", "expected_return", "movable_return"),
    )


def _shares(value: Shrunk, frame: UpliftFrame) -> dict[str, dict]:
    return {
        action: {
            "share": round(float(mean[0]), 5),
            "se": round(float(np.sqrt(covariance[0, 0])), 5),
            "assignments": frame.assignments.get(action, 0),
        }
        for action, (mean, covariance) in sorted(value.shares.items())
    }


def _compared(home: Home, as_of: date, frame: UpliftFrame, shares: dict) -> dict:
    """The comparison of learners: of an earlier run on the same data, or a new one with its run in MLflow."""
    from ml.uplift import run_log
    from ml.uplift.compare import compare

    key = run_log.key_of(as_of, frame.data_hash)
    if known := run_log.earlier(home, key):
        return known
    rows = frame.learned[frame.learned["action"].isin(list(shares))].reset_index(drop=True)
    found = compare(rows)
    run_log.log(home, as_of, key, frame.data_hash, found, shares)
    return {"chosen": found.chosen, "reason": found.reason, "scores": found.scores}


def _told(frame: UpliftFrame, value: Shrunk, returns: Shrunk, learner: str, as_of: date) -> pd.DataFrame:
    customers = frame.customers.assign(movable_return=movable_return(frame.customers["expected_return"]))
    other = None
    if learner != "shrunk":
        rows = frame.learned[frame.learned["action"].isin(list(value.shares))]
        other = fit(learner, rows.assign(value=without_later(rows, "value", value)))
    parts = []
    for action in actions():
        is_known = action in value.shares
        effect, se = value.effect(customers, action)
        if other is not None and is_known:
            # The error is the shrunk learner's, and where two learners disagree neither is surer than that.
            told = other(customers.assign(action=action))
            effect, se = told, np.hypot(se, told - effect)
        on_return, return_se = returns.effect(customers, action)
        parts.append(
            pd.DataFrame(
                {
                    "customer_id": customers["customer_id"],
                    "as_of_date": as_of,
                    "action": action,
                    "effect_on_return": on_return,
                    "effect_on_return_se": return_se,
                    "effect_on_value": effect,
                    "effect_on_value_se": se,
                    "learner": learner if is_known else "none",
                    "evidence": "randomised" if is_known else "none",
                    "n_assignments": frame.assignments.get(action, 0),
                }
            )
        )
    return pd.concat(parts, ignore_index=True).sort_values(["customer_id", "action"], ignore_index=True)
