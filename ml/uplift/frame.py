"""What uplift is learned from: randomised assignments with their outcomes, and customers as they stand today.

Read from the published warehouse and our own rounds; nothing after `as_of`.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import date

import duckdb
import numpy as np
import pandas as pd

from ml.frame import open_published, table_columns
from ml.uplift.expected import Expectations, fit_expectations
from ml.uplift.settings import parameters
from roundtrip.home import Home
from roundtrip.measure.checks import Check
from roundtrip.measure.outcomes import money_column, read_assignments
from roundtrip.measure.tables import check_all, implausible, sample_of

#: What customers are told apart by; a column that is not delivered is unknown for all.
FEATURES = (
    "tenure_days", "days_since_first_booking", "days_since_last_booking", "typical_gap_days", "overdue_ratio",
    "gap_count", "purchase_occasions_lifetime", "purchase_occasions_3m", "purchase_occasions_12m",
    "purchase_occasions_prior_12m", "bookings_12m", "value_12m", "value_prior_12m", "value_lifetime",
    "average_booking_value", "discount_share_12m", "service_lines_12m", "average_lead_days",
    "average_travellers", "cancellations_by_customer_12m", "season_share_next_90d", "web_events_30d",
    "web_events_90d", "web_events_prior_90d", "searches_90d", "checkout_failed_90d", "complaints_12m",
    "unresolved_complaints", "days_since_last_complaint", "csat_latest", "nps_latest", "is_loyalty_member",
    "points_balance", "points_earned_12m", "month_of_year",
)  # fmt: skip
#: Before the names of actions: columns of what else was done within a window.
DOSE = "dose_"


@dataclass
class UpliftFrame:
    """Randomised assignments of customers who may be profiled, and everybody an effect is told for.

    Attributes:
        learned: one row per assignment whose window has closed, of campaigns that passed their checks:
            customer_id, action, stratum, is_treated, cost (0 of those held out), treated_share (of its
            stratum), returned, value (as it happened, whatever else was done), dose_<action>,
            expected_return, expected_value, expected_margin (of 12 months), FEATURES.
        customers: one row per customer: customer_id, expected_return, expected_margin and FEATURES.
        assignments: action → assignments with a closed window, whatever their checks said.
        messages: what is missing or was left out, in words.
    """

    learned: pd.DataFrame
    customers: pd.DataFrame
    assignments: dict[str, int]
    messages: list[str] = field(default_factory=list)

    @property
    def data_hash(self) -> str:
        """Changes when any row does."""
        state = hashlib.sha256()
        for table in (self.learned, self.customers):
            state.update(",".join(table.columns).encode())
            state.update(pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes())
        return state.hexdigest()[:16]


def read_uplift_frame(home: Home, as_of: date) -> UpliftFrame:
    """Everything there is to learn from by `as_of`.

    Raises:
        BadInput: nothing is published.
    """
    with open_published(home) as connection:
        found = read_assignments(connection, home, as_of)
        connection.execute(_usable_sql(connection), {"as_of": as_of})
        expected = fit_expectations(connection, as_of, FEATURES)
        money = money_column(connection, as_of)
        customers = _features(
            connection,
            "SELECT customer_id, max(as_of_date) AS as_of_date FROM marts.customer_features"
            " WHERE as_of_date <= $as_of GROUP BY customer_id",
            {"as_of": as_of},
        )
        states = _states(connection, found.rows, as_of)
    customers = customers[customers["lifecycle_stage"] != "prospect"].drop(columns="place")
    customers = _with_expectations(customers.reset_index(drop=True), expected)
    messages = [*found.messages, *expected.messages]
    column = f"return_{parameters()['window_days']}"
    if found.rows.empty or money != "margin_value" or not expected.is_fitted:
        return UpliftFrame(pd.DataFrame(), customers, {}, messages)
    closed = found.rows[found.rows[column].notna()]
    counts = closed["action"].value_counts().to_dict()
    learned, checks = _learned(found, states, expected)
    left_out = sorted(implausible(checks))
    if left_out:
        messages.append(f"not learned from, since their arms are not comparable: {', '.join(left_out)}")
    return UpliftFrame(learned, customers, counts, messages)


def _learned(found, states: pd.DataFrame, expected: Expectations) -> tuple[pd.DataFrame, list[Check]]:
    chosen, rows = parameters(), found.rows
    days, sample = chosen["window_days"], sample_of(rows)
    checks = check_all(rows, sample)
    is_random = ~rows["campaign_id"].isin(implausible(checks)).to_numpy()
    before = _with_expectations(states[states["moment"] == "before"].set_index("place"), expected)
    after = _with_expectations(states[states["moment"] == "after"].set_index("place"), expected)
    closed = rows[f"return_{days}"].notna().to_numpy()
    margin = rows[f"margin_{days}"].to_numpy(float)
    margin = np.minimum(margin, np.nanquantile(margin, chosen["margin_cap_quantile"]))
    # Who has no state then (never booked by that day) is expected to bring nothing.
    rest = after["expected_margin"].reindex(rows.index).fillna(0.0).to_numpy()
    shares = chosen["rest_of_year_share"]
    share = rows["action"].map(lambda action: shares.get(action, shares["default"])).astype(float)
    value = np.where(closed, margin + share * rest, np.nan)
    table = rows[["customer_id", "action", "stratum", "is_treated", "cost"]].assign(
        returned=rows[f"return_{days}"].to_numpy(float), value=value
    )
    table["treated_share"] = rows.groupby("stratum")["is_treated"].transform("mean")
    table = table.join(later_doses(rows, found.later, days))
    table = table.join(
        before.drop(columns=["customer_id", "as_of_date", "moment", "lifecycle_stage"]), how="inner"
    )
    table["expected_value"] = table["expected_near_margin"] + share[table.index] * table["expected_margin"]
    return table[(closed & is_random)[table.index]].reset_index(drop=True), checks


def later_doses(rows: pd.DataFrame, later: pd.DataFrame, days: int) -> pd.DataFrame:
    """What else was done within the window: by action, treatments in windows (half a window left counts one
    half).

    Returns:
        Columns dose_<action>, of the rows of `rows`.
    """
    followed = later[(later["days"] < days) & rows["is_treated"].to_numpy()[later["later"]]]
    code, names = pd.factorize(rows["action"], sort=True)
    doses = np.zeros((len(rows), len(names)))
    np.add.at(
        doses, (followed["place"].to_numpy(), code[followed["later"]]), 1 - followed["days"].to_numpy() / days
    )
    return pd.DataFrame(doses, columns=[DOSE + name for name in names], index=rows.index)


def _usable_sql(connection: duckdb.DuckDBPyConnection) -> str:
    """`usable`: customers who may be profiled and are people; both, as of the build that is published."""
    there = table_columns(connection, "dim_customers")
    wanted = {"may_be_profiled": "may_be_profiled", "is_high_volume": "NOT is_high_volume"}
    conditions = [condition for name, condition in wanted.items() if name in there]
    return (
        "CREATE OR REPLACE TEMP TABLE usable AS SELECT customer_id FROM marts.dim_customers"
        f" WHERE registered_at::DATE <= $as_of AND {' AND '.join(conditions) or 'true'}"
    )


def _states(connection: duckdb.DuckDBPyConnection, rows: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """Features at the month end strictly before each assignment, and at the one nearest its window's end."""
    chosen = parameters()
    connection.register(
        "to_look_up", rows.reset_index(names="place")[["place", "customer_id", "assigned_at"]]
    )
    before = """SELECT place, customer_id,
        last_day((date_trunc('month', assigned_at) - INTERVAL 1 DAY)::DATE) AS as_of_date FROM to_look_up"""
    after = f"""WITH ends AS (
            SELECT place, customer_id, assigned_at::DATE + {chosen["window_days"]} AS ends_on FROM to_look_up
        ), near AS (
            SELECT *, unnest([
                last_day((date_trunc('month', ends_on) - INTERVAL 1 DAY)::DATE), last_day(ends_on)
            ]) AS as_of_date FROM ends WHERE ends_on <= $as_of
        )
        SELECT place, customer_id, arg_min(as_of_date, abs(as_of_date - ends_on)) AS as_of_date FROM near
        WHERE as_of_date <= $as_of AND abs(as_of_date - ends_on) <= {chosen["state_tolerance_days"]}
        GROUP BY place, customer_id"""
    return pd.concat(
        [
            _features(connection, before, {}).assign(moment="before"),
            _features(connection, after, {"as_of": as_of}).assign(moment="after"),
        ],
        ignore_index=True,
    )


def _features(connection: duckdb.DuckDBPyConnection, asked: str, values: dict) -> pd.DataFrame:
    """FEATURES and the lifecycle stage of the asked customers and dates, usable ones only."""
    there = table_columns(connection, "customer_features")
    columns = ", ".join(
        f"CAST(f.{name} AS DOUBLE) AS {name}" if name in there else f"NULL::DOUBLE AS {name}"
        for name in FEATURES
    )
    place = "a.place" if "place" in asked else "NULL::BIGINT AS place"
    return connection.execute(
        f"""SELECT {place}, customer_id, as_of_date, f.lifecycle_stage, {columns}
            FROM ({asked}) a JOIN marts.customer_features f USING (customer_id, as_of_date)
            SEMI JOIN usable USING (customer_id) ORDER BY ALL""",
        values,
    ).df()


def _with_expectations(rows: pd.DataFrame, expected: Expectations) -> pd.DataFrame:
    return rows.assign(**expected.of(rows))
