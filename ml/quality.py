"""All beyond the common metrics that is asked of a chosen candidate; one dictionary for run and card."""

import numpy as np
import pandas as pd

from ml.backtest import backtest
from ml.decay import measure_decay
from ml.early_warning import measure_early_warning
from ml.evaluate import Scored, calibration_curve
from ml.fairness import judge_fairness
from ml.frame import Frame, open_published
from ml.groups import evaluate_groups, read_groups
from ml.profit import Costs, expected_max_profit
from roundtrip.home import Home

#: Where the gains curve is stored: shares of customers called.
_GAINS_AT = np.round(np.linspace(0, 1, 41), 3)


def in_depth(
    home: Home, frame: Frame, test: pd.DataFrame, probabilities: dict, chosen: str, parameters: dict
) -> dict:
    """Groups, fairness, curves, profit, decay and early warning of the chosen model, beside the rule's.

    Args:
        test: the frame's test rows.
        probabilities: model → shape (len(test),), with `chosen` and `rule`.

    Returns:
        `groups` (ml.groups.evaluate_groups), `fairness` (ml.fairness.judge_fairness), `calibration_curve`
        (model → ml.evaluate.calibration_curve), `gains` (model → pairs of share called, share of churners
        reached), `profit` (costs, and what calling everybody or nobody would earn), `decay`
        (ml.decay.measure_decay), `early_warning` (ml.early_warning.measure_early_warning).
    """
    both = {name: probabilities[name] for name in dict.fromkeys((chosen, "rule"))}
    groups = read_groups(home, test, parameters)
    past = backtest(frame, chosen, parameters)
    scored = {name: Scored(values, test["label"]) for name, values in both.items()}
    return {
        "groups": evaluate_groups(groups, both, test, parameters),
        "fairness": judge_fairness(groups, probabilities[chosen], test, parameters),
        "calibration_curve": {
            name: calibration_curve(each, test["customer_id"], parameters) for name, each in scored.items()
        },
        "gains": {name: _gains(each) for name, each in scored.items()},
        "profit": _profit(home, test, parameters),
        "decay": measure_decay(past, parameters),
        "early_warning": measure_early_warning(home, past, parameters),
    }


def _gains(scored: Scored) -> list[list[float]]:
    everyone, churned = scored.cumulative(np.ones(len(scored.label)))
    reached = np.interp(_GAINS_AT, everyone / everyone[-1], churned / churned[-1])
    return [[float(share), float(found)] for share, found in zip(_GAINS_AT, reached, strict=True)]


def _profit(home: Home, test: pd.DataFrame, parameters: dict) -> dict:
    """The costs as shares of a customer's value, that value, and the profit without any ranking.

    The value is the company's own word (company.yml), else what the test customers spent in the year before:
    known by then, and None without prices.
    """
    costs = Costs.of(parameters)
    value, source = costs.customer_value, "company"
    if value is None and "value_12m" in test and test["value_12m"].notna().any():
        value, source = float(test["value_12m"].mean()), "value_12m"
    with open_published(home) as connection:
        (currency,) = connection.execute("SELECT reporting_currency FROM marts.warehouse_info").fetchone()
    alike = np.full(len(test), 0.5)
    return {
        "offer_share": costs.offer,
        "contact_share": costs.contact,
        "accepted_share": costs.alpha / (costs.alpha + costs.beta),
        "customer_value": value,
        "customer_value_from": source if value is not None else None,
        "currency": currency,
        "without_a_ranking": expected_max_profit(alike, test["label"].to_numpy(float), costs),
    }
