"""What really happened, for judging the product; no stage of the pipeline may read it."""

import numpy as np
import pandas as pd

from roundtrip.simulate import effects
from roundtrip.simulate.accounts import account_number, scramble_id
from roundtrip.simulate.codes import named
from roundtrip.simulate.dice import Dice
from roundtrip.simulate.parameters import ACTIONS, CAUSES, SERVICE_LINES
from roundtrip.simulate.people import NEVER
from roundtrip.simulate.state import ERASED, LONG_AGO, PHASES, UNREGISTERED
from roundtrip.simulate.world import Month, World

#: People whose effects are computed at once: keeps memory small and processor caches warm.
_CHUNK = 50_000


def of_month(world: World, month: Month) -> dict[str, pd.DataFrame]:
    """customer_months, turning_points and touch_effects of a month, as frames for write.write_parquet."""
    day = int(world.calendar.month_starts[month.month])
    return {
        "customer_months": _customer_months(month, day),
        "turning_points": _turning_points(month, day),
        "touch_effects": _touch_effects(month, day),
    }


def of_everybody(world: World) -> dict[str, pd.DataFrame]:
    """customers, accounts and action_effects as they stand after the last month lived."""
    return {
        "customers": _customers(world),
        "accounts": _accounts(world),
        "action_effects": _action_effects(world),
    }


def _first_account(person: np.ndarray) -> np.ndarray:
    return account_number(person, np.zeros_like(person))


def _date(day: int, n: int) -> np.ndarray:
    return np.full(n, np.datetime64(day, "D")).astype("datetime64[s]")


def _causes(codes: np.ndarray) -> pd.Categorical:
    return named(codes, CAUSES)


def _customer_months(month: Month, day: int) -> pd.DataFrame:
    """One row a person and month from registration on: the hidden state during the month.

    `hazard` is the probability of deciding to leave in the month as it stood before the draw (0 for those not
    at risk), of which hazard_<cause> are the parts; `has_decided` says how the draw fell. `cause` is that of
    the last decision to leave. `return_chance` is that of a gone customer's return at the end of the month.
    """
    who = np.flatnonzero(~np.isin(month.phase, (UNREGISTERED, ERASED)))
    decided = np.zeros(len(month.phase), dtype=bool)
    for people, event, _ in month.turns:
        if event == "decided_to_leave":
            decided[people] = True
    hazard = month.hazard[who].astype(np.float32)
    return pd.DataFrame(
        {
            "customer_id": _first_account(who),
            "month": _date(day, len(who)),
            "state": named(month.phase[who], PHASES),
            "cause": _causes(month.cause[who]),
            "satisfaction": month.satisfaction[who].astype(np.float32),
            "wish_factor": month.wish[who].astype(np.float32),
            "hazard": hazard.sum(axis=1),
            **{f"hazard_{cause}": hazard[:, at] for at, cause in enumerate(CAUSES)},
            "has_decided": decided[who],
            "return_chance": month.return_chance[who].astype(np.float32),
        }
    )


def _turning_points(month: Month, day: int) -> pd.DataFrame:
    """One row a turn in a hidden life: a life event, a dropped line, deciding, leaving, returning …"""
    events = tuple(event for _, event, _ in month.turns)
    size = [len(people) for people, _, _ in month.turns]
    causes = [np.full(len(who), -1) if cause is None else cause for who, _, cause in month.turns]
    return pd.DataFrame(
        {
            "customer_id": _first_account(np.concatenate([who for who, _, _ in month.turns])),
            "month": _date(day, sum(size)),
            "event": named(np.repeat(np.arange(len(events)), size), events),
            "cause": _causes(np.concatenate(causes)),
        }
    )


def _touch_effects(month: Month, day: int) -> pd.DataFrame:
    """One row a campaign touch: what its action truly does to this person, treated or held out."""
    found = month.effects
    return pd.DataFrame(
        {
            "touch_id": scramble_id(found["touch_id"].to_numpy()),
            "customer_id": _first_account(found["person"].to_numpy()),
            "month": _date(day, len(found)),
            "action": named(found["action"].to_numpy(), ACTIONS),
            "arm": named(np.where(found["is_treated"], 0, 1), ["treatment", "control"]),
            "effect_on_return": found["effect_on_return"].to_numpy().astype(np.float32),
            "effect_on_value": found["effect_on_value"].to_numpy().round(2),
        }
    )


def _customers(world: World) -> pd.DataFrame:
    """One row a person. left_on and cause are empty for those who are here after the last month."""
    p, calendar = world.p, world.calendar
    who = np.flatnonzero(world.state.phase != UNREGISTERED)
    people, state = effects.pick_people(world.people, world.state, who)
    has_left = state.left_month != LONG_AGO

    def first_of(month: np.ndarray) -> np.ndarray:
        known = (month != LONG_AGO) & (month != NEVER)
        days = (
            calendar.month_starts[np.where(known, month, 0)].astype("datetime64[D]").astype("datetime64[s]")
        )
        days[~known] = np.datetime64("NaT")
        return days

    return pd.DataFrame(
        {
            "customer_id": _first_account(who),
            "need_type": named(people.need_type, list(p.need_types)),
            "is_one_off": people.is_one_off,
            "trips_per_year": people.trips_per_year,
            "price_sensitivity": people.price_sensitivity,
            "expectation": people.expectation,
            "state": named(state.phase, PHASES),
            "satisfaction": state.satisfaction.astype(np.float32),
            "cause": _causes(np.where(has_left, state.cause, -1)),
            "left_on": first_of(state.left_month),
            "life_event_on": first_of(state.life_event_month),
            "dropped_line": named(state.dropped_line, SERVICE_LINES),
            "dropped_line_on": first_of(state.dropped_line_month),
        }
    )


def _accounts(world: World) -> pd.DataFrame:
    """One row an account: whose it is, named by that person's first account."""
    first = np.flatnonzero(world.state.phase != UNREGISTERED)
    second = np.flatnonzero((world.people.second_month < world.lived) & (world.state.phase != UNREGISTERED))
    return pd.DataFrame(
        {
            "customer_id": np.concatenate(
                [_first_account(first), account_number(second, np.ones_like(second))]
            ),
            "person": _first_account(np.concatenate([first, second])),
        }
    )


def _action_effects(world: World) -> pd.DataFrame:
    """One row a person and action: what it would do at the start of the next month."""
    everybody = np.flatnonzero(~np.isin(world.state.phase, (UNREGISTERED, ERASED)))
    actions, parts = list(range(len(ACTIONS))), []
    for at in range(0, len(everybody), _CHUNK):
        who = everybody[at : at + _CHUNK]
        found = effects.true_effects(
            world.p,
            world.lived,
            who,
            actions,
            world.people,
            world.state,
            world.calendar,
            world.market,
            Dice(world.seed),
        )
        parts.append(
            pd.DataFrame(
                {
                    "customer_id": np.tile(_first_account(who), len(actions)),
                    "action": np.repeat(np.arange(len(actions), dtype=np.int8), len(who)),
                    "effect_on_return": np.concatenate([found[a].returns for a in actions]).astype(
                        np.float32
                    ),
                    "effect_on_value": np.concatenate([found[a].value for a in actions])
                    .round(2)
                    .astype(np.float32),
                }
            )
        )
    found = pd.concat(parts, ignore_index=True)
    return found.assign(action=named(found["action"], ACTIONS))
