"""What customers agreed to, what they took back, and who asked to be forgotten."""

import numpy as np
import pandas as pd

from roundtrip.simulate import parameters as p
from roundtrip.simulate.holidays import Calendar
from roundtrip.simulate.people import People
from roundtrip.simulate.randomness import Streams
from roundtrip.simulate.state import GONE, REACH_CHANNELS


def consents(
    people: People,
    reachable_at_start: np.ndarray,
    unsubscribed: tuple[np.ndarray, np.ndarray],
    streams: Streams,
) -> pd.DataFrame:
    """The contract's `consents`: one row a purpose at registration, one more when e-mail is taken back."""
    rng, n = streams["consents"], len(people.customer_id)
    granted = rng.random((n, len(p.CONSENTS))) < np.array(list(p.CONSENTS.values()))
    purposes = list(p.CONSENTS)
    for at, channel in enumerate(REACH_CHANNELS):
        granted[:, purposes.index(channel)] = reachable_at_start[:, at]
    at_start = pd.DataFrame(
        {
            "customer_id": np.repeat(people.customer_id, len(purposes)),
            "purpose": np.tile(np.array(purposes, dtype=object), n),
            "status": np.where(granted.ravel(), "granted", "withdrawn"),
            "changed_at": np.repeat(people.registered_at + 30, len(purposes)),
        }
    )
    who, moment = unsubscribed
    taken_back = pd.DataFrame(
        {
            "customer_id": people.customer_id[who],
            "purpose": "email",
            "status": "withdrawn",
            "changed_at": moment,
        }
    )
    found = pd.concat([at_start, taken_back], ignore_index=True)
    return found.sort_values(["changed_at", "customer_id", "purpose"], kind="stable", ignore_index=True)


def erasure_requests(
    people: People, phase: np.ndarray, left_on: np.ndarray, calendar: Calendar, streams: Streams
) -> pd.DataFrame:
    """The contract's `erasure_requests` without ids: a few of those who left and did not return."""
    rng, n = streams["erasure"], len(people.customer_id)
    draw, moment = rng.random(n), rng.random(n)
    who = np.flatnonzero((phase[-1] == GONE) & (draw < p.ASKS_FOR_ERASURE))
    first = left_on[who] * 86_400
    asked_at = first + (moment[who] * (calendar.ends_at - 1 - first)).astype(np.int64)
    order = np.argsort(asked_at, kind="stable")
    return pd.DataFrame({"customer_id": people.customer_id[who[order]], "requested_at": asked_at[order]})


def forget(table: pd.DataFrame, occurred: str, requests: pd.DataFrame) -> pd.DataFrame:
    """Without the rows that would have come after a customer asked to be erased."""
    if "customer_id" not in table or requests.empty:
        return table
    asked_at = table["customer_id"].map(requests.set_index("customer_id")["requested_at"])
    return table[~(table[occurred] > asked_at)].reset_index(drop=True)
