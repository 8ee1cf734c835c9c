"""Whether the arms of a campaign can have been drawn at random: their sizes, and who is in them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from roundtrip.measure.estimate import Sample, means_of


@dataclass(frozen=True)
class Check:
    """One check of one campaign.

    Attributes:
        kind: arms, sample_ratio, balance or answers.  p_value: None where there is no test.
        passed: None where nothing can be judged.
        numbers: for the words.
    """

    campaign_id: str
    kind: str
    p_value: float | None
    passed: bool | None
    numbers: dict


def check_campaign(
    campaign_id: str, rows: pd.DataFrame, sample: Sample, house_share: float | None, parameters
) -> list[Check]:
    """All checks of one campaign.

    Args:
        rows: its assignments.  sample: the same rows.
        house_share: of controls that the company's other campaigns agree on, if they do.
    """
    treated = sample.is_treated
    n_treatment, n_control = int(treated.sum()), int((~treated).sum())
    sizes = {"treatment": n_treatment, "control": n_control}
    found = [Check(campaign_id, "arms", None, min(n_treatment, n_control) > 0, sizes)]
    if not found[0].passed:
        return found
    level = parameters["check_alpha"]
    planned, source = planned_share(rows, house_share)
    if planned is None:
        found.append(Check(campaign_id, "sample_ratio", None, None, sizes))
    else:
        p = ratio_mismatch(n_treatment, n_control, planned)
        numbers = sizes | {"planned": planned, "source": source}
        found.append(Check(campaign_id, "sample_ratio", p, p >= level, numbers))
    k = min(sample.covariates.shape[1], min(n_treatment, n_control) // 5)
    balance = imbalance(sample, k) if k else None
    worst = "" if balance is None else parameters["covariates"][balance[1]]
    found.append(
        Check(campaign_id, "balance", None, None, sizes)
        if balance is None
        else Check(campaign_id, "balance", balance[0], balance[0] >= level, sizes | {"worst": worst, "k": k})
    )
    return found


def planned_share(rows: pd.DataFrame, house_share: float | None) -> tuple[float | None, str]:
    """The planned share of controls: what the round says, the house's own, or none; and which of these."""
    told = rows["planned_control_share"].dropna().unique()
    if len(told):
        share = float(rows["planned_control_share"].fillna(told[0]).mean())
        return (share, "round") if 0 < share < 1 else (None, "")
    return (house_share, "house") if house_share is not None else (None, "")


def house_shares(rows: pd.DataFrame, least: int, level: float) -> dict[str, float]:
    """Campaign → the share of controls of all others, where enough others agree on one (chi-square)."""
    # Our own rounds say what they planned, and plan otherwise when they explore.
    counts = rows[~rows["is_own"]].groupby("campaign_id")["is_treated"].agg(["sum", "count"])
    # Five expected in each cell, as any chi-square test wants it.
    counts = counts[(counts["count"] - counts["sum"]).clip(upper=counts["sum"]) >= 5]
    found = {}
    for campaign_id in counts.index:
        others = counts.drop(campaign_id)
        if len(others) < least:
            continue
        table = np.array([others["sum"], others["count"] - others["sum"]])
        if stats.chi2_contingency(table).pvalue >= level:
            found[campaign_id] = float(1 - others["sum"].sum() / others["count"].sum())
    return found


def ratio_mismatch(n_treatment: int, n_control: int, planned_control_share: float) -> float:
    """p value of a sample-ratio mismatch: chi-square on one degree (Fabijan et al. 2019)."""
    n = n_treatment + n_control
    expected = [n * (1 - planned_control_share), n * planned_control_share]
    return float(stats.chisquare([n_treatment, n_control], expected).pvalue)


def imbalance(sample: Sample, k: int) -> tuple[float, int]:
    """Omnibus test that the arms differ in none of the first k covariates (Hansen and Bowers 2008), by F.

    Within strata, so that shares may differ between them.

    Returns:
        p value, and the position of the covariate that differs most.
    """
    _, stratum = np.unique(sample.stratum, return_inverse=True)
    size = np.bincount(stratum)
    x = sample.covariates[:, :k]
    x = x - means_of(x, stratum, size)[stratum]
    # What does not vary at all differs by rounding, which would count as covariates of their own.
    x = np.where(np.abs(x) < 1e-9, 0.0, x)
    t = sample.is_treated - (np.bincount(stratum, sample.is_treated) / size)[stratum]
    slopes, _, rank, _ = np.linalg.lstsq(x, t, rcond=1e-9)
    explained, all_of_it = float(((x @ slopes) ** 2).sum()), float(t @ t)
    degrees = len(t) - len(size) - rank
    if rank == 0 or degrees <= 0 or all_of_it == 0:
        return 1.0, 0
    f = (explained / rank) / max((all_of_it - explained) / degrees, 1e-12)
    spread = np.maximum(x.std(axis=0), 1e-12)
    return float(stats.f.sf(f, rank, degrees)), int(np.argmax(np.abs(x.T @ t) / spread))
