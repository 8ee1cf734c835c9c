"""How long a model holds: one that is never retrained, month by month, beside one that is.

Both are of the backtest (backtest.py): the oldest model scores every later month, the refitted one is never
older than `refit_months`. What the second has more is what retraining is worth.
"""

import numpy as np
import pandas as pd

from ml.backtest import Backtest
from ml.evaluate import evaluate
from ml.groups import is_too_small

#: The age from which a model counts as old: the schedule would have replaced it long before.
OLD_MONTHS = 6


def measure_decay(backtest: Backtest | None, parameters: dict) -> dict:
    """AUC, calibration and lift by month since the training.

    Returns:
        `status` measured | not_measured (the history is too short). Measured: `origin` (what the old model
        knew ends here), `refits`, `months` (month, age_months, rows, base_rate, calibration_gap of the old
        model = mean said minus share seen, and `models`: old, refitted → metric → value, low, high) and
        `worth_of_refitting` (AUC of the refitted minus the old model's on the months in which the old one was
        at least OLD_MONTHS old; value, low, high, from_age_months).
    """
    if backtest is None:
        return {"status": "not_measured", "why": "short_history"}
    rows, origin = backtest.rows, backtest.origins[0]
    dates = rows["as_of_date"]
    age = ((dates.dt.year - origin.year) * 12 + dates.dt.month - origin.month).to_numpy()
    probabilities = {"old": backtest.oldest, "refitted": backtest.newest}
    found = {
        "status": "measured",
        "origin": f"{origin:%Y-%m-%d}",
        "refits": [f"{each:%Y-%m-%d}" for each in backtest.origins[1:]],
        "months": [
            _month(rows, dates == month, int(age[(dates == month).to_numpy()][0]), probabilities, parameters)
            for month in sorted(dates.unique())
            if not is_too_small(
                rows.loc[dates == month, "label"],
                rows.loc[dates == month, "customer_id"],
                parameters["evaluation"]["groups"],
            )
        ],
    }
    is_old = age >= OLD_MONTHS
    if len(backtest.origins) > 1 and 0 < rows.loc[is_old, "label"].mean() < 1:
        judged = evaluate(
            {name: values[is_old] for name, values in probabilities.items()},
            rows.loc[is_old, "label"],
            rows.loc[is_old, "customer_id"],
            parameters,
            [("refitted", "old")],
            parameters["evaluation"]["group_replicates"],
        )
        found["worth_of_refitting"] = judged["differences"]["refitted - old"] | {
            "from_age_months": OLD_MONTHS
        }
    return found


def _month(rows: pd.DataFrame, mask: pd.Series, age: int, probabilities: dict, parameters: dict) -> dict:
    mask = mask.to_numpy()
    part = rows.loc[mask]
    judged = evaluate(
        {name: values[mask] for name, values in probabilities.items()},
        part["label"],
        part["customer_id"],
        parameters,
        replicates=parameters["evaluation"]["group_replicates"],
    )
    return {
        "month": f"{part['as_of_date'].iloc[0]:%Y-%m}",
        "age_months": age,
        "rows": len(part),
        "base_rate": judged["base_rate"],
        "calibration_gap": float(np.mean(probabilities["old"][mask]) - judged["base_rate"]),
        "models": judged["models"],
    }
