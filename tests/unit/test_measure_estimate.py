"""The statistics of measuring, against simulated data whose answer is known, and against statsmodels."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundtrip.errors import BadInput
from roundtrip.measure import minimum_detectable_effect
from roundtrip.measure.checks import imbalance, ratio_mismatch
from roundtrip.measure.estimate import Sample, effect_of, weights_of
from roundtrip.measure.later import later_blips
from roundtrip.measure.looks import benjamini_hochberg, is_crossed, levels


def sample(random, n=400, strata=1, share=0.8, k=2, customers=None) -> Sample:
    return Sample(
        random.integers(0, strata, n),
        np.arange(n) if customers is None else random.integers(0, customers, n),
        random.random(n) < share,
        random.normal(size=(n, k)),
    )


def test_without_covariates_it_is_the_difference_in_means_and_welchs_interval():
    from scipy import stats

    random = np.random.default_rng(1)
    s = sample(random)
    y = random.normal(size=400) + s.is_treated
    found = effect_of(s, y, weights_of(s, covariates=0), 0.05)
    a, b = y[s.is_treated], y[~s.is_treated]
    welch = stats.ttest_ind(a, b, equal_var=False)
    assert found.value == pytest.approx(a.mean() - b.mean())
    assert found.p_value == pytest.approx(welch.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(welch.confidence_interval(0.95)))


def test_with_covariates_it_is_lins_regression_with_hc2_errors():
    import statsmodels.api as sm

    random = np.random.default_rng(2)
    s = sample(random, n=300)
    y = s.covariates @ [2.0, -1.0] + s.is_treated * (1 + s.covariates[:, 0]) + random.normal(size=300)
    found = effect_of(s, y, weights_of(s), 0.05)
    t, x = s.is_treated.astype(float), s.covariates - s.covariates.mean(axis=0)
    fit = sm.OLS(y, np.column_stack([np.ones(300), t, x, t[:, None] * x])).fit(cov_type="HC2")
    assert found.value == pytest.approx(fit.params[1])
    assert found.se == pytest.approx(fit.bse[1], rel=1e-6)


@pytest.mark.parametrize("kind", ["one campaign", "a rare outcome", "pooled, customers again and again"])
def test_intervals_cover_the_known_effect(kind):
    """500 draws: the number of intervals that cover is within the 99.9 % range of a binomial of 95 %."""
    random, hits, draws = np.random.default_rng(3), 0, 500
    for _ in range(draws):
        many = kind.startswith("pooled")
        s = sample(random, n=600, strata=5 if many else 1, customers=150 if many else None)
        if kind == "a rare outcome":
            chance = np.clip(0.10 + 0.03 * s.covariates[:, 0], 0.01, 0.9)
            y = (random.random(600) < chance + 0.05 * s.is_treated).astype(float)
            true = 0.05
        else:
            own = random.normal(size=150)[s.customer % 150] if many else 0
            y = s.stratum + own + s.covariates[:, 0] + 0.3 * s.is_treated + random.normal(size=600)
            true = 0.3
        found = effect_of(s, y, weights_of(s), 0.05)
        hits += found.low <= true <= found.high
    assert 0.915 < hits / draws < 0.985


@given(st.integers(0, 10_000), st.integers(0, 3))
def test_covariates_that_do_not_vary_take_nothing_away_and_bring_nothing_in(seed, varying):
    """Prospects have booked nothing, spent nothing, complained of nothing: they differ by rounding alone."""
    random = np.random.default_rng(seed)
    s = sample(random, n=200, strata=3, k=varying)
    same = np.full((200, 12), random.normal(size=12)) * (1 + random.choice([0, 3e-16], size=(200, 12)))
    y = random.normal(160, 400, size=200)
    plain = effect_of(s, y, weights_of(s), 0.05)
    padded = Sample(s.stratum, s.customer, s.is_treated, np.column_stack([s.covariates, same]))
    found = effect_of(padded, y, weights_of(padded), 0.05)
    assert found.value == pytest.approx(plain.value, rel=1e-6, abs=1e-6)
    assert found.se == pytest.approx(plain.se, rel=1e-6)


def test_customers_who_come_again_are_no_further_evidence():
    random = np.random.default_rng(4)
    s = sample(random, n=200, k=1)
    y = random.normal(size=200)
    ten = Sample(
        *(np.concatenate([part] * 10) for part in (s.stratum, s.customer, s.is_treated, s.covariates))
    )
    once, often = (effect_of(p, v, weights_of(p), 0.05) for p, v in ((s, y), (ten, np.tile(y, 10))))
    assert often.value == pytest.approx(once.value)
    assert often.se == pytest.approx(once.se, rel=0.05)


def test_a_stratum_with_one_arm_only_is_left_out():
    s = Sample(
        np.array([0] * 6 + [1] * 3),
        np.arange(9),
        np.array([1, 1, 1, 0, 0, 0, 1, 1, 1], bool),
        np.zeros((9, 0)),
    )
    found = effect_of(s, np.array([3.0, 3, 3, 1, 1, 1, 99, 99, 99]), weights_of(s), 0.05)
    assert found.value == pytest.approx(2.0)
    assert weights_of(s.only(s.stratum == 1)) is None


@given(st.integers(0, 2**32 - 1), st.floats(-50, 50), st.floats(0.1, 10))
def test_shifting_and_scaling_the_outcome_shifts_nothing_and_scales_the_effect(seed, shift, scale):
    random = np.random.default_rng(seed)
    s = sample(random, n=60, strata=2)
    weights = weights_of(s)
    if weights is None:
        return
    y = random.normal(size=60)
    plain, moved = (effect_of(s, v, weights, 0.05) for v in (y, shift + scale * y))
    assert moved.value == pytest.approx(scale * plain.value, abs=1e-6)
    assert moved.se == pytest.approx(scale * plain.se, rel=1e-6)


def held_out_and_treated_a_month_later(random, n: int, effect: float, later_effect: float):
    """All controls of round one are in round two 30 days later, a fifth of them held out again."""
    first = random.random(n) < 0.8
    second_of = np.flatnonzero(~first)
    second = random.random(len(second_of)) < 0.8
    y = random.normal(size=n) + effect * first
    y[second_of] += later_effect * second * (60 / 90)
    s = Sample(
        np.concatenate([np.zeros(n, int), np.ones(len(second_of), int)]),
        np.concatenate([np.arange(n), second_of]),
        np.concatenate([first, second]),
        np.zeros((n + len(second_of), 0)),
    )
    outcome = np.concatenate([y, np.full(len(second_of), np.nan)])
    pairs = pd.DataFrame({"place": second_of, "later": n + np.arange(len(second_of)), "days": 30})
    return s, outcome, pairs


def test_a_holdout_that_is_treated_a_month_later_does_not_hide_the_effect():
    random, plain, clean, hits, draws = np.random.default_rng(5), [], [], 0, 300
    for _ in range(draws):
        s, y, pairs = held_out_and_treated_a_month_later(random, 1500, 0.5, 0.5)
        action = np.full(len(y), "discount")
        blips = later_blips(s, y, action, pairs, 90, 100)
        at = np.flatnonzero(np.isfinite(y))
        part = s.only(at)
        weights = weights_of(part)
        more = blips.influence_on(weights.weight, at[weights.rows])
        found = effect_of(part, blips.without(np.nan_to_num(y))[at], weights, 0.05, more)
        plain.append(effect_of(part, y[at], weights, 0.05).value)
        clean.append(found.value)
        hits += found.low <= 0.5 <= found.high
    assert np.mean(plain) < 0.30
    assert np.mean(clean) == pytest.approx(0.5, abs=0.04)
    assert 0.91 < hits / draws < 0.985


def test_without_later_treatments_nothing_is_taken_out():
    s = sample(np.random.default_rng(6), n=50)
    y = np.ones(50)
    none = pd.DataFrame({"place": [], "later": [], "days": []}).astype(int)
    blips = later_blips(s, y, np.full(50, "content"), none, 90, 100)
    assert (blips.without(y) == y).all()
    assert not blips.influence_on(np.ones(50), np.arange(50)).any()


def test_three_looks_keep_the_error_rate_of_one():
    """Without an effect, looked at three times: 5 % at most of 4,000 are called significant by chance."""
    from scipy import stats

    random, allowed = np.random.default_rng(7), levels([30, 60, 90], 0.05)
    assert allowed == pytest.approx([0.00069, 0.01568, 0.03363], abs=1e-4)
    steps = random.normal(size=(4000, 3)).cumsum(axis=1) / np.sqrt([1, 2, 3])
    p_values = 2 * stats.norm.sf(np.abs(steps))
    found = np.array([is_crossed(p, allowed)[-1] for p in p_values])
    naive = (p_values < 0.05).any(axis=1)
    assert found.mean() < 0.05 < naive.mean()


def test_a_look_once_significant_stays_so_and_one_not_taken_says_nothing():
    allowed = levels([30, 60, 90], 0.05)
    assert is_crossed(np.array([0.0001, 0.5, 0.5]), allowed).tolist() == [True, True, True]
    assert is_crossed(np.array([0.01, np.nan, np.nan]), allowed).tolist() == [False, False, False]


def test_benjamini_and_hochbergs_own_example():
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719,
         0.6528, 0.7590, 1.0, np.nan]  # fmt: skip
    assert benjamini_hochberg(np.array(p), 0.05).sum() == 4


def test_the_smallest_detectable_effect_is_that_of_the_textbook():
    from statsmodels.stats.power import NormalIndPower

    found = minimum_detectable_effect(800, 200, 0.3)
    power = NormalIndPower().power(found / math.sqrt(0.21), 800, 0.05, ratio=0.25)
    assert power == pytest.approx(0.80, abs=1e-3)
    assert minimum_detectable_effect(800, 200, standard_deviation=10.0, r_squared=0.75) == pytest.approx(
        0.5 * minimum_detectable_effect(800, 200, standard_deviation=10.0)
    )
    assert minimum_detectable_effect(0, 200, 0.3) == math.inf


@pytest.mark.parametrize(
    "arguments",
    [{}, {"base_rate": 0.2, "standard_deviation": 1.0}, {"base_rate": 1.2}, {"standard_deviation": -1.0},
     {"base_rate": 0.2, "r_squared": 1.0}],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(arguments):
    with pytest.raises(BadInput):
        minimum_detectable_effect(100, 100, **arguments)


def test_a_missing_tenth_of_an_arm_is_a_mismatch_and_chance_is_none():
    assert ratio_mismatch(8000, 1600, 0.2) < 0.001 < ratio_mismatch(8000, 1990, 0.2)


def test_what_does_not_vary_is_balanced():
    random = np.random.default_rng(1)
    s = sample(random, k=0)
    same = np.full((400, 5), -0.3217) * (1 + random.choice([0, 3e-16], size=(400, 5)))
    assert imbalance(Sample(s.stratum, s.customer, s.is_treated, same), 5) == (1.0, 0)


def test_balance_is_lost_where_the_arm_depends_on_a_covariate():
    random = np.random.default_rng(8)
    fair = sample(random, n=2000, k=3)
    assert imbalance(fair, 3)[0] > 0.001
    chosen = Sample(
        fair.stratum,
        fair.customer,
        random.random(2000) < 0.8 - 0.2 * (fair.covariates[:, 2] > 0),
        fair.covariates,
    )
    p_value, worst = imbalance(chosen, 3)
    assert p_value < 0.001
    assert worst == 2
