"""What customers are compared by, and how far apart two of them are: logarithms, robust scale, bounded."""

from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd

from ml.frame import table_columns

#: Measures that are no columns of customer_features as they stand, but made of such.
_MADE = {
    "purchase_occasions_24m": (
        "f.purchase_occasions_12m + f.purchase_occasions_prior_12m",
        ("purchase_occasions_12m", "purchase_occasions_prior_12m"),
    ),
    "purchase_occasions_change_12m": (
        "f.purchase_occasions_12m - f.purchase_occasions_prior_12m",
        ("purchase_occasions_12m", "purchase_occasions_prior_12m"),
    ),
    # Points as the rules have them, from the published thresholds in force (dbt_project/seeds).
    "monetary_points": (
        """(SELECT max(t.points) FROM marts.value_tier_thresholds t
            WHERE t.measure = 'value_24m'
            AND t.currency = (SELECT reporting_currency FROM marts.warehouse_info)
            AND f.value_12m + f.value_prior_12m >= t.min_value AND t.valid_from <= f.as_of_date
            AND NOT EXISTS (SELECT 1 FROM marts.value_tier_thresholds later
                WHERE later.measure = t.measure AND later.currency = t.currency AND later.points = t.points
                AND later.valid_from > t.valid_from AND later.valid_from <= f.as_of_date))""",
        ("value_12m", "value_prior_12m"),
    ),
}
#: What a rule of the seed need_segment_rules may ask for, and the months published tell.
RULE_MEASURES = (
    "monetary_points",
    "purchase_occasions_24m",
    "purchase_occasions_change_12m",
    "discount_share_12m",
    "service_lines_12m",
    "days_since_first_booking",
    "average_lead_days",
    "typical_gap_days",
)


@dataclass
class Customers:
    """Who is clustered.

    Attributes:
        rows: customer_id, need_segment (by the rules), the measures in their own units (NaN: unknown) and the
            rules' measures, sorted by customer_id.
        names: measures that take part. left_out: those that do not, and why, in sentences.
        of: how many customers there are to take from. currency: of amounts, None where unknown.
    """

    rows: pd.DataFrame
    names: list[str]
    left_out: list[str]
    of: int
    currency: str | None


@dataclass(frozen=True)
class Scale:
    """How a measure becomes a number to compare: (f(x) - centre) / width, f the logarithm or nothing.

    Attributes:
        centre, width: median and interquartile range over 1.349 (the standard deviation of a normal), by
        name.
    """

    logs: dict[str, bool]
    centre: dict[str, float] = field(default_factory=dict)
    width: dict[str, float] = field(default_factory=dict)
    clip: float = 4.0

    def apply(self, rows: pd.DataFrame) -> np.ndarray:
        """Shape (n, measures), in scale units; unknown is the centre."""
        columns = []
        for name, is_log in self.logs.items():
            values = _levelled(rows[name].to_numpy(float), is_log)
            scaled = (values - self.centre[name]) / self.width[name]
            columns.append(np.clip(np.nan_to_num(scaled, nan=0.0), -self.clip, self.clip))
        return np.column_stack(columns)


def read_customers(connection, as_of: date, parameters: dict) -> Customers:
    """Everybody who has booked, is not lost and may be profiled, on the newest date up to `as_of`.

    Customers by hash above `max_rows`; accounts that many people book by (is_high_volume) are nobody's
    example.
    """
    there = table_columns(connection, "customer_features")
    wanted = list(dict.fromkeys([*parameters["measures"], *RULE_MEASURES]))
    has_thresholds = bool(table_columns(connection, "value_tier_thresholds"))
    known = [name for name in wanted if _is_there(name, there, has_thresholds)]
    people = table_columns(connection, "dim_customers")
    usual = "AND NOT c.is_high_volume" if "is_high_volume" in people else ""
    segment = "c.need_segment" if "need_segment" in people else "NULL::VARCHAR"
    scope = f"""marts.customer_features f JOIN marts.dim_customers c USING (customer_id)
        WHERE c.may_be_profiled AND f.is_scorable {usual} AND f.as_of_date =
            (SELECT max(as_of_date) FROM marts.customer_features WHERE as_of_date <= $as_of)"""
    (of,) = connection.execute(f"SELECT count(*) FROM {scope}", {"as_of": as_of}).fetchone()
    keep_one_in = -(-of // parameters["frame"]["max_rows"]) or 1
    columns = ", ".join(f"CAST({_MADE.get(name, (f'f.{name}',))[0]} AS DOUBLE) AS {name}" for name in known)
    rows = connection.execute(
        f"SELECT f.customer_id, {segment} AS need_segment, {columns} FROM {scope} "
        f"AND hash(f.customer_id) % {keep_one_in} = 0 ORDER BY f.customer_id",
        {"as_of": as_of},
    ).df()
    rows[known] = rows[known].where(np.isfinite(rows[known].astype(float)))
    names, left_out = _usable(rows, list(parameters["measures"]), parameters["frame"]["min_known_share"])
    for name in wanted:
        if name not in rows:
            rows[name] = np.nan
    (currency,) = connection.execute(
        "SELECT any_value(reporting_currency) FROM marts.warehouse_info"
    ).fetchone()
    return Customers(rows, names, left_out, of, currency)


def scale_of(rows: pd.DataFrame, names: list[str], parameters: dict) -> Scale:
    """The scale by which these rows spread; a measure that is the same for half of them by its deviation."""
    scale = Scale(
        {name: parameters["measures"][name]["log"] for name in names}, clip=parameters["frame"]["clip"]
    )
    for name, is_log in scale.logs.items():
        values = _levelled(rows[name].to_numpy(float), is_log)
        values = values[np.isfinite(values)]
        low, middle, high = np.percentile(values, [25, 50, 75])
        scale.centre[name] = float(middle)
        scale.width[name] = float((high - low) / 1.349 or values.std())
    return scale


def _levelled(values: np.ndarray, is_log: bool) -> np.ndarray:
    return np.log1p(np.maximum(values, 0)) if is_log else values


def _is_there(name: str, columns: dict, has_thresholds: bool) -> bool:
    made_of = _MADE[name][1] if name in _MADE else (name,)
    return all(column in columns for column in made_of) and (name != "monetary_points" or has_thresholds)


def _usable(rows: pd.DataFrame, names: list[str], min_known: float) -> tuple[list[str], list[str]]:
    usable, left_out = [], []
    for name in names:
        if name not in rows:
            left_out.append(f"{name}: not in the warehouse")
        elif len(rows) and (share := rows[name].notna().mean()) < min_known:
            left_out.append(f"{name}: known of {share:.0%} of the customers only")
        elif len(rows) and rows[name].nunique() < 2:
            left_out.append(f"{name}: the same for everybody")
        else:
            usable.append(name)
    return usable, left_out
