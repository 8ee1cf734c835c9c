"""Visits to site and app: steady browsing that fades before a customer leaves, and the run-up to bookings."""

import numpy as np
import pandas as pd

from roundtrip.simulate import parameters as p
from roundtrip.simulate.holidays import Calendar, clock
from roundtrip.simulate.people import People
from roundtrip.simulate.places import NAMES, POPULARITY
from roundtrip.simulate.randomness import Streams, pick
from roundtrip.simulate.state import ACTIVE, FADING, GONE, PROSPECT

_BROWSING = {"search": 30, "view": 34, "wishlist": 5, "cart": 3, "login": 12, "app_open": 12, "push_open": 4}
_RUN_UP = {"search": 40, "view": 40, "wishlist": 4, "cart": 10, "login": 6}
_ABOUT_A_TRIP = ("search", "view", "wishlist", "cart", "checkout_failed")
_CHANNELS = np.array(["web", "app", "mini_program"], dtype=object)
#: Gamma shape of a month's activity around the customer's own: attention comes in bursts.
_BURSTS = 1.5
_RUN_UP_EVENTS = 3.2
_RUN_UP_DAYS = 6.0


def fade_factor(phase: np.ndarray, fade_left: np.ndarray) -> np.ndarray:
    """Web activity relative to the customer's own usual, by phase; any shape, same out."""
    steps = np.array(p.FADE_WEB)[np.clip(fade_left - 1, 0, len(p.FADE_WEB) - 1)]
    return np.select(
        [np.isin(phase, (PROSPECT, ACTIVE)), phase == FADING, phase == GONE], [1, steps, p.GONE_WEB], 0
    )


def events(
    people: People,
    activity: np.ndarray,
    phase: np.ndarray,
    cause: np.ndarray,
    trips: pd.DataFrame,
    unsubscribed: tuple[np.ndarray, np.ndarray],
    calendar: Calendar,
    streams: Streams,
) -> pd.DataFrame:
    """The contract's `web_events` without ids, in order of time.

    Args:
        activity: fade factor by month; shape (months, customers).  phase, cause: same shape.
        trips: all trips with customer, booked_at, line, destination.
        unsubscribed: customers and epoch seconds.
    """
    rng = streams["web"]
    mean = people.web_rate * activity
    count = rng.poisson(mean * rng.gamma(_BURSTS, 1 / _BURSTS, mean.shape))
    fails = streams["checkout"].random(mean.shape) < np.select(
        [phase == ACTIVE, (phase == FADING) & np.isin(cause, (0, 1, 2))],
        [p.CHECKOUT_FAILS["active"], p.CHECKOUT_FAILS["fading"]],
        0.0,
    )
    month, customer = np.divmod(np.repeat(np.arange(count.size), count.ravel()), count.shape[1])
    browsing = _at_random_moments(rng, month, customer, people, calendar)
    browsing["event_type"] = np.array(list(_BROWSING), dtype=object)[
        pick(rng, list(_BROWSING.values()), len(month))
    ]
    month, customer = np.nonzero(fails)
    failed = _at_random_moments(rng, month, customer, people, calendar).assign(event_type="checkout_failed")

    is_online = trips["channel"].to_numpy() <= p.BOOKING_CHANNELS.index("mini_program")
    per_trip = np.where(is_online, rng.poisson(_RUN_UP_EVENTS, len(trips)), 0)
    run = trips.loc[trips.index.repeat(per_trip), ["customer", "booked_at", "line", "destination"]]
    back = (rng.exponential(_RUN_UP_DAYS, len(run)) * 86_400).astype(np.int64)
    moment = run["booked_at"].to_numpy() - back
    moment = moment // 86_400 * 86_400 + clock(rng, len(run))
    moment = np.minimum(moment, run["booked_at"].to_numpy() - 30)
    run_up = pd.DataFrame(
        {
            "customer": run["customer"].to_numpy(),
            "occurred_at": np.maximum(moment, people.registered_at[run["customer"]] + 60),
            "line": run["line"].to_numpy(),
            "destination": run["destination"].to_numpy(),
            "event_type": np.array(list(_RUN_UP), dtype=object)[pick(rng, list(_RUN_UP.values()), len(run))],
        }
    )
    stops = pd.DataFrame(
        {"customer": unsubscribed[0], "occurred_at": unsubscribed[1], "line": 0, "destination": 0}
    ).assign(event_type="unsubscribe")
    found = pd.concat([browsing, failed, run_up, stops], ignore_index=True)
    found = found.sort_values(["occurred_at", "customer"], kind="stable", ignore_index=True)

    kind = found["event_type"]
    is_about = kind.isin(_ABOUT_A_TRIP).to_numpy()
    channel = _CHANNELS[pick(rng, (0.3, 0.38, 0.32), len(found))]
    channel = np.where(kind.isin(("app_open", "push_open")), "app", channel)
    return pd.DataFrame(
        {
            "customer_id": people.customer_id[found["customer"]],
            "occurred_at": found["occurred_at"].to_numpy(),
            "event_type": kind.to_numpy(),
            "channel": np.where(kind == "unsubscribe", "email", channel),
            "service_line": np.where(is_about, np.array(p.SERVICE_LINES, dtype=object)[found["line"]], None),
            "destination": np.where(is_about, NAMES[found["destination"]], None),
        }
    )


def _at_random_moments(rng, month, customer, people, calendar) -> pd.DataFrame:
    size = len(month)
    first = np.maximum(calendar.month_starts[month], people.registered_at[customer] // 86_400)
    day = first + (rng.random(size) * (calendar.month_starts[month + 1] - first)).astype(np.int64)
    lines = people.line_weights.argmax(axis=1)[customer]
    any_line = rng.integers(0, len(p.SERVICE_LINES), size)
    return pd.DataFrame(
        {
            "customer": customer,
            "occurred_at": np.maximum(day * 86_400 + clock(rng, size), people.registered_at[customer] + 60),
            "line": np.where(rng.random(size) < 0.75, lines, any_line),
            "destination": pick(rng, POPULARITY, size),
        }
    )
