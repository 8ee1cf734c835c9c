"""How many days before a loss the model warns, and how many the best inactivity rule, at equal false alarms.

- A **loss** is a month end at which a customer becomes `lost` (marts.fct_churn, severity severe).
- An **alarm** of a month goes to every customer whose risk lies above that month's threshold: the lowest at
  which at most `false_alarm_share` of the month's loyal customers are alarmed about. **Loyal** is who did
  book again within the own horizon. The threshold is set in hindsight, for the model and for every rule
  alike: a comparison at equal cost, not a forecast.
- A **warning** of a loss is an alarm in the silence that led to it (after the last booking) and within
  `lookback_months`. The **lead** is from the first one to the loss; a loss without a warning has lead 0.
- The model of a month is one whose outcomes were all known by then (backtest.py).

The best rule is the one with the longest mean lead on these very losses, which favours the rules.
"""

import numpy as np
import pandas as pd

from ml.backtest import Backtest
from ml.bootstrap import blocks_of_draws, with_interval
from ml.frame import open_published
from ml.rule import RULES, signal
from roundtrip.home import Home

#: The model's name among the rankings; the others are the rules (ml.rule.RULES).
MODEL, FIRST_RULE = "model", next(iter(RULES))
#: Points of the curve "warned at least so many days before".
CURVE_STEP_DAYS = 14


def measure_early_warning(home: Home, backtest: Backtest | None, parameters: dict) -> dict:
    """Lead days of the model and of the rules over the newest losses whose outcomes are known.

    Returns:
        `status` measured | not_measured; not measured: `why` (short_history, no_loss_table, no_rhythm,
        few_losses) and, for the last, `losses`. Measured: losses, losses_from, losses_to, lookback_months,
        false_alarm_share, useful_lead_days, loyal_rows, refits, one_customer_in, best_rule, `rankings` (model
        and each rule that can raise so few alarms → mean_lead_days, warned_share, useful_share, and
        median_lead_days where any was warned about: value, low, high each; and false_alarm_share as it came
        out), `difference` (mean lead of the model minus the best rule's; value, low, high) and `curve` (days
        and the shares of losses warned about at least that long before: model, rule).
    """
    rules = parameters["evaluation"]["early_warning"]
    if backtest is None:
        return {"status": "not_measured", "why": "short_history"}
    rows = backtest.rows
    if "days_since_last_booking" not in rows:
        return {"status": "not_measured", "why": "no_rhythm"}
    months = sorted(rows["as_of_date"].unique())
    losses = read_losses(home, months[-rules["loss_months"]], months[-1])
    if losses is None:
        return {"status": "not_measured", "why": "no_loss_table"}
    lookback = min(rules["lookback_months"], len(months) - rules["loss_months"])
    silent = silences(rows, losses, lookback)
    count = silent["loss"].nunique()
    if count < rules["min_losses"]:
        return {"status": "not_measured", "why": "few_losses", "losses": int(count)}
    values = {MODEL: backtest.newest_log_odds}
    values |= {name: signal(name, rows) for name, rule in RULES.items() if set(rule.columns) <= set(rows)}
    leads = _Leads(rows, silent, values, rules["false_alarm_share"])
    found = _measured(leads, parameters)
    return {
        "status": "measured",
        "losses": int(count),
        "losses_from": f"{months[-rules['loss_months']]:%Y-%m-%d}",
        "losses_to": f"{months[-1]:%Y-%m-%d}",
        "lookback_months": lookback,
        "loyal_rows": int((rows["label"] == 0).sum()),
        "refits": [f"{each:%Y-%m-%d}" for each in backtest.origins],
        "one_customer_in": backtest.one_customer_in,
        **found,
    }


def read_losses(home: Home, first: pd.Timestamp, last: pd.Timestamp) -> pd.DataFrame | None:
    """customer_id, lost_on (month ends from `first` to `last`); None where the table is not published."""
    with open_published(home) as connection:
        (there,) = connection.execute(
            "SELECT count(*) FROM information_schema.tables "
            "WHERE table_schema = 'marts' AND table_name = 'fct_churn'"
        ).fetchone()
        if not there:
            return None
        found = connection.execute(
            """SELECT customer_id, churned_on AS lost_on FROM marts.fct_churn
               WHERE severity = 'severe' AND churned_on BETWEEN $first AND $last ORDER BY ALL""",
            {"first": first.date(), "last": last.date()},
        ).df()
    found["lost_on"] = pd.to_datetime(found["lost_on"])
    return found


def silences(rows: pd.DataFrame, losses: pd.DataFrame, lookback_months: int) -> pd.DataFrame:
    """The customer-months in which a warning would belong to a loss.

    Returns:
        loss (number), place (of the row in `rows`), lead_days (from the row's date to the loss); sorted by
        loss. Only rows before the loss, within the lookback, after the last booking before it.
    """
    known = pd.DataFrame(
        {
            "customer_id": rows["customer_id"].to_numpy(),
            "as_of_date": rows["as_of_date"].to_numpy(),
            "place": np.arange(len(rows)),
        }
    )
    since = pd.to_timedelta(rows["days_since_last_booking"].to_numpy(), unit="D")
    known["booked_on"] = known["as_of_date"] - since
    met = losses.assign(loss=np.arange(len(losses))).merge(known, on="customer_id")
    earliest = met["lost_on"] - pd.offsets.MonthEnd(lookback_months)
    met = met[(met["as_of_date"] < met["lost_on"]) & (met["as_of_date"] >= earliest)]
    met = met[met["booked_on"] == met.groupby("loss")["booked_on"].transform("max")]
    met = met.assign(lead_days=(met["lost_on"] - met["as_of_date"]).dt.days)
    return met.sort_values(["loss", "as_of_date"])[["loss", "place", "lead_days"]].reset_index(drop=True)


class _Leads:
    """Thresholds and leads of every ranking, for any number of draws of the customers."""

    def __init__(self, rows: pd.DataFrame, silent: pd.DataFrame, values: dict, false_alarm_share: float):
        self.share = false_alarm_share
        self.customer, names = pd.factorize(rows["customer_id"])
        self.customers = len(names)
        self.month, months = pd.factorize(rows["as_of_date"], sort=True)
        loyal = rows["label"].to_numpy() == 0
        self.loyal_of_month = [np.flatnonzero(loyal & (self.month == m)) for m in range(len(months))]
        self.values = values
        place = silent["place"].to_numpy()
        self.silent_place, self.silent_month = place, self.month[place]
        self.lead_days = silent["lead_days"].to_numpy(float)
        self.starts = np.flatnonzero(np.append(True, np.diff(silent["loss"].to_numpy()) > 0))
        self.loss_customer = self.customer[place[self.starts]]

    def of(self, name: str, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Lead days of each loss and the false alarms' share, shapes (draws, losses) and (draws,)."""
        values = self.values[name]
        thresholds = np.full((len(times), len(self.loyal_of_month)), np.inf)
        false, loyal = np.zeros(len(times)), np.zeros(len(times))
        for month, places in enumerate(self.loyal_of_month):
            if len(places) == 0:
                continue
            order = places[np.argsort(-values[places], kind="stable")]
            falling = values[order]
            seen = np.cumsum(times[:, self.customer[order]], axis=1)
            # A tie is alarmed about as a whole or not at all.
            ends = np.append(falling[1:] != falling[:-1], True)
            allowed = (seen <= self.share * seen[:, -1:]) & ends & np.isfinite(falling)
            last = allowed.shape[1] - 1 - np.argmax(allowed[:, ::-1], axis=1)
            is_any = allowed.any(axis=1)
            thresholds[is_any, month] = falling[last[is_any]]
            false += np.where(is_any, np.take_along_axis(seen, last[:, None], axis=1)[:, 0], 0)
            loyal += seen[:, -1]
        alarmed = values[self.silent_place] >= thresholds[:, self.silent_month]
        leads = np.maximum.reduceat(alarmed * self.lead_days, self.starts, axis=1)
        return leads, false / loyal


def _measured(leads: _Leads, parameters: dict) -> dict:
    rules = parameters["evaluation"]["early_warning"]
    once = np.ones((1, leads.customers))
    points = {name: leads.of(name, once) for name in leads.values}
    # A rule whose highest tie is too large can never alarm; overdue_ratio has no such ties.
    points = {name: found for name, found in points.items() if found[0].any() or name in (MODEL, FIRST_RULE)}
    rule_names = [name for name in points if name != MODEL]
    best_rule = max(rule_names, key=lambda name: float(points[name][0].mean()))
    draws = {name: [] for name in points}
    replicates = parameters["evaluation"]["group_replicates"]
    for times in blocks_of_draws(leads.customers, replicates, parameters["seed"]):
        weight = times[:, leads.loss_customer]
        usable = weight.sum(axis=1) > 0
        for name in points:
            drawn, _ = leads.of(name, times[usable])
            draws[name].append(_summary(drawn, weight[usable], rules["useful_lead_days"]))
    joined = {
        name: {key: np.concatenate([each[key] for each in parts]) for key in parts[0]}
        for name, parts in draws.items()
    }
    rankings = {}
    for name, (lead, false) in points.items():
        point = _summary(lead, np.ones_like(lead), rules["useful_lead_days"])
        rankings[name] = {
            key: with_interval(point[key][0], joined[name][key])
            for key in point
            if np.isfinite(point[key][0])
        }
        rankings[name]["false_alarm_share"] = float(false[0])
    mean = {name: each["mean_lead_days"] for name, each in joined.items()}
    gap = rankings[MODEL]["mean_lead_days"]["value"] - rankings[best_rule]["mean_lead_days"]["value"]
    longest = int(leads.lead_days.max())
    return {
        "false_alarm_share": rules["false_alarm_share"],
        "useful_lead_days": rules["useful_lead_days"],
        "best_rule": best_rule,
        "rankings": rankings,
        "difference": with_interval(gap, mean[MODEL] - mean[best_rule]),
        "curve": [
            {
                "days": days,
                "model": float((points[MODEL][0] >= days).mean()),
                "rule": float((points[best_rule][0] >= days).mean()),
            }
            for days in range(CURVE_STEP_DAYS, longest + CURVE_STEP_DAYS, CURVE_STEP_DAYS)
        ],
    }


def _summary(leads: np.ndarray, weight: np.ndarray, useful_days: int) -> dict[str, np.ndarray]:
    """By draw: mean lead, shares warned and warned in useful time, median lead of the warned (nan: none)."""
    total = weight.sum(axis=1)
    return {
        "mean_lead_days": (leads * weight).sum(axis=1) / total,
        "warned_share": ((leads > 0) * weight).sum(axis=1) / total,
        "useful_share": ((leads >= useful_days) * weight).sum(axis=1) / total,
        "median_lead_days": np.array([_median_of_warned(*pair) for pair in zip(leads, weight, strict=True)]),
    }


def _median_of_warned(leads: np.ndarray, weight: np.ndarray) -> float:
    repeated = np.repeat(leads[leads > 0], weight[leads > 0].astype(int))
    return float(np.median(repeated)) if len(repeated) else float("nan")
