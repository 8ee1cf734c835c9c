"""Measurements beside the served model: any label kind, features before a cut-off and outcomes after it."""

from collections.abc import Callable
from datetime import date

import numpy as np
import pandas as pd

from ml.evaluate import evaluate
from ml.frame import Frame, open_published, read_frame
from ml.profit import with_company_costs
from ml.settings import parameters as read_parameters
from ml.split import Split, split_frame
from ml.train import compare
from ml.value import expected_bookings
from roundtrip.home import Home


def evaluate_label(
    home: Home,
    label: str,
    cutoff: date | None = None,
    beside: dict[str, Callable[[Frame, Split], np.ndarray]] | None = None,
) -> dict:
    """Train on outcomes known by the cut-off (a month end), test on the customers of the cut-off.

    Args:
        label: one of ml.frame.LABELS: `no_booking`, `left_programme` (members who leave within 183 days),
            `silent_member` (members who book nothing within 183 days).
        cutoff: without one, the newest labelled months are the test.
        beside: other models by name, judged on the same rows; each learns from the split's training rows and
            gives the probabilities of its test rows.

    Returns:
        `split` facts, `evaluation` (ml.evaluate.evaluate), `chosen`, `importance` of the chosen candidate.

    Raises:
        TooLittleData: too few rows of a class, customers or months before or at the cut-off.
    """
    parameters = {**with_company_costs(read_parameters(), home), "label": label}
    frame = read_frame(home, date.max, parameters)
    split = split_frame(frame, parameters, test_month=pd.Timestamp(cutoff) if cutoff else None)
    compared = compare(frame, split, parameters)
    test = frame.rows.loc[split.test]
    if beside:
        others = {name: fit(frame, split) for name, fit in beside.items()}
        chosen = {compared.chosen: compared.probabilities[compared.chosen]}
        pairs = [(compared.chosen, name) for name in others]
        told = evaluate(chosen | others, test["label"], test["customer_id"], parameters, pairs)
        for part in ("models", "differences"):
            compared.evaluation[part] |= told[part]
    parts = np.abs(compared.candidates[compared.chosen].contributions(test)).mean(axis=0)
    ranked = sorted(zip(frame.features, parts.tolist(), strict=True), key=lambda pair: -pair[1])
    return {
        "label": label,
        "cutoff": cutoff.isoformat() if cutoff else None,
        "messages": frame.messages,
        "split": split.facts,
        "chosen": compared.chosen,
        "selection_auc": compared.selection_auc,
        "evaluation": compared.evaluation,
        "importance": dict(ranked[:10]),
    }


def backtest_expected_bookings(home: Home, cutoff: date) -> dict | None:
    """Expected against counted bookings of the year after a month end, beside the naive "as many as last
    year".

    The churn probability is the inactivity rule's, fitted on outcomes known by the cut-off. None where the
    year after is not in the warehouse.
    """
    from ml.rule import InactivityRule

    parameters = {**read_parameters(), "label": "no_booking"}
    with open_published(home) as connection:
        rows = connection.execute(
            """SELECT f.*, l.horizon_days, later.bookings_12m AS counted
               FROM marts.customer_features f
               JOIN marts.churn_labels l USING (customer_id, as_of_date)
               JOIN marts.customer_features later ON later.customer_id = f.customer_id
                    AND later.as_of_date = last_day(f.as_of_date + INTERVAL 12 MONTH) AND later.is_month_end
               WHERE f.is_scorable AND f.as_of_date = ?""",
            [cutoff],
        ).df()
    if rows.empty:
        return None
    known = read_frame(home, cutoff, parameters).rows
    rule = InactivityRule.fit(known["overdue_ratio_for_rule"], known["label"], parameters)
    expected = expected_bookings(rows, rule.probability(rows["overdue_ratio"]))
    counted, last_year = rows["counted"].to_numpy(float), rows["bookings_12m"].to_numpy(float)
    return {
        "customers": len(rows),
        "mean_counted": float(counted.mean()),
        "mean_expected": float(expected.mean()),
        "mean_last_year": float(last_year.mean()),
        "mean_absolute_error": float(np.abs(expected - counted).mean()),
        "mean_absolute_error_last_year": float(np.abs(last_year - counted).mean()),
        "rank_correlation": float(pd.Series(expected).corr(pd.Series(counted), method="spearman")),
        "rank_correlation_last_year": float(pd.Series(last_year).corr(pd.Series(counted), method="spearman")),
    }
