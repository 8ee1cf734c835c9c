"""What really happened, for judging the product; no stage of the pipeline may read it."""

import numpy as np
import pandas as pd

from roundtrip.simulate import parameters as p
from roundtrip.simulate.state import NEVER, PHASES, UNREGISTERED
from roundtrip.simulate.world import History


def truth_tables(h: History) -> dict[str, pd.DataFrame]:
    """customers, customer_months, departures and campaigns, as Parquet-ready frames."""
    return {
        "customers": _customers(h),
        "customer_months": _customer_months(h),
        "departures": _departures(h),
        "campaigns": pd.DataFrame(h.campaigns.runs, columns=["campaign_id", "action", "true_boost"]),
    }


def _dates(days: np.ndarray) -> np.ndarray:
    dates = days.astype("datetime64[D]").astype("datetime64[s]")
    dates[days == NEVER] = np.datetime64("NaT")
    return dates


def _customers(h: History) -> pd.DataFrame:
    """One row a customer. left_on and cause are empty for those who are here at the end."""
    people, state = h.people, h.state
    n = len(people.customer_id)
    at_risk = h.hazard > 0
    has_left = state.left_on != NEVER
    lines = np.array([*p.SERVICE_LINES, None], dtype=object)
    starts = np.append(h.calendar.month_starts, NEVER)
    dropped = np.where(state.dropped_line_month == NEVER, len(starts) - 1, state.dropped_line_month)
    times = [np.bincount(np.concatenate([c for c, _ in part]), minlength=n) for part in
             (h.departures.left, h.departures.returned)]  # fmt: skip
    return pd.DataFrame(
        {
            "customer_id": people.customer_id,
            "need_type": np.array([t.name for t in p.NEED_TYPES], dtype=object)[people.need_type],
            "is_one_off": people.is_one_off,
            "trips_per_year": people.trips_per_year.round(4),
            "price_sensitivity": people.price_sensitivity.round(4),
            "mean_hazard": h.hazard.sum(axis=0) / np.maximum(at_risk.sum(axis=0), 1),
            "cause": np.where(has_left, np.array([*p.CAUSES, None], dtype=object)[state.cause], None),
            "left_on": _dates(state.left_on),
            "times_left": times[0],
            "times_returned": times[1],
            "dropped_line": lines[state.dropped_line],
            "dropped_line_on": _dates(starts[dropped]),
        }
    )


def _customer_months(h: History) -> pd.DataFrame:
    """One row a customer and month from registration on: the state during the month.

    `hazard` is the probability of deciding to leave in the month as it stood before the draw (0 for those
    not at risk); `has_decided` says how the draw fell. The month after a decision is the first of fading.
    """
    month, customer = np.nonzero(h.phase != UNREGISTERED)
    decided = np.zeros(h.phase.shape, dtype=bool)
    for who, at, _ in h.departures.decided:
        decided[at, who] = True
    return pd.DataFrame(
        {
            "customer_id": h.people.customer_id[customer],
            "month": _dates(h.calendar.month_starts[month]),
            "state": np.array(PHASES, dtype=object)[h.phase[month, customer]],
            "satisfaction": h.satisfaction[month, customer],
            "hazard": h.hazard[month, customer],
            "has_decided": decided[month, customer],
        }
    )


def _departures(h: History) -> pd.DataFrame:
    """Every decision to leave with its cause; left_on and returned_on follow where they came to pass."""
    decisions = pd.concat(
        [pd.DataFrame({"customer": who, "at": at, "cause": cause}) for who, at, cause in h.departures.decided]
    )
    decisions["nth"] = decisions.groupby("customer").cumcount()

    def days(part):
        found = pd.concat([pd.DataFrame({"customer": who, "day": day}) for who, day in part])
        found["nth"] = found.groupby("customer").cumcount()
        return found.set_index(["customer", "nth"])["day"]

    keys = pd.MultiIndex.from_frame(decisions[["customer", "nth"]])
    left, returned = (days(part).reindex(keys).fillna(NEVER).to_numpy(np.int64) for part in
                      (h.departures.left, h.departures.returned))  # fmt: skip
    return pd.DataFrame(
        {
            "customer_id": h.people.customer_id[decisions["customer"].to_numpy(int)],
            "decided_in": _dates(h.calendar.month_starts[decisions["at"].to_numpy(int)]),
            "cause": np.array(p.CAUSES, dtype=object)[decisions["cause"].to_numpy(int)],
            "left_on": _dates(left),
            "returned_on": _dates(returned),
        }
    )
