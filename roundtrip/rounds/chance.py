"""Chance that can be dealt again: numbers from a hash of the round and the customer, and the holdout."""

import math
from hashlib import md5

import numpy as np
import pandas as pd


def draws(customers: pd.Series, round_id: str, purpose: str) -> np.ndarray:
    """A number from 0 to below 1 for each customer, independent between rounds and purposes; shape (n,).

    From MD5, which gives the same on any machine and in any version (a second for a million).
    """
    salt = md5(f"{round_id}|{purpose}|".encode(), usedforsecurity=False)
    numbers = np.fromiter((_number(salt, each) for each in customers), np.uint64, len(customers))
    # 53 bits are what a double holds exactly.
    return (numbers >> np.uint64(11)).astype(float) / 2.0**53


def _number(salt, customer: str) -> int:
    digest = salt.copy()
    digest.update(customer.encode())
    return int.from_bytes(digest.digest()[:8], "big")


def deal(rows: pd.DataFrame, share: float, round_id: str) -> pd.DataFrame:
    """The arm of everybody in a plan, and the stratum it was dealt in.

    Within an action, customers are ordered by value tier, risk band and a hash, and every so-manieth is held
    out, counted from a random start (systematic sampling; Cochran 1977, Sampling Techniques, ch. 8). So
    everybody in an action has the same chance of being held out, whichever stratum they are in, and an effect
    needs no weights. A stratum too small to hold somebody out at that rate is dealt together with its
    neighbour; then every stratum has one at least.

    Args:
        rows: customer_id (unique), action, value_tier, risk_band.
        share: held out of each action at least; of an action with a single customer, with this probability.

    Returns:
        arm (treatment or control) and stratum, on the index of `rows`.
    """
    dealt = pd.DataFrame({"arm": "treatment", "stratum": ""}, index=rows.index, dtype=object)
    if rows.empty:
        return dealt
    ordered = rows[["customer_id", "action", "value_tier", "risk_band"]].assign(
        chance=draws(rows["customer_id"], round_id, "arm")
    )
    ordered = ordered.sort_values(["action", "value_tier", "risk_band", "chance", "customer_id"])
    for action, group in ordered.groupby("action", sort=True):
        count = len(group)
        start = draws(pd.Series([action]), round_id, "start")[0]
        held = math.ceil(share * count - 1e-9) if count > 1 else int(start < share)
        step = count / held if held else math.inf
        places = np.floor((np.arange(held) + start) * step).astype(int) if held else []
        dealt.loc[group.index[places], "arm"] = "control"
        dealt.loc[group.index, "stratum"] = _strata(group, action, math.ceil(step) if held else count)
    return dealt


def _strata(group: pd.DataFrame, action: str, least: int) -> np.ndarray:
    """Names of the strata of an action's customers in order; neighbours of fewer than `least` are merged."""
    cells = (group["value_tier"] + "/" + group["risk_band"]).to_numpy(dtype=object)
    starts = np.flatnonzero(np.r_[True, cells[1:] != cells[:-1]])
    sizes = np.diff(np.r_[starts, len(cells)])
    merged: list[tuple[list[str], int]] = []
    # As many cells as there are tiers and bands: a handful, whatever the number of customers.
    for name, size in zip(cells[starts], sizes, strict=True):
        if merged and merged[-1][1] < least:
            merged[-1] = ([*merged[-1][0], name], merged[-1][1] + size)
        else:
            merged.append(([name], int(size)))
    if len(merged) > 1 and merged[-1][1] < least:
        names, size = merged.pop()
        merged[-1] = (merged[-1][0] + names, merged[-1][1] + size)
    return np.repeat(
        np.array([f"{action}: {' + '.join(names)}" for names, _ in merged], dtype=object),
        [size for _, size in merged],
    )
