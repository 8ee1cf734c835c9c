"""From what could be done to a plan: what pays best within the limits, and what is worth trying out."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from roundtrip.rounds.chance import deal, draws
from roundtrip.rounds.settings import Retention, parameters
from roundtrip.rounds.solve import Limit, Solution, solve

_EPSILON = 1e-9


@dataclass(frozen=True)
class Choice:
    """
    Attributes:
        rows: the chosen options with is_exploration, arm and stratum; one a customer.
        is_exploration: the whole round is one, since no effect was ever measured at random.
        holdout_share: what was dealt with.
        solution: of what is exploited; prices are per unit spent.
    """

    rows: pd.DataFrame
    is_exploration: bool
    holdout_share: float
    solution: Solution


def choose(rows: pd.DataFrame, retention: Retention, round_id: str) -> Choice:
    """The plan: at most one action a customer, never over the budget or a channel's places.

    Only those treated cost money and take places, so before arms are dealt every limit counts with the share
    that will be treated; what rounding adds is taken out again afterwards, the least worth first.

    Args:
        rows: Options.rows.
    """
    is_measured = (rows["evidence"] == "randomised").to_numpy()
    is_exploration = not is_measured.any()
    share = parameters()["exploration_holdout_share"] if is_exploration else retention.holdout_share
    share = max(share, retention.holdout_share)
    explored = (
        _equal_arms(rows, retention, share, round_id)
        if is_exploration
        else _explored(rows, retention, share, round_id)
    )
    exploited, solution = _exploited(rows, explored, retention, share)
    chosen = rows[explored | exploited].assign(is_exploration=explored[explored | exploited])
    return Choice(_dealt(chosen, retention, share, round_id), is_exploration, share, solution)


def _limits(rows: pd.DataFrame, retention: Retention, share: float, budget: float) -> list[Limit]:
    """Budget and places as they bind before arms are dealt."""
    treated = 1 - share
    cost = rows["cost"].to_numpy(dtype=float)
    limits = [Limit("budget", cost * treated, budget)]
    for channel, places in sorted(retention.channel_capacity.items()):
        limits.append(Limit(channel, (rows["channel"] == channel).to_numpy() * treated, places))
    for strategy_id in sorted(rows.loc[np.isfinite(rows["per_round"]), "strategy_id"].unique()):
        is_it = (rows["strategy_id"] == strategy_id).to_numpy()
        most = rows.loc[is_it, "per_round"].iloc[0]
        limits.append(Limit(f"strategy {strategy_id}", is_it.astype(float), most))
    return limits


def _explored(rows: pd.DataFrame, retention: Retention, share: float, round_id: str) -> np.ndarray:
    """Options tried out at random, for a share of the budget: not measured yet, or perhaps worth it."""
    ceiling, worth = rows["ceiling"].to_numpy(float), rows["worth"].to_numpy(float)
    is_measured = (rows["evidence"] == "randomised").to_numpy()
    is_plausible = ~(ceiling <= 0)
    is_candidate = is_plausible & (~is_measured | (worth <= 0)) & rows["is_first"].to_numpy()
    picked = _one_each(rows, is_candidate, round_id)
    limits = _limits(rows, retention, share, retention.explore_share * retention.budget_per_round)
    return _within(rows, picked, limits)


def _equal_arms(rows: pd.DataFrame, retention: Retention, share: float, round_id: str) -> np.ndarray:
    """Options of a round that only explores: as many customers of each action as limits and need allow."""
    ceiling = rows["ceiling"].to_numpy(float)
    picked = _one_each(rows, rows["is_first"].to_numpy() & ~(ceiling <= 0), round_id)
    action = rows["action"].to_numpy()[picked]
    place = pd.Series(action).groupby(action).cumcount().to_numpy()
    most = round(parameters()["exploration_arm_size"] / min(share, 1 - share)) if share < 1 else len(picked)
    # The largest arm whose cost, over all actions, the budget allows: arms grow together.
    by_place = np.bincount(place, weights=rows["cost"].to_numpy(float)[picked] * (1 - share))
    affordable = int(np.searchsorted(np.cumsum(by_place), retention.budget_per_round + _EPSILON, "right"))
    picked = picked[place < min(most, affordable)]
    return _within(rows, picked, _limits(rows, retention, share, retention.budget_per_round))


def _one_each(rows: pd.DataFrame, is_candidate: np.ndarray, round_id: str) -> np.ndarray:
    """One candidate of each customer, drawn at random, in a random order of customers: positions."""
    at = np.flatnonzero(is_candidate)
    if not len(at):
        return at
    customer = rows["customer_id"].iloc[at]
    order = draws(customer, round_id, "explore")
    which = draws(customer + "|" + rows["action"].iloc[at], round_id, "which")
    ranked = at[np.lexsort((which, customer.to_numpy(), order))]
    is_new = np.r_[True, np.diff(pd.factorize(rows["customer_id"].iloc[ranked])[0]) != 0]
    return ranked[is_new]


def _within(rows: pd.DataFrame, picked: np.ndarray, limits: list[Limit]) -> np.ndarray:
    """As many of the first as all limits allow, as a mask over the options."""
    for limit in limits:
        picked = picked[np.cumsum(limit.uses[picked]) <= limit.available + _EPSILON]
    mask = np.zeros(len(rows), dtype=bool)
    mask[picked] = True
    return mask


def _exploited(
    rows: pd.DataFrame, explored: np.ndarray, retention: Retention, share: float
) -> tuple[np.ndarray, Solution]:
    """What is worth more than it costs, with what exploring has left of the limits."""
    limits = _limits(rows, retention, share, retention.budget_per_round)
    left = [Limit(each.name, each.uses, each.available - each.uses[explored].sum()) for each in limits]
    is_taken = rows["customer_id"].isin(rows.loc[explored, "customer_id"]).to_numpy()
    worth = rows["worth"].to_numpy(float)
    pays = (worth > 0) & ~is_taken
    at = np.flatnonzero(pays)
    customer = pd.factorize(rows["customer_id"].iloc[at])[0]
    # A second choice of channel is worth as much, and taken only where the first has no place left.
    value = worth[at] * np.where(rows["is_first"].to_numpy()[at], 1.0, 1 - 1e-6)
    found = solve(
        customer,
        value,
        [Limit(each.name, each.uses[at], each.available) for each in left],
        parameters()["solver"],
    )
    mask = np.zeros(len(rows), dtype=bool)
    mask[at[found.chosen]] = True
    return mask, found


def _dealt(chosen: pd.DataFrame, retention: Retention, share: float, round_id: str) -> pd.DataFrame:
    """With arms; where rounding has treated too many for a limit, the least worth leave the plan."""
    while True:
        dealt = deal(chosen, share, round_id)
        is_treated = (dealt["arm"] == "treatment").to_numpy()
        # Treated cost and take places in full.
        limits = _limits(chosen, retention, 0.0, retention.budget_per_round)
        over = [
            (limit, limit.uses[is_treated].sum() - limit.available)
            for limit in limits
            if not limit.name.startswith("strategy ")
        ]
        over = [(limit, excess) for limit, excess in over if excess > _EPSILON]
        if not over:
            return chosen.assign(arm=dealt["arm"], stratum=dealt["stratum"])
        limit, excess = over[0]
        worth = chosen["worth"].fillna(0).to_numpy(float)
        users = np.flatnonzero(limit.uses > 0)
        users = users[np.lexsort((users, worth[users] / limit.uses[users]))]
        enough = np.searchsorted(np.cumsum(limit.uses[users]), excess) + 1
        chosen = chosen.drop(chosen.index[users[:enough]])
