"""Visits to site and app: steady browsing that fades before a customer leaves, and the run-up to bookings."""

import numpy as np
import pandas as pd

from roundtrip.simulate import dice as dice_of
from roundtrip.simulate.codes import named
from roundtrip.simulate.dice import Dice, unit
from roundtrip.simulate.holidays import Calendar, clock
from roundtrip.simulate.parameters import BOOKING_CHANNELS, SERVICE_LINES, Parameters
from roundtrip.simulate.people import People
from roundtrip.simulate.places import NAMES, POPULARITY
from roundtrip.simulate.state import ACTIVE, FADING, GONE, PROSPECT, State

EVENT_TYPES = (
    "search", "view", "wishlist", "cart", "checkout_failed", "login", "app_open", "push_open", "unsubscribe",
)  # fmt: skip
CHANNELS = ("web", "app", "mini_program", "email")
_BROWSING = np.array([30, 34, 5, 3, 0, 12, 12, 4, 0])
_RUN_UP = np.array([40, 40, 4, 10, 0, 6, 0, 0, 0])
_ABOUT_A_TRIP = np.array([True, True, True, True, True, False, False, False, False])
_ONLY_IN_THE_APP = np.array([False] * 6 + [True, True, False])
_FAILED, _UNSUBSCRIBE, _EMAIL = (
    EVENT_TYPES.index("checkout_failed"),
    len(EVENT_TYPES) - 1,
    CHANNELS.index("email"),
)
_ONLINE = BOOKING_CHANNELS.index("mini_program")
#: Ids within a person's month: browsing from 0, the run-up from here, single events above.
_RUN_UP_FROM, _FAILED_AT, _UNSUBSCRIBE_AT, _MOST_BROWSING = 700, 990, 991, 600


def fade_factor(p: Parameters, state: State) -> np.ndarray:
    """Web activity relative to the customer's own usual, by phase; shape (n,)."""
    steps = np.array(p.leaving.fade_web)[np.clip(state.fade_left - 1, 0, 2)]
    phase = state.phase
    return np.select(
        [np.isin(phase, (PROSPECT, ACTIVE)), phase == FADING, phase == GONE],
        [1, steps, p.leaving.gone_web],
        0,
    )


def events(
    p: Parameters,
    month: int,
    people: People,
    state: State,
    trips: pd.DataFrame,
    unsubscribed: tuple[np.ndarray, np.ndarray],
    calendar: Calendar,
    dice: Dice,
) -> pd.DataFrame:
    """The contract's `web_events` of a month with `person` and `copy` for customer_id, in order of time.

    Args:
        trips: booked this month.  unsubscribed: people and epoch seconds.
    """
    parts = [
        _browsing(p, month, people, state, calendar, dice),
        _failed_checkouts(p, month, people, state, calendar, dice),
        _run_up(p, month, people, trips, calendar),
        _stops(month, *unsubscribed),
    ]
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(found["occurred_at"], kind="stable")
    found = {name: values[order] for name, values in found.items()}
    kind = found["event_type"]
    about = _ABOUT_A_TRIP[kind]
    return pd.DataFrame(
        {
            "event_id": found["event_id"],
            "person": found["person"],
            "copy": found["copy"],
            "occurred_at": found["occurred_at"],
            "event_type": named(kind, EVENT_TYPES),
            "channel": named(found["channel"], CHANNELS),
            "service_line": named(np.where(about, found["line"], -1), SERVICE_LINES),
            "destination": named(np.where(about, found["destination"], -1), NAMES),
        }
    )


def _browsing(p, month, people, state, calendar, dice) -> dict[str, np.ndarray]:
    key = dice.key("browsing", month, np.arange(len(state)))
    # Attention grows as a trip comes due.
    due = np.clip((state.need / state.threshold - 0.6) / 0.4, 0, 1)
    mean = people.web_rate * fade_factor(p, state) * (1 + p.web.attention_before_a_trip * due)
    mean = mean * dice_of.gamma(unit(key, 0), p.web.bursts)
    count = np.minimum(dice_of.poisson(unit(key, 1), mean), _MOST_BROWSING)
    person = np.repeat(np.arange(len(state)), count)
    nth = np.arange(len(person)) - np.repeat(np.cumsum(count) - count, count)
    each = dice_of.split(key[person], 10 + nth)
    return _described(p, month, person, nth, each, people, calendar)


def _failed_checkouts(p, month, people, state, calendar, dice) -> dict[str, np.ndarray]:
    key = dice.key("checkout", month, np.arange(len(state)))
    hindered = (state.phase == FADING) & np.isin(state.cause, (0, 1, 2))
    chance = np.select(
        [state.phase == ACTIVE, hindered],
        [p.web.checkout_fails["active"], p.web.checkout_fails["fading"]],
        0.0,
    )
    who = np.flatnonzero(unit(key, 0) < chance)
    found = _described(p, month, who, np.full(len(who), _FAILED_AT), key[who], people, calendar)
    return found | {"event_type": np.full(len(who), _FAILED, dtype=np.int8)}


def _described(p, month, person, nth, key, people, calendar) -> dict[str, np.ndarray]:
    """Events at random moments of the month, about the customer's favourite line or any."""
    size = len(person)
    first = np.maximum(calendar.month_starts[month], people.registered_at[person] // 86_400)
    day = first + (unit(key, 0) * (calendar.month_starts[month + 1] - first)).astype(np.int64)
    favourite = people.line_weights.argmax(axis=1).astype(np.int8)[person]
    any_line = (unit(key, 2) * len(SERVICE_LINES)).astype(np.int8)
    kind = dice_of.pick(unit(key, 3), _BROWSING).astype(np.int8)
    return (
        {
            "event_id": person * 1_000_000 + month * 1_000 + nth,
            "person": person,
            "copy": _copy(p, month, person, key, people),
            "occurred_at": np.maximum(day * 86_400 + clock(unit(key, 1)), people.registered_at[person] + 60),
            "event_type": kind,
            "channel": _channel(key, kind),
            "line": np.where(unit(key, 4) < 0.75, favourite, any_line),
            "destination": dice_of.pick(unit(key, 5), POPULARITY).astype(np.int8),
        }
        if size
        else _nothing()
    )


def _run_up(p, month, people, trips, calendar) -> dict[str, np.ndarray]:
    """What is looked at in the days before a booking online, within the month of the booking."""
    key = dice_of.split(trips["key"].to_numpy(), 500)
    count = np.where(trips["channel"] <= _ONLINE, dice_of.poisson(unit(key, 0), p.web.run_up_events), 0)
    count = np.minimum(count, 30)
    at = np.repeat(np.arange(len(trips)), count)
    if len(at) == 0:
        return _nothing()
    nth = np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count)
    each, person = dice_of.split(key[at], 10 + nth), trips["person"].to_numpy()[at]
    booked_at = trips["booked_at"].to_numpy()[at]
    starts = np.maximum(calendar.start_of(month), people.registered_at[person] + 60)
    back = dice_of.exponential(unit(each, 0), p.web.run_up_days).astype(np.int64) * 86_400
    moment = (booked_at - back) // 86_400 * 86_400 + clock(unit(each, 1))
    anywhere = starts + (unit(each, 2) * np.maximum(booked_at - 30 - starts, 0)).astype(np.int64)
    kind = dice_of.pick(unit(each, 3), _RUN_UP).astype(np.int8)
    return {
        "event_id": person * 1_000_000
        + month * 1_000
        + _RUN_UP_FROM
        + trips["nth"].to_numpy()[at] * 30
        + nth,
        "person": person,
        "copy": trips["copy"].to_numpy()[at],
        "occurred_at": np.where((moment < starts) | (moment > booked_at - 30), anywhere, moment),
        "event_type": kind,
        "channel": _channel(each, kind),
        "line": trips["line"].to_numpy()[at].astype(np.int8),
        "destination": trips["destination"].to_numpy()[at].astype(np.int8),
    }


def _stops(month, who, moment) -> dict[str, np.ndarray]:
    size = len(who)
    return {
        "event_id": who * 1_000_000 + month * 1_000 + _UNSUBSCRIBE_AT,
        "person": who,
        "copy": np.zeros(size, dtype=np.int8),
        "occurred_at": moment,
        "event_type": np.full(size, _UNSUBSCRIBE, dtype=np.int8),
        "channel": np.full(size, _EMAIL, dtype=np.int8),
        "line": np.zeros(size, dtype=np.int8),
        "destination": np.zeros(size, dtype=np.int8),
    }


def _nothing() -> dict[str, np.ndarray]:
    return _stops(0, np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))


def _copy(p, month, person, key, people) -> np.ndarray:
    return ((people.second_month[person] < month) & (unit(key, 6) < p.arrivals.second_account_use)).astype(
        np.int8
    )


def _channel(key, kind) -> np.ndarray:
    return np.where(_ONLY_IN_THE_APP[kind], 1, dice_of.pick(unit(key, 7), (0.3, 0.38, 0.32))).astype(np.int8)
