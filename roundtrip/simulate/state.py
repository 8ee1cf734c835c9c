"""What changes from month to month, for all customers at once."""

from dataclasses import dataclass

import numpy as np

from roundtrip.simulate import parameters as p
from roundtrip.simulate.people import People
from roundtrip.simulate.randomness import Streams

UNREGISTERED, PROSPECT, ACTIVE, FADING, GONE = range(5)
PHASES = ("unregistered", "prospect", "active", "fading", "gone")
#: Marketing channels a customer can be reached by, in the order of `State.is_reachable`.
REACH_CHANNELS = ("email", "sms", "push", "phone", "wechat")
NEVER = -10_000


@dataclass
class State:
    """Arrays with one entry (or row) per customer.

    Attributes:
        need: grows month by month; a trip is booked when it passes `threshold` (gamma, mean 1).
        fade_left: months of fading still to come.
        cause: index into parameters.CAUSES of the last decision to leave, -1 if none.
        left_on: epoch day, NEVER while the customer is here.
        is_reachable: consent to each marketing channel; shape (n, channels).
        boost, boost_until: what a campaign does to the wish to travel, up to that month.
        discount_until: a campaign's discount holds up to that month.
    """

    phase: np.ndarray
    satisfaction: np.ndarray
    need: np.ndarray
    threshold: np.ndarray
    fade_left: np.ndarray
    cause: np.ndarray
    left_on: np.ndarray
    trips: np.ndarray
    last_trip_month: np.ndarray
    last_complaint_month: np.ndarray
    is_reachable: np.ndarray
    line_weights: np.ndarray
    boost: np.ndarray
    boost_until: np.ndarray
    discount_until: np.ndarray
    dropped_line: np.ndarray
    dropped_line_month: np.ndarray


def start(people: People, streams: Streams) -> State:
    """Everybody before the first month."""
    rng, n = streams["start"], len(people.customer_id)
    threshold = rng.gamma(people.regularity, 1 / people.regularity)
    granted = np.array([p.CONSENTS[channel] for channel in REACH_CHANNELS])
    return State(
        phase=np.full(n, UNREGISTERED, dtype=np.int8),
        satisfaction=np.clip(rng.normal(*p.SATISFACTION_START, n), 0.2, 0.95),
        need=np.where(people.comes_for_a_trip, threshold, threshold * rng.random(n)),
        threshold=threshold,
        fade_left=np.zeros(n, dtype=int),
        cause=np.full(n, -1, dtype=np.int8),
        left_on=np.full(n, NEVER, dtype=np.int64),
        trips=np.zeros(n, dtype=int),
        last_trip_month=np.full(n, NEVER),
        last_complaint_month=np.full(n, NEVER),
        is_reachable=rng.random((n, len(REACH_CHANNELS))) < granted,
        line_weights=people.line_weights.copy(),
        boost=np.ones(n),
        boost_until=np.full(n, NEVER),
        discount_until=np.full(n, NEVER),
        dropped_line=np.full(n, -1, dtype=np.int8),
        dropped_line_month=np.full(n, NEVER),
    )
