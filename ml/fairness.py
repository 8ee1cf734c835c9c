"""Is the model worse for some people? Each group of a fairness column against all other customers.

Three measures, each a difference between the group and all others, with a 95 % interval by customer:

- `auc_gap`: the others' AUC minus the group's: is the group ranked worse?
- `recall_gap`: of those who churn, the share among the riskiest tenth: the others' minus the group's (equal
  opportunity: Hardt, Price and Srebro 2016): are fewer of the group's churners found?
- `calibration_gap`: probability said minus rate seen, the group's minus the others' (calibration within
  groups: Kleinberg, Mullainathan and Raghavan 2017): is the group's risk overstated or understated?

The bounds are in parameters.yml. A group is `outside` when an interval lies wholly beyond its bound, `within`
when all intervals lie inside, else `unclear`; `too_small` when it has too few rows to tell.
"""

import numpy as np
import pandas as pd

from ml.bootstrap import Sums, blocks_of_draws, numbered, with_interval
from ml.evaluate import Scored, roc_auc
from ml.groups import is_too_small, levels

MEASURES = ("auc_gap", "recall_gap", "calibration_gap")


def judge_fairness(groups: pd.DataFrame, probability, test: pd.DataFrame, parameters: dict) -> dict:
    """The verdict on every group of the fairness columns.

    Args:
        groups: of ml.groups.read_groups, for the rows of `test`.
        probability: the model's, shape (n,).
        test: label, customer_id.

    Returns:
        `verdict`: outside | unclear | within | cannot_tell; `breaches`: column, group, measure, value, low,
        high, bound; `columns`: column → groups (group, rows, customers, base_rate, status, and by measure
        value, low, high); `missing`: columns this company does not record.
    """
    rules = parameters["evaluation"]["groups"]
    columns = {}
    for column in rules["fairness"]:
        if column in groups:
            names = levels(groups[column], rules["max_levels"])
            columns[column] = [
                _judge_group(name, (groups[column] == name).to_numpy(), probability, test, parameters)
                for name in names
            ]
    everyone = [entry for entries in columns.values() for entry in entries]
    found = {entry["status"] for entry in everyone}
    verdict = next((word for word in ("outside", "unclear", "within") if word in found), "cannot_tell")
    breaches = [
        {"column": column, "group": entry["group"], **breach}
        for column, entries in columns.items()
        for entry in entries
        for breach in entry.pop("breaches", [])
    ]
    missing = [column for column in rules["fairness"] if column not in columns]
    return {
        "verdict": verdict,
        "breaches": breaches,
        "columns": columns,
        "missing": missing,
    }


def _judge_group(name: str, mask: np.ndarray, probability, test: pd.DataFrame, parameters: dict) -> dict:
    rules = parameters["evaluation"]
    inside, others = test.loc[mask], test.loc[~mask]
    entry = {
        "group": name,
        "rows": len(inside),
        "customers": int(inside["customer_id"].nunique()),
        "base_rate": float(inside["label"].mean()),
    }
    if any(is_too_small(part["label"], part["customer_id"], rules["groups"]) for part in (inside, others)):
        return {**entry, "status": "too_small"}
    point, draws = _gaps(np.asarray(probability, dtype=float), test, mask, parameters)
    bounds = rules["fairness"]
    statuses, breaches = [], []
    for measure in MEASURES:
        entry[measure] = found = with_interval(point[measure], draws[measure])
        bound = bounds[f"max_{measure}"]
        # Only being served worse counts; said too high and said too low both do.
        is_below = measure == "calibration_gap" and found["high"] < -bound
        if found["low"] > bound or is_below:
            statuses.append("outside")
            breaches.append({"measure": measure, "bound": bound, **found})
        elif found["high"] <= bound and (measure != "calibration_gap" or found["low"] >= -bound):
            statuses.append("within")
        else:
            statuses.append("unclear")
    entry["status"] = next(word for word in ("outside", "unclear", "within") if word in statuses)
    return {**entry, "breaches": breaches}


def _gaps(probability: np.ndarray, test: pd.DataFrame, mask: np.ndarray, parameters: dict):
    """The measures of one group against the others: of the rows there are, and of each draw."""
    rules = parameters["evaluation"]
    label = test["label"].to_numpy(float)
    flagged = flagged_share(probability, rules["top_share"])
    code, customers = numbered(test["customer_id"])
    parts = []
    for part in (mask, ~mask):
        p, y, c = probability[part], label[part], code[part]
        rows = {"rows": 1.0, "churned": y, "found": y * flagged[part], "gap": p - y}
        parts.append(
            (
                Scored(p, y),
                Sums(p, y, c, customers, np.zeros(len(y), dtype=int), 1),
                np.array([np.bincount(c, y * 0 + values, minlength=customers) for values in rows.values()]),
            )
        )
    by_draw = [
        _compared([(sums.drawn_auc(times), times @ each.T) for _, sums, each in parts])
        for times in blocks_of_draws(customers, rules["group_replicates"], parameters["seed"])
    ]
    draws = {name: np.concatenate([found[name] for found in by_draw]) for name in MEASURES}
    point = _compared(
        [(roc_auc(scored, np.ones(len(scored.label))), each.sum(axis=1)) for scored, _, each in parts]
    )
    return point, draws


def _compared(parts: list) -> dict:
    """The gaps of (AUC, sums of rows, churned, found, gap) of the group and of the others."""
    (group_auc, group), (others_auc, others) = parts
    with np.errstate(invalid="ignore", divide="ignore"):  # a draw without churners says nothing: nan
        return {
            "auc_gap": others_auc - group_auc,
            "recall_gap": others[..., 2] / others[..., 1] - group[..., 2] / group[..., 1],
            "calibration_gap": group[..., 3] / group[..., 0] - others[..., 3] / others[..., 0],
        }


def flagged_share(probability: np.ndarray, top_share: float) -> np.ndarray:
    """1 for rows in the top share by probability, 0 below, for a tie at the border its part; shape (n,)."""
    cut = top_share * len(probability)
    border = np.sort(probability)[::-1][max(0, int(np.ceil(cut)) - 1)]
    above, tied = probability > border, probability == border
    return above + tied * (cut - above.sum()) / tied.sum()
