"""Is the expected year what came? Bookings and value expected on a month end against those counted a year on.

`backtest(home, cutoff)` uses nothing that was not known on the cut-off: features of that date, a model of
outcomes known by then. A value that was counted later in another way (a booking cancelled since) is the
warehouse's, as of the later date.
"""

from datetime import date

import numpy as np
import pandas as pd

from ml.frame import available_features, feature_sql, open_published, read_frame
from ml.settings import parameters as read_parameters
from ml.value import next_year
from roundtrip.home import Home

#: Groups of equally many customers by what was expected of them; for the picture.
GROUPS = 10

_YEAR_ON = """
SELECT f.customer_id, coalesce(l.horizon_days, 365) AS horizon_days, {features},
       later.bookings_12m AS counted_bookings, later.value_12m AS counted_value
FROM marts.customer_features f
JOIN marts.dim_customers c USING (customer_id)
JOIN marts.churn_labels l USING (customer_id, as_of_date)
JOIN marts.customer_features later ON later.customer_id = f.customer_id AND later.is_month_end
     AND later.as_of_date = last_day(f.as_of_date + INTERVAL 12 MONTH)
WHERE f.is_scorable AND c.may_be_profiled AND f.as_of_date = $cutoff
ORDER BY f.customer_id
"""


def backtest(home: Home, cutoff: date, kind: str = "logistic") -> dict | None:
    """Expected against counted for everybody who was a customer on a month end a year ago or more.

    Args:
        kind: of model that gives the churn probabilities, fitted on outcomes known by the cut-off. The quick
            one does: what is checked is what value.py makes of a calibrated probability.

    Returns:
        `cutoff`, `customers`, and for `bookings` and (with prices) `value` what `compared` says. None where
        the year after is not in the warehouse, or too few outcomes of both kinds were known by the cut-off.
    """
    from ml.models import fit_final

    parameters = {**read_parameters(), "label": "no_booking"}
    with open_published(home) as connection:
        names = available_features(connection)
        sql = _YEAR_ON.format(features=feature_sql(names))
        rows = connection.execute(sql, {"cutoff": cutoff}).df()
    known = read_frame(home, cutoff, parameters)
    label = known.rows["label"]
    least = parameters["split"]["min_rows_each_class"]
    if rows.empty or min(label.sum(), len(label) - label.sum()) < least:
        return None
    model = fit_final(kind, known.rows, known.features, parameters)
    year = next_year(rows, model.predict(None, rows), parameters)
    found = {
        "cutoff": cutoff.isoformat(),
        "customers": len(rows),
        "interval": parameters["value"]["interval"],
    }
    counted = rows["counted_bookings"].to_numpy(float)
    found["bookings"] = compared(year.bookings, year.bookings_low, year.bookings_high, counted)
    if np.isfinite(year.value).any():
        counted = rows["counted_value"].fillna(0).to_numpy(float)
        found["value"] = compared(year.value, year.value_low, year.value_high, counted)
    return found


def compared(expected, low, high, counted) -> dict:
    """Expected and counted side by side.

    Args:
        expected, low, high, counted: shape (n,) each.

    Returns:
        mean_expected, mean_counted, inside (share of customers within their interval, ends included), below,
        above, mean_width, mean_absolute_error, rank_correlation (Spearman), and `groups`: of GROUPS equal
        groups by what was expected the means of expected, counted, low and high.
    """
    expected, low, high, counted = (np.asarray(each, dtype=float) for each in (expected, low, high, counted))
    group = pd.Series(expected).rank(method="first").mul(GROUPS / len(expected)).sub(1e-9).astype(int)
    frame = pd.DataFrame({"expected": expected, "counted": counted, "low": low, "high": high})
    return {
        "mean_expected": float(expected.mean()),
        "mean_counted": float(counted.mean()),
        "inside": float(((counted >= low) & (counted <= high)).mean()),
        "below": float((counted < low).mean()),
        "above": float((counted > high).mean()),
        "mean_width": float((high - low).mean()),
        "mean_absolute_error": float(np.abs(expected - counted).mean()),
        "rank_correlation": float(pd.Series(expected).corr(pd.Series(counted), method="spearman")),
        "groups": frame.groupby(group).mean().to_dict("records"),
    }


def picture(found: dict):
    """A matplotlib figure of a backtest: per group of customers what was expected, its interval, and came."""
    from matplotlib.figure import Figure

    kinds = [kind for kind in ("bookings", "value") if kind in found]
    figure = Figure(figsize=(5.2 * len(kinds), 4.4), dpi=120, layout="constrained")
    for ax, kind in zip(figure.subplots(1, len(kinds), squeeze=False)[0], kinds, strict=True):
        groups = found[kind]["groups"]
        place = np.arange(1, len(groups) + 1)
        low, high, expected, counted = (
            [group[name] for group in groups] for name in ("low", "high", "expected", "counted")
        )
        ax.vlines(place, low, high, color="#BBBBBB", linewidth=6, label=f"{found['interval']:.0%} interval")
        ax.plot(place, expected, "o", color="#0072B2", label="expected")
        ax.plot(place, counted, "D", color="#D55E00", markersize=5, label="counted a year later")
        ax.set_xticks(place)
        ax.set_xlabel("tenth of customers, by what was expected")
        ax.set_title(f"{kind} of twelve months: {found[kind]['inside']:.0%} inside", loc="left", fontsize=10)
        ax.legend(frameon=False, loc="upper left")
        ax.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"{found['customers']:,} customers of {found['cutoff']}", fontsize=10)
    return figure
