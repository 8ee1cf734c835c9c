"""What changes from month to month, for all people at once."""

from dataclasses import dataclass, fields

import numpy as np

from roundtrip.simulate import dice as dice_of
from roundtrip.simulate.dice import Dice, unit
from roundtrip.simulate.parameters import ACTIONS, REACH_CHANNELS, Parameters
from roundtrip.simulate.people import People

UNREGISTERED, PROSPECT, ACTIVE, FADING, GONE, ERASED = range(6)
PHASES = ("unregistered", "prospect", "active", "fading", "gone", "erased")
#: A month before all others: it has not happened.
LONG_AGO = np.int16(-10_000)


@dataclass
class State:
    """Arrays with one entry (or row) per person; months are indices, LONG_AGO for what never happened.

    Attributes:
        need: grows month by month; a trip is booked when it passes `threshold` (gamma, mean 1).
        fade_left: months of fading still to come.
        cause: index into CAUSES of the last decision to leave, -1 if none.
        is_reachable: consent to each marketing channel; shape (n, channels).
        wish, calm: what each action did to the wish to travel and the hazard of leaving, in force up to
            `acted_until`; `winning` is the chance it adds to staying or coming back. Shape (n, actions).
        fatigue: touches felt, halved every month.
        earned: points of the last twelve months, by month modulo 12; shape (n, 12).
        acquisition: index into ACQUISITION.  referrer: a person, -1 for none.
    """

    phase: np.ndarray
    satisfaction: np.ndarray
    need: np.ndarray
    threshold: np.ndarray
    trips: np.ndarray
    fade_left: np.ndarray
    cause: np.ndarray
    left_month: np.ndarray
    first_trip_month: np.ndarray
    last_trip_month: np.ndarray
    discounted_trips: np.ndarray
    last_complaint_month: np.ndarray
    life_event_month: np.ndarray
    dropped_line: np.ndarray
    dropped_line_month: np.ndarray
    is_reachable: np.ndarray
    wish: np.ndarray
    calm: np.ndarray
    winning: np.ndarray
    acted_until: np.ndarray
    discount_until: np.ndarray
    last_touch_month: np.ndarray
    fatigue: np.ndarray
    is_member: np.ndarray
    has_left_programme: np.ndarray
    balance: np.ndarray
    tier: np.ndarray
    earned: np.ndarray
    last_entry_month: np.ndarray
    town: np.ndarray
    acquisition: np.ndarray
    referrer: np.ndarray

    def __len__(self) -> int:
        return len(self.phase)

    def first(self, n: int) -> "State":
        """The first `n` people: views, so that what is written to them is written to this state."""
        return State(**{f.name: getattr(self, f.name)[:n] for f in fields(self)})

    def joined_by(self, newcomers: "State") -> "State":
        """This state with the newcomers' after it."""
        return State(
            **{
                f.name: np.concatenate([getattr(self, f.name), getattr(newcomers, f.name)])
                for f in fields(self)
            }
        )


def thresholds(
    p: Parameters, need_type: np.ndarray, person: np.ndarray, trip: np.ndarray, dice: Dice
) -> np.ndarray:
    """The need at which a person's trip number `trip` (0 the first) is booked: gamma of the type's shape."""
    u = dice.unit("threshold", person, trip)
    drawn = np.empty(len(person))
    for at, kind in enumerate(p.need_types.values()):
        rows = need_type == at
        drawn[rows] = dice_of.gamma(u[rows], kind.regularity)
    return np.maximum(drawn, 0.02)


def start(p: Parameters, people: People, dice: Dice, first: int = 0) -> State:
    """People number `first` and up before they register."""
    n = len(people)
    person = np.arange(first, first + n)
    begins = dice.key("start", person)
    threshold = thresholds(p, people.need_type, person, np.zeros(n, dtype=np.int64), dice)
    granted = np.array([p.consents[channel] for channel in REACH_CHANNELS])
    reach = unit(dice_of.split(begins[:, None], 100 + np.arange(len(REACH_CHANNELS))))
    months = [np.full(n, LONG_AGO, dtype=np.int16) for _ in range(8)]
    satisfied = p.service.satisfaction_start + p.service.satisfaction_spread * dice_of.normal(unit(begins, 0))
    return State(
        phase=np.full(n, UNREGISTERED, dtype=np.int8),
        satisfaction=np.clip(satisfied, 0.2, 0.95),
        need=np.where(people.comes_for_a_trip, threshold, threshold * unit(begins, 1)),
        threshold=threshold,
        trips=np.zeros(n, dtype=np.int32),
        fade_left=np.zeros(n, dtype=np.int8),
        cause=np.full(n, -1, dtype=np.int8),
        left_month=months[0],
        first_trip_month=months[1],
        last_trip_month=months[2],
        discounted_trips=np.zeros(n, dtype=np.int32),
        last_complaint_month=months[3],
        life_event_month=months[4],
        dropped_line=np.full(n, -1, dtype=np.int8),
        dropped_line_month=months[5],
        is_reachable=reach < granted,
        wish=np.ones((n, len(ACTIONS)), dtype=np.float32),
        calm=np.ones((n, len(ACTIONS)), dtype=np.float32),
        winning=np.zeros((n, len(ACTIONS)), dtype=np.float32),
        acted_until=np.full((n, len(ACTIONS)), LONG_AGO, dtype=np.int16),
        discount_until=months[6],
        last_touch_month=months[7],
        fatigue=np.zeros(n, dtype=np.float32),
        is_member=np.zeros(n, dtype=bool),
        has_left_programme=np.zeros(n, dtype=bool),
        balance=np.zeros(n),
        tier=np.zeros(n, dtype=np.int8),
        earned=np.zeros((n, 12), dtype=np.float32),
        last_entry_month=np.full(n, LONG_AGO, dtype=np.int16),
        town=people.town.copy(),
        acquisition=np.zeros(n, dtype=np.int8),
        referrer=np.full(n, -1, dtype=np.int64),
    )
