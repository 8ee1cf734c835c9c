"""The two tables of a measurement: effects by campaign, action, segment and overall, and the checks."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from roundtrip.measure.assignments import Assignments
from roundtrip.measure.checks import Check, check_campaign, house_shares
from roundtrip.measure.estimate import Effect, Sample, effect_of, usable_strata, weights_of
from roundtrip.measure.later import later_blips
from roundtrip.measure.looks import benjamini_hochberg, is_crossed, levels
from roundtrip.measure.outcomes import SEGMENT_KINDS, outcomes_of
from roundtrip.measure.power import detectable
from roundtrip.measure.settings import parameters
from roundtrip.measure.words import reason, told
from roundtrip.verdicts import HARMS, HELPS, OPEN

EFFECTS = {
    **dict.fromkeys(("campaign_id", "action", "segment_kind", "segment", "outcome"), "string"),
    "window_days": "integer",
    **dict.fromkeys(("effect", "se", "ci_low", "ci_high", "p_value", "effect_unadjusted"), "double"),
    **dict.fromkeys(("unadjusted_low", "unadjusted_high", "mean_control"), "double"),
    **dict.fromkeys(("n_treatment", "n_control"), "integer"),
    **dict.fromkeys(("minimum_detectable_effect", "cost", "net_value", "net_value_low"), "double"),
    **dict.fromkeys(("net_value_high", "return_on_spend", "return_on_spend_low"), "double"),
    "return_on_spend_high": "double",
    **dict.fromkeys(("is_significant_sequential", "is_significant_fdr"), "boolean"),
    "tests_in_family": "integer",
    "verdict": "string",
    "is_randomised_plausible": "boolean",
    **dict.fromkeys(("not_told_en", "not_told_zh"), "string"),
    "measured_on": "date",
}
CHECKS = {
    **dict.fromkeys(("campaign_id", "check"), "string"),
    "p_value": "double",
    "passed": "boolean",
    **dict.fromkeys(("told_en", "told_zh"), "string"),
    "measured_on": "date",
}
#: campaign_id of what is pooled over our own rounds; `all` is pooled over all campaigns, those included.
ROUNDS = "rounds"


@dataclass(frozen=True)
class Scope:
    """Whose effect is told: a campaign, our rounds or everybody, an action of these, or a segment of all."""

    campaign_id: str
    action: str
    segment_kind: str
    segment: str
    which: np.ndarray


def sample_of(rows: pd.DataFrame) -> Sample:
    """Codes and covariates of assignments: unknown values at the mean, the outermost hundredths drawn in."""
    x = rows[list(parameters()["covariates"])].astype(float)
    x = x.clip(x.quantile(0.01), x.quantile(0.99), axis=1)
    x = ((x - x.mean()) / x.std().replace(0, 1)).fillna(0.0)
    return Sample(
        pd.factorize(rows["stratum"])[0],
        pd.factorize(rows["customer_id"])[0],
        rows["is_treated"].to_numpy(bool),
        x.to_numpy(),
    )


def check_all(rows: pd.DataFrame, sample: Sample) -> list[Check]:
    """Every check of every campaign, in the order of the campaigns' first assignment."""
    chosen = parameters()
    shares = house_shares(rows, chosen["min_campaigns_for_house_share"], chosen["check_alpha"])
    found: list[Check] = []
    for campaign_id, at in rows.groupby("campaign_id", sort=False).indices.items():
        found += check_campaign(campaign_id, rows.iloc[at], sample.only(at), shares.get(campaign_id), chosen)
    return found


def implausible(checks: list[Check]) -> set[str]:
    """Campaigns whose arms cannot be compared."""
    return {c.campaign_id for c in checks if c.passed is False and c.kind != "answers"}


def effects_table(found: Assignments, sample: Sample, checks: list[Check], as_of: date) -> pd.DataFrame:
    """All effects, and why those that are missing are; EFFECTS' columns."""
    rows = found.rows
    odd = implausible(checks)
    is_random = ~rows["campaign_id"].isin(odd).to_numpy()
    table = []
    for outcome in outcomes_of(rows):
        for days in parameters()["windows_days"]:
            table += _of_window(found, sample, is_random, outcome, days)
    effects = pd.DataFrame(table, columns=[n for n in EFFECTS if n != "measured_on"])
    _judge_looks(effects)
    _judge_segments(effects)
    effects["verdict"] = _verdicts(effects)
    return effects.assign(measured_on=as_of)


def checks_table(checks: list[Check], as_of: date) -> pd.DataFrame:
    """CHECKS' columns."""
    rows = [(c.campaign_id, c.kind, c.p_value, c.passed, told(c, "en"), told(c, "zh"), as_of) for c in checks]
    return pd.DataFrame(rows, columns=list(CHECKS))


def scopes(rows: pd.DataFrame, is_random: np.ndarray, with_segments: bool) -> Iterator[Scope]:
    """Campaigns alone, whatever their checks say; pooled ones only of campaigns that pass."""
    everybody = np.ones(len(rows), bool)
    campaign, action = rows["campaign_id"].to_numpy(), rows["action"].to_numpy()
    for name in pd.unique(campaign):
        which = campaign == name
        yield Scope(name, action[which][0], "all", "all", which)
    own = is_random & rows["is_own"].to_numpy(bool)
    for name in ("all", *sorted(set(action[own]))) if own.any() else ():
        yield Scope(ROUNDS, name, "all", "all", own & (everybody if name == "all" else action == name))
    for name in ("all", *sorted(set(action))):
        of_action = is_random & (everybody if name == "all" else action == name)
        yield Scope("all", name, "all", "all", of_action)
        for kind in SEGMENT_KINDS if with_segments else ():
            values = rows[kind].to_numpy()
            for value in sorted(rows[kind].dropna().unique()):
                yield Scope("all", name, kind, value, of_action & (values == value))


def _of_window(found: Assignments, sample: Sample, is_random, outcome: str, days: int) -> list[dict]:
    chosen, rows = parameters(), found.rows
    y = rows[f"{outcome}_{days}"].to_numpy(float)
    known = np.isfinite(y)
    if not known.any():
        return []
    pairs = found.later[is_random[found.later["later"]]]
    blips = later_blips(sample, y, rows["action"].to_numpy(), pairs, days, chosen["min_held_out_later"])
    clean = blips.without(np.where(known, y, 0.0))
    table = []
    # Segments only of the whole window: every further test weakens all of them.
    for scope in scopes(rows, is_random, with_segments=days == max(chosen["windows_days"])):
        at = np.flatnonzero(scope.which & known)
        part = sample.only(at)
        row = _frame_of(scope, outcome, days, part)
        table.append(row)
        row["is_randomised_plausible"] = bool(is_random[scope.which].all()) if scope.which.any() else None
        least = chosen["min_customers_per_cell"]
        usable = usable_strata(part, least)
        smaller = min((part.is_treated & usable).sum(), (~part.is_treated & usable).sum())
        if smaller < chosen["min_customers_per_arm"]:
            why = "no_answers" if outcome == "satisfaction" else "too_few"
            row |= {"not_told_en": reason(why, "en"), "not_told_zh": reason(why, "zh")}
            continue
        k = int(smaller // chosen["customers_per_covariate"])
        weights = weights_of(part, least, min(k, part.covariates.shape[1]))
        more = blips.influence_on(weights.weight, at[weights.rows])
        adjusted = effect_of(part, clean[at], weights, chosen["alpha"], more)
        plain = effect_of(part, y[at], weights_of(part, least, 0), chosen["alpha"])
        row |= _numbers(adjusted, plain)
        if outcome in ("margin", "revenue"):
            row |= _money(adjusted, rows["cost"].to_numpy(float)[at], part.is_treated, outcome)
    return table


def _frame_of(scope: Scope, outcome: str, days: int, part: Sample) -> dict:
    return {
        "campaign_id": scope.campaign_id,
        "action": scope.action,
        "segment_kind": scope.segment_kind,
        "segment": scope.segment,
        "outcome": outcome,
        "window_days": days,
        "n_treatment": int(part.is_treated.sum()),
        "n_control": int((~part.is_treated).sum()),
    }


def _numbers(adjusted: Effect, plain: Effect) -> dict:
    return {
        "effect": adjusted.value,
        "se": adjusted.se,
        "ci_low": adjusted.low,
        "ci_high": adjusted.high,
        "p_value": adjusted.p_value,
        "effect_unadjusted": plain.value,
        "unadjusted_low": plain.low,
        "unadjusted_high": plain.high,
        "mean_control": adjusted.mean_control,
        "minimum_detectable_effect": detectable(adjusted.se),
    }


def _money(effect: Effect, cost: np.ndarray, is_treated: np.ndarray, outcome: str) -> dict:
    """What the treated brought beyond their cost, in the window; the interval is that of the effect."""
    spent, treated = float(cost[is_treated].sum()), int(is_treated.sum())
    if outcome == "revenue" or not np.isfinite(spent):
        why = "no_margin" if outcome == "revenue" else "cost_unknown"
        known = {"cost": spent if np.isfinite(spent) else None}
        return known | {"not_told_en": reason(why, "en"), "not_told_zh": reason(why, "zh")}
    ends = {"": effect.value, "_low": effect.low, "_high": effect.high}
    found = {"cost": spent} | {f"net_value{e}": gain * treated - spent for e, gain in ends.items()}
    if spent > 0:
        found |= {f"return_on_spend{e}": gain * treated / spent for e, gain in ends.items()}
    return found


def _judge_looks(effects: pd.DataFrame) -> None:
    days = sorted(parameters()["windows_days"])
    allowed = levels(days, parameters()["alpha"])
    effects["is_significant_sequential"] = effects["is_significant_sequential"].astype("object")
    whole = effects[(effects["segment_kind"] == "all") & effects["p_value"].notna()]
    for _, looks in whole.groupby(["campaign_id", "action", "outcome"], sort=False):
        p_values = looks.set_index("window_days")["p_value"].reindex(days).to_numpy()
        crossed = dict(zip(days, is_crossed(p_values, allowed), strict=True))
        for index, window in looks["window_days"].items():
            effects.at[index, "is_significant_sequential"] = bool(crossed[window])


def _judge_segments(effects: pd.DataFrame) -> None:
    """One family an outcome and window: all its segments, of all actions together and of each."""
    effects["is_significant_fdr"] = effects["is_significant_fdr"].astype("object")
    segments = effects[(effects["segment_kind"] != "all") & effects["p_value"].notna()]
    for _, family in segments.groupby(["outcome", "window_days"], sort=False):
        found = benjamini_hochberg(family["p_value"].to_numpy(float), parameters()["false_discovery_rate"])
        effects.loc[family.index, "is_significant_fdr"] = [bool(f) for f in found]
        effects.loc[family.index, "tests_in_family"] = len(family)


def _verdicts(effects: pd.DataFrame) -> np.ndarray:
    """HELPS, HARMS or OPEN; None without an effect.

    Beyond chance, although it is looked at several times or in many segments, and there in this very window:
    a look that crossed its bound stays crossed, also where the effect is gone in the windows after it.
    """
    beyond = np.where(
        effects["segment_kind"] == "all", effects["is_significant_sequential"], effects["is_significant_fdr"]
    )
    is_beyond = pd.Series(beyond, effects.index).eq(True)
    verdicts = np.where(is_beyond & (effects["ci_low"] > 0), HELPS, OPEN)
    verdicts = np.where(is_beyond & (effects["ci_high"] < 0), HARMS, verdicts).astype(object)
    return np.where(effects["effect"].notna(), verdicts, None)
