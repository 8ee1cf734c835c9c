"""The stability index: worked examples, what chance gives, unknown values, columns that come and go."""

import numpy as np
import pandas as pd
import pytest

from ml.stability import compare, counts, psi, reference


def population(rows: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "amount": random.lognormal(3 + shift, 1, rows),
            "visits": random.poisson(1.0, rows).astype(float),
            "country": random.choice(["DE", "FR", "CN"], rows, p=[0.5, 0.3, 0.2]),
        }
    )


def test_the_index_by_hand():
    # (0.3 - 0.5) ln(0.3 / 0.5) + (0.7 - 0.5) ln(0.7 / 0.5)
    index, _ = psi(np.array([50, 50]), np.array([30, 70]))
    assert index == pytest.approx(-0.2 * np.log(0.6) + 0.2 * np.log(1.4))


def test_nothing_moved_is_nought():
    assert psi(np.array([10, 20, 0]), np.array([100, 200, 0]))[0] == pytest.approx(0)


def test_a_bin_that_was_empty_is_no_infinity():
    index, _ = psi(np.array([100, 0]), np.array([50, 50]))
    assert np.isfinite(index)
    assert index > 1


def test_chance_alone_stays_below_its_bound():
    bins = reference(population(400, seed=0), ["amount"], set())
    above = 0
    for seed in range(1, 201):
        found = compare(population(400, seed), bins)["amount"]
        above += found["psi"] > found["by_chance"]
    # One in a thousand is meant; the reference is one draw for all of these.
    assert above <= 2
    assert found["by_chance"] > 0.1, "on 400 rows chance alone passes the usual threshold"


def test_another_population_is_seen():
    bins = reference(population(2000, seed=0), ["amount", "visits", "country"], {"country"})
    same, other = (compare(population(2000, 1, shift), bins) for shift in (0.0, 1.0))
    assert same["amount"]["psi"] < 0.02
    assert other["amount"]["psi"] > 0.5
    assert other["visits"]["psi"] < 0.02


def test_unknown_values_have_their_own_bin():
    rows = population(1000, seed=0)
    bins = reference(rows, ["amount", "country"], {"country"})
    rows.loc[:599, "amount"] = np.nan
    rows.loc[600:699, "amount"] = np.inf
    rows.loc[:599, "country"] = None
    found = compare(rows, bins)
    assert (found["amount"]["unknown_then"], found["amount"]["unknown_now"]) == (0, 0.7)
    assert found["country"]["unknown_now"] == 0.6
    assert min(each["psi"] for each in found.values()) > 1


def test_a_column_that_is_gone_is_unknown_for_everybody():
    rows = population(1000, seed=0)
    bins = reference(rows, ["amount", "country"], {"country"})
    found = compare(rows[["amount"]], bins)
    assert found["country"]["unknown_now"] == 1
    assert found["country"]["psi"] > 1


def test_a_new_level_falls_into_other():
    bins = reference(population(1000, seed=0), ["country"], {"country"})
    described = bins["columns"]["country"]
    assert described["levels"] == ["DE", "FR", "CN"]
    assert counts(pd.Series(["DE", "XX", None]), described).tolist() == [1, 0, 0, 1, 1]


@pytest.mark.parametrize("values", [[np.nan] * 5, [3.0] * 5, [0.0, 0.0, 0.0, 0.0, 1.0], []])
def test_odd_columns_have_a_reference_too(values):
    rows = pd.DataFrame({"amount": np.array(values, dtype=float)})
    found = compare(rows, reference(rows, ["amount"], set()))["amount"]
    assert found["psi"] == pytest.approx(0)


def test_no_value_of_a_customer_is_kept_but_bounds_of_bins():
    bins = reference(population(1000, seed=0), ["amount"], set())["columns"]["amount"]
    assert len(bins["edges"]) == 9
    assert sum(bins["shares"]) == pytest.approx(1)
