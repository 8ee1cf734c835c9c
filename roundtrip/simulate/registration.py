"""Who registers, moves house or opens a second account, what they consent to, and what the company files."""

import numpy as np
import pandas as pd

from roundtrip.simulate import dice as dice_of
from roundtrip.simulate.accounts import account_number
from roundtrip.simulate.codes import named
from roundtrip.simulate.dice import Dice, unit
from roundtrip.simulate.holidays import Calendar
from roundtrip.simulate.paper import on_file
from roundtrip.simulate.parameters import REACH_CHANNELS, Parameters
from roundtrip.simulate.people import NEVER, People
from roundtrip.simulate.places import HOME_TOWNS
from roundtrip.simulate.state import ACTIVE, PROSPECT, UNREGISTERED, State

#: Earlier customers whom a newcomer may have heard of the company from.
_ACQUAINTANCES = 6


def register(p: Parameters, month: int, people: People, state: State, dice: Dice) -> np.ndarray:
    """Newcomers of the month become prospects; a referral comes from somebody satisfied. Returns who."""
    who = np.flatnonzero((people.registered_month == month) & (state.phase == UNREGISTERED))
    key = dice.key("registration", who)
    channels = list(p.arrivals.acquisition)
    channel = dice_of.pick(unit(key, 0), list(p.arrivals.acquisition.values()))
    earlier = int(who[0]) if len(who) else 0
    known = (unit(dice_of.split(key[:, None], np.arange(_ACQUAINTANCES))) * earlier).astype(np.int64)
    recommends = (state.satisfaction[known] >= p.arrivals.refers_from_satisfaction) & (
        state.phase[known] == ACTIVE
    )
    referrer = np.where(recommends.any(axis=1), known[np.arange(len(who)), recommends.argmax(axis=1)], -1)
    is_referral = channel == channels.index("referral")
    state.referrer[who] = np.where(is_referral, referrer, -1)
    state.acquisition[who] = np.where(is_referral & (referrer < 0), channels.index("direct"), channel)
    state.phase[who] = PROSPECT
    return who


def open_second_accounts(month: int, people: People, state: State) -> np.ndarray:
    """People who open a second account this month; those who have left do not."""
    who = np.flatnonzero(people.second_month == month)
    is_here = np.isin(state.phase[who], (PROSPECT, ACTIVE))
    people.second_month[who[~is_here]] = NEVER
    return who[is_here]


def move_house(p: Parameters, month: int, people: People, state: State, dice: Dice) -> np.ndarray:
    """Some move to another town of their country; returns who."""
    key = dice.key("moves", month, np.arange(len(state)))
    who = np.flatnonzero((unit(key, 0) < p.people.moves_house) & np.isin(state.phase, (PROSPECT, ACTIVE)))
    country = np.array([town[1] for town in HOME_TOWNS], dtype=object)
    size = np.array([town[3] for town in HOME_TOWNS], dtype=float)
    same = country[state.town[who]][:, None] == country[None, :]
    moved_to = dice_of.pick_per_row(unit(key[who], 1), np.where(same, size, 0.0))
    changes = moved_to != state.town[who]
    state.town[who] = moved_to
    return who[changes & (people.registered_month[who] < month)]


def customer_rows(
    p: Parameters, people: People, state: State, who: np.ndarray, copy: np.ndarray,
    registered_at: np.ndarray, updated_at: np.ndarray, dice: Dice,
) -> pd.DataFrame:  # fmt: skip
    """The contract's `customers` for accounts (person, copy)."""
    paper = on_file(dice, who, copy, state.town[who], people.birth_year[who], people.speaks_chinese[who])
    referrer = state.referrer[who]
    referred_by = np.where(
        referrer >= 0, account_number(np.maximum(referrer, 0), np.zeros_like(referrer)), -1
    )
    return pd.DataFrame(
        {
            "customer_id": account_number(who, copy),
            "registered_at": registered_at,
            "updated_at": updated_at,
            **{name: paper[name] for name in ("birth_year", "gender", "country", "city", "language")},
            "acquisition_channel": named(state.acquisition[who], list(p.arrivals.acquisition)),
            "referred_by": referred_by,
            **{name: paper[name] for name in ("email", "phone", "full_name")},
        }
    )


def second_registered_at(who: np.ndarray, month: np.ndarray, calendar: Calendar, dice: Dice) -> np.ndarray:
    """Epoch seconds at which people opened their second account, early in its month."""
    starts = calendar.month_starts[month] * 86_400
    return starts + (dice.unit("second account", who) * 20 * 86_400).astype(np.int64)


def consents_at_start(
    p: Parameters, who: np.ndarray, copy: np.ndarray, at: np.ndarray, state: State, dice: Dice
) -> pd.DataFrame:
    """The contract's `consents` of accounts at their registration: one row a purpose."""
    purposes = list(p.consents)
    key = dice.key("consent", who)
    granted = unit(dice_of.split(key[:, None], np.arange(len(purposes)))) < np.array(
        list(p.consents.values())
    )
    for index, channel in enumerate(REACH_CHANNELS):
        granted[:, purposes.index(channel)] = state.is_reachable[who, index]
    n = len(who)
    return pd.DataFrame(
        {
            "customer_id": np.repeat(account_number(who, copy), len(purposes)),
            "purpose": named(np.tile(np.arange(len(purposes)), n), purposes),
            "status": named(np.where(granted.ravel(), 0, 1), ["granted", "withdrawn"]),
            "changed_at": np.repeat(at + 30, len(purposes)),
        }
    )


def consents_taken_back(p: Parameters, who: np.ndarray, moment: np.ndarray) -> pd.DataFrame:
    """The contract's `consents` of people who take back their consent to e-mail."""
    purposes = list(p.consents)
    return pd.DataFrame(
        {
            "customer_id": account_number(who, np.zeros_like(who)),
            "purpose": named(np.full(len(who), purposes.index("email")), purposes),
            "status": named(np.ones(len(who), dtype=int), ["granted", "withdrawn"]),
            "changed_at": moment,
        }
    )
