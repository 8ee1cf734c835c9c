"""From an interventions file to what the world carries out in its next month."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd

from roundtrip.errors import BadInput
from roundtrip.simulate.accounts import account_number, customer_id, person_of
from roundtrip.simulate.interventions import read_interventions
from roundtrip.simulate.parameters import ACTIONS
from roundtrip.simulate.state import ERASED, UNREGISTERED
from roundtrip.simulate.world import World


def no_orders() -> pd.DataFrame:
    """Nothing is done to anybody."""
    columns = ("person", "copy", "action", "is_treated", "channel", "campaign_id")
    return pd.DataFrame({name: np.zeros(0, dtype=int) for name in columns})


def read_orders(world: World, landing: Path, interventions: Path | None) -> pd.DataFrame:
    """What to do to whom, by person: the columns of `no_orders`.

    Raises:
        BadInput: see read_interventions; or a campaign has run before with another action, or a customer has
            asked to be forgotten.
    """
    if interventions is None:
        return no_orders()
    registered = np.flatnonzero(world.state.phase != UNREGISTERED)
    second = np.flatnonzero(world.people.second_month < world.lived)
    known = np.concatenate(
        [account_number(registered, np.zeros_like(registered)), account_number(second, np.ones_like(second))]
    )
    orders = read_interventions(interventions, np.sort(known))
    _refuse_other_campaigns(orders, landing, interventions)
    _refuse_forgotten(orders, world, interventions)
    person, copy = person_of(orders.pop("account").to_numpy())
    orders.insert(0, "person", person)
    orders.insert(1, "copy", copy)
    return orders.sort_values(["person", "action", "copy"], kind="stable", ignore_index=True)


def _refuse_forgotten(orders: pd.DataFrame, world: World, interventions: Path) -> None:
    account = orders["account"].to_numpy()
    forgotten = np.unique(account[world.state.phase[person_of(account)[0]] == ERASED])
    if len(forgotten):
        shown = ", ".join(customer_id(forgotten[:5])) + (" …" if len(forgotten) > 5 else "")
        raise BadInput(
            f"{interventions}: {len(forgotten)} customers have asked to be forgotten: {shown}",
            "leave out whoever is in erasure_requests",
        )


def _refuse_other_campaigns(orders: pd.DataFrame, landing: Path, interventions: Path) -> None:
    ran = {}
    for file in sorted((landing / "campaigns").glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as rows:
            ran |= {row["campaign_id"]: row["action"] for row in csv.DictReader(rows)}
    asked = orders[["campaign_id", "action"]].dropna().drop_duplicates()
    for campaign_id, action in asked.itertuples(index=False):
        if ran.get(campaign_id, ACTIONS[action]) != ACTIONS[action]:
            raise BadInput(
                f"{interventions}: campaign {campaign_id} asks for {ACTIONS[action]}, "
                f"but it has run before with {ran[campaign_id]}",
                "give the new campaign an id of its own",
            )
