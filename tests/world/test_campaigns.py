"""Campaigns in the world: arms are exchangeable, and what a comparison of arms finds is what is true."""

import numpy as np
import pandas as pd
import pytest

from tests.world.conftest import booked


@pytest.fixture(scope="module")
def touched(lived) -> pd.DataFrame:
    """Every touch: arm, true effects, hidden covariates before it, and a booking within three months."""
    parts = []
    for month in lived.months[:-3]:
        if not len(month.effects):
            continue
        before = lived.months[month.month - 1]
        returns = booked(lived.months[month.month : month.month + 3], len(lived.world.people))
        who = month.effects["person"].to_numpy()
        known = who < len(before.phase)
        rows = month.effects[known].assign(month=month.month, has_returned=returns[who[known]])
        who = who[known]
        parts.append(
            rows.assign(
                satisfaction=before.satisfaction[who],
                is_leaving=before.phase[who] >= 3,
                price_sensitivity=before.people.price_sensitivity[who],
                trips_per_year=before.people.trips_per_year[who],
                web_rate=before.people.web_rate[who],
            )
        )
    return pd.concat(parts, ignore_index=True)


def test_control_groups_are_exchangeable(touched):
    """Within months, the arms do not differ in anything hidden, nor in what the action would do to them."""
    covariates = [
        "satisfaction", "is_leaving", "price_sensitivity", "trips_per_year", "web_rate",
        "effect_on_return", "effect_on_value",
    ]  # fmt: skip
    assert touched["is_treated"].mean() == pytest.approx(0.8, abs=0.015)
    for name in covariates:
        value = touched[name].astype(float)
        value = (value - value.groupby(touched["month"]).transform("mean")) / value.std()
        treated, control = value[touched["is_treated"]], value[~touched["is_treated"]]
        error = np.sqrt(1 / len(treated) + 1 / len(control))
        assert abs(treated.mean() - control.mean()) < 4 * error, name


def test_the_measured_effect_is_the_true_one(touched):
    """Difference in returns between the arms, within months, against the mean of the stated effects."""
    arms = touched.groupby(["month", "action", "is_treated"])["has_returned"].agg(["mean", "size"]).unstack()
    arms = arms.dropna()
    difference = arms["mean"][True] - arms["mean"][False]
    weight = 1 / (1 / arms["size"][True] + 1 / arms["size"][False])
    measured = (difference * weight).sum() / weight.sum()
    error = np.sqrt(0.25 / weight.sum())
    stated = touched.groupby(["month", "action"])["effect_on_return"].mean()
    stated = (stated.reindex(weight.index) * weight).sum() / weight.sum()
    assert stated > 0.01
    assert abs(measured - stated) < 3.5 * error


def test_some_are_put_off(touched):
    assert 0.03 < (touched["effect_on_return"] < 0).mean() < 0.5
    assert (touched["effect_on_value"] < 0).mean() > 0.05


def test_controls_get_nothing_and_the_treated_are_reached_by_consent(lived):
    for month in lived.months:
        if len(month.touches):
            control = month.touches["arm"] == "control"
            assert (month.touches.loc[control, ["sent_at", "opened_at", "clicked_at"]] == -1).all(axis=None)
            assert (month.touches.loc[~control, "sent_at"] > 0).all()


def test_the_programme_of_the_plan_has_a_holdout_each_month(lived):
    plan = lived.months[lived.world.plan_starts + lived.world.p.campaigns.programme.full_from :]
    assert plan
    for month in plan:
        shares = month.effects["is_treated"].mean()
        assert len(month.approaches) >= 2
        assert 0.65 < shares < 0.95
