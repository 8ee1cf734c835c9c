"""What scores were worth, once it is known who came back: calibration and ranking on matured labels.

A customer's outcome is known when the customer's own horizon is over, half a year to a year after the score.
So in the first months only those with a short rhythm are judged: `known` says how many of the scored they
are. Which outcomes are known depends on the rhythm alone and never on the outcome, so what is measured is
true of those customers; it is not comparable with a test on all.
"""

from datetime import date

import numpy as np
import pandas as pd

from ml.evaluate import evaluate
from ml.frame import open_published, table_columns
from roundtrip.home import Home

#: Of each score date: who was scored by whom, and the answer where it is known by $as_of.
_SCORED = """
SELECT s.as_of_date, s.model_version, s.customer_id, s.churn_probability,
       f.overdue_ratio, CASE WHEN l.horizon_ends_on <= $as_of THEN CAST(l.is_churned AS INTEGER) END AS label
FROM marts.customer_scores s
JOIN marts.customer_features f USING (customer_id, as_of_date)
JOIN marts.churn_labels l USING (customer_id, as_of_date)
WHERE s.churn_probability IS NOT NULL AND s.as_of_date < $as_of AND s.as_of_date >= $since
ORDER BY s.as_of_date, s.model_version, s.customer_id
"""


def matured(home: Home, as_of: date, parameters: dict) -> list[dict]:
    """Per score date and version of the newest months: how far the outcomes are known, and what they say.

    Only scores given on month ends have labels in the warehouse; those of other days are not judged.

    Returns:
        scored_on, model_version, scored (rows), known (share of them), rows, and with enough outcomes of
        both kinds roc_auc, roc_auc_gain_over_rule, brier, calibration_error, said_minus_seen, each with
        value, low, high (95 %, resampled by customer). The rule is days since the last booking over the
        usual gap, as published.
    """
    since = (pd.Timestamp(as_of) - pd.DateOffset(months=parameters["monitoring"]["months"])).date()
    with open_published(home) as connection:
        if not table_columns(connection, "customer_scores"):
            return []
        rows = connection.execute(_SCORED, {"as_of": as_of, "since": since}).df()
    found = []
    for (scored_on, version), scored in rows.groupby(["as_of_date", "model_version"]):
        known = scored[scored["label"].notna()]
        found.append(
            {
                "scored_on": f"{scored_on:%Y-%m-%d}",
                "model_version": version,
                "scored": len(scored),
                "known": len(known) / len(scored),
                "rows": len(known),
                **judge(known, parameters),
            }
        )
    return found


def judge(rows: pd.DataFrame, parameters: dict) -> dict[str, dict[str, float]]:
    """The measures of `matured` on rows with churn_probability, overdue_ratio and label; {} on too few."""
    least = parameters["split"]["min_rows_each_class"]
    label = rows["label"].to_numpy(dtype=float)
    if min(label.sum(), len(label) - label.sum()) < least:
        return {}
    overdue = rows["overdue_ratio"].fillna(1.0).to_numpy(dtype=float)
    # Only the rule's order is used; this brings it between 0 and 1 and keeps it.
    probabilities = {"score": rows["churn_probability"].to_numpy(), "rule": overdue / (1 + overdue)}
    judged = evaluate(
        probabilities,
        label,
        rows["customer_id"],
        parameters,
        [("score", "rule")],
        parameters["monitoring"]["replicates"],
    )
    gap = probabilities["score"] - label
    # One row a customer and date, so the plain standard error of a mean holds.
    half = 1.96 * gap.std(ddof=1) / np.sqrt(len(gap))
    return {
        **{name: judged["models"]["score"][name] for name in ("roc_auc", "brier", "calibration_error")},
        "roc_auc_gain_over_rule": judged["differences"]["score - rule"],
        "said_minus_seen": {"value": gap.mean(), "low": gap.mean() - half, "high": gap.mean() + half},
    }
