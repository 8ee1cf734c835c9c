"""The model behind probability_alive: the formulas against first principles, the fit against known truth."""

import importlib.util
from datetime import date

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats
from scipy.optimize import approx_fprime

from roundtrip.alive import BOUNDS, Parameters, _Likelihood, fit, probability_alive
from roundtrip.home import PROJECT_ROOT

#: Estimates for the CDNOW customers (weeks) by BTYDplus, https://github.com/mplatzer/BTYDplus, and lifetimes.
CDNOW = Parameters(0.525, 6.183, 0.891, 1.614, 0.0)
TRUTH = Parameters(0.9, 15.0, 0.45, 2.7, 0.0)
HISTORIES = [(0, 0.0, 0.0), (0, 0.0, 60.0), (1, 3.0, 40.0), (4, 30.0, 31.0), (4, 30.0, 120.0)]


def simulated(customers: int, parameters: Parameters, weeks: int, seed: int) -> dict[str, np.ndarray]:
    """Purchases as the model tells them: repeats, recency and age in weeks, and who is still there."""
    random = np.random.default_rng(seed)
    age = random.uniform(0, weeks, customers)
    rate = random.gamma(parameters.r, 1 / parameters.alpha, customers)
    leaves = random.beta(parameters.a, parameters.b, customers)
    alive = random.random(customers) >= leaves
    buying, now = alive.copy(), np.zeros(customers)
    repeats, recency = np.zeros(customers), np.zeros(customers)
    while buying.any():
        now = now + random.exponential(1 / rate)
        buying &= now <= age
        repeats += buying
        recency = np.where(buying, now, recency)
        left = buying & (random.random(customers) < leaves)
        alive &= ~left
        buying &= ~left
    return {"repeats": repeats, "recency": recency, "age": age, "alive": alive}


def grouped(lives: dict[str, np.ndarray]) -> pd.DataFrame:
    """As the warehouse counts them: whole weeks, like histories together."""
    return (
        pd.DataFrame({name: lives[name].round() for name in ("repeats", "recency", "age")})
        .value_counts(sort=False)
        .rename("customers")
        .reset_index()
        .sort_values(["repeats", "recency", "age"], ignore_index=True)
    )


def fitted(groups: pd.DataFrame) -> Parameters | None:
    return fit(*(groups[name].to_numpy() for name in ("repeats", "recency", "age", "customers")))


def from_first_principles(repeats: int, recency: float, age: float) -> tuple[float, float]:
    """Likelihoods of the history with the customer still there, and gone since the last purchase: the chances
    of one customer, averaged by numerical integration over rates and over chances to leave."""
    rates = stats.gamma(CDNOW.r, scale=1 / CDNOW.alpha)
    leaving = stats.beta(CDNOW.a, CDNOW.b)

    def over_rates(until: float) -> float:
        # By quantile, since the density has no bound at 0.
        return integrate.quad(
            lambda share: (rate := rates.ppf(share)) ** repeats * np.exp(-rate * until), 0, 1, limit=500
        )[0]

    def over_leaving(of_one) -> float:
        return integrate.quad(lambda share: of_one(leaving.ppf(share)), 0, 1, limit=500)[0]

    there = over_rates(age) * over_leaving(lambda chance: (1 - chance) ** (repeats + 1))
    gone = over_rates(recency) * over_leaving(lambda chance: chance * (1 - chance) ** repeats)
    return there, gone


@pytest.mark.parametrize(("repeats", "recency", "age"), HISTORIES)
def test_likelihood_and_probability_are_those_of_the_story(repeats, recency, age):
    there, gone = from_first_principles(repeats, recency, age)
    one = _Likelihood(*(np.array([float(value)]) for value in (repeats, recency, age, 1)))
    logs = np.log([CDNOW.r, CDNOW.alpha, CDNOW.a, CDNOW.b])
    assert -one.loss(logs)[0] == pytest.approx(np.log(there + gone), abs=1e-4)
    assert probability_alive(CDNOW, repeats, recency, age) == pytest.approx(there / (there + gone), abs=1e-4)


def test_the_gradient_is_the_slope():
    groups = grouped(simulated(500, TRUTH, 130, seed=1))
    likelihood = _Likelihood(*(groups[name].to_numpy(float) for name in groups))
    point = np.log([0.5, 6.0, 0.9, 1.6])
    slope = approx_fprime(point, lambda at: likelihood.loss(at)[0], 1e-6)
    assert likelihood.loss(point)[1] == pytest.approx(slope, abs=1e-5)


def test_a_one_time_buyer_is_never_certain_and_fades():
    ages = np.array([0, 13, 52, 104, 208])
    chances = probability_alive(CDNOW, np.zeros(5), np.zeros(5), ages)
    assert chances[0] == pytest.approx(CDNOW.b / (CDNOW.a + CDNOW.b))
    assert (np.diff(chances) < 0).all()


def test_known_parameters_are_found_again():
    lives = simulated(20_000, TRUTH, 130, seed=3)
    found = fitted(grouped(lives))
    assert (found.r, found.alpha) == pytest.approx((TRUTH.r, TRUTH.alpha), rel=0.1)
    assert found.a / (found.a + found.b) == pytest.approx(TRUTH.a / (TRUTH.a + TRUTH.b), rel=0.1)
    histories = (lives["repeats"], lives["recency"], lives["age"])
    error = np.abs(probability_alive(found, *histories) - probability_alive(TRUTH, *histories))
    assert error.mean() < 0.02
    # Calibrated: of those given this chance, as many are there.
    tenth = pd.qcut(probability_alive(found, *histories), 10, labels=False, duplicates="drop")
    table = pd.DataFrame({"alive": lives["alive"], "chance": probability_alive(found, *histories)})
    means = table.groupby(tenth).mean()
    assert (means["alive"] - means["chance"]).abs().max() < 0.05


def test_the_published_parameters_of_the_cdnow_customers(shared_data):
    file = shared_data / "cdnow" / "cdnow_customers_summary.csv"
    if not file.exists():
        pytest.skip("the CDNOW customers (../shared/data/cdnow) are not beside this checkout")
    customers = pd.read_csv(file)
    found = fit(customers["frequency"], customers["recency"], customers["T"], np.ones(len(customers)))
    assert (found.r, found.alpha, found.a, found.b) == pytest.approx((0.525, 6.183, 0.891, 1.614), abs=2e-3)


def test_grouping_changes_nothing_and_neither_does_doing_it_twice():
    groups = grouped(simulated(400, TRUTH, 130, seed=4))
    one_by_one = groups.loc[groups.index.repeat(groups["customers"])].assign(customers=1)
    first, again, single = fitted(groups), fitted(groups), fitted(one_by_one)
    assert first == again
    histories = [groups[name].to_numpy() for name in ("repeats", "recency", "age")]
    assert probability_alive(first, *histories) == pytest.approx(
        probability_alive(single, *histories), abs=1e-3
    )


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([(0, 0, 50, 1000)], id="nobody came back"),
        pytest.param([], id="nobody"),
        pytest.param([(0, 0, 0, 5)], id="all bought today"),
    ],
)
def test_without_a_repeat_there_is_no_fit(rows):
    assert fitted(pd.DataFrame(rows, columns=["repeats", "recency", "age", "customers"])) is None


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([(52, 52, 52, 300)], id="all alike, each week"),
        pytest.param([(1, 0, 100, 200), (0, 0, 100, 200)], id="a second time within days, or never"),
        pytest.param([(5000, 200, 208, 1), (0, 0, 208, 400)], id="one agency among one-time buyers"),
    ],
)
def test_strange_customers_still_get_a_probability(rows):
    groups = pd.DataFrame(rows, columns=["repeats", "recency", "age", "customers"])
    found = fitted(groups)
    assert all(BOUNDS[0] * 0.999 <= value <= BOUNDS[1] for value in (found.r, found.alpha, found.a, found.b))
    with np.errstate(over="ignore"):
        chances = probability_alive(found, groups["repeats"], groups["recency"], groups["age"])
    assert chances.between(0, 1).all()


# --- the dbt model around it --------------------------------------------------------------------------------


class _Dbt:
    """What dbt hands to a Python model."""

    this = "built"

    def __init__(self, session, counts: pd.DataFrame, config: dict):
        self._session, self._counts, self._config = session, counts, config
        self.config = self

    def __call__(self, **_):
        pass

    def get(self, name: str) -> str:
        return self._config[name]

    def ref(self, name: str):
        if name == "int_build_scope":
            return self._session.sql(f"SELECT DATE '{self._config['dates_from']}' AS dates_from")
        assert name == "int_alive_counts"
        self._session.register("counts", self._counts)
        return self._session.sql("SELECT fitted_on::DATE AS fitted_on, * EXCLUDE (fitted_on) FROM counts")


def parameters_of(
    quarters: dict[date, pd.DataFrame],
    fewest: int = 100,
    shortest: int = 52,
    built: pd.DataFrame | None = None,
    dates_from: date | None = None,
) -> pd.DataFrame:
    """What int_alive_parameters makes of these customers, by day of fitting.

    Args:
        built, dates_from: on an increment, what the last build made, and from when on this one makes it anew.
    """
    file = PROJECT_ROOT / "dbt_project" / "models" / "intermediate" / "int_alive_parameters.py"
    spec = importlib.util.spec_from_file_location("int_alive_parameters", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    names = {"repeats": "repeat_occasions", "recency": "recency_weeks", "age": "age_weeks"}
    parts = [part.rename(columns=names).assign(fitted_on=day) for day, part in quarters.items()]
    nothing = pd.DataFrame({name: [] for name in (*names.values(), "customers", "fitted_on")})
    counts = pd.concat([*parts, nothing] if parts else [nothing], ignore_index=True)
    # Shuffled: the order of the rows must not matter.
    counts = counts.sample(frac=1, random_state=1).reset_index(drop=True)
    counts["fitted_on"] = pd.to_datetime(counts["fitted_on"])
    with duckdb.connect() as session:
        config = {"min_repeat_customers": str(fewest), "min_history_weeks": str(shortest)}
        config |= {"previous_as_of_date": str(dates_from or ""), "dates_from": dates_from}
        if built is not None:
            session.register("built_rows", built)
            session.execute(
                "CREATE TABLE built AS SELECT * REPLACE (fitted_on::DATE AS fitted_on, "
                "parameters_from::DATE AS parameters_from) FROM built_rows"
            )
        return module.model(_Dbt(session, counts, config), session).df()


def test_the_first_fit_waits_and_the_last_one_goes_on():
    early = grouped(simulated(600, TRUTH, 40, seed=5))
    few = grouped(simulated(60, TRUTH, 100, seed=6))
    enough = grouped(simulated(600, TRUTH, 130, seed=7))
    # All that were left are one-time buyers, so that nothing can be learned from them.
    hopeless = pd.DataFrame({"repeats": [0.0], "recency": [0.0], "age": [100.0], "customers": [500]})
    days = [date(2024, 3, 31), date(2024, 6, 30), date(2024, 9, 30), date(2024, 12, 31)]
    found = parameters_of(dict(zip(days, (early, few, enough, hopeless), strict=True)))
    assert found["status"].tolist() == [
        "history_too_short",
        "too_few_customers",
        "fitted",
        "too_few_customers",
    ]
    assert found["r"].isna().tolist() == [True, True, False, False]
    assert (
        found.loc[3, ["r", "alpha_weeks", "a", "b"]].tolist()
        == found.loc[2, ["r", "alpha_weeks", "a", "b"]].tolist()
    )
    assert pd.to_datetime(found["parameters_from"]).dt.date.tolist()[2:] == [days[2], days[2]]
    assert found["valid_until"].astype(str).str[:10].tolist() == [*map(str, days[1:]), "9999-12-31"]


def test_an_increment_goes_on_from_what_was_fitted(monkeypatch):
    days = [date(2024, 3, 31), date(2024, 6, 30), date(2024, 9, 30)]
    groups = [grouped(simulated(600, TRUTH, 130, seed=seed)) for seed in (5, 6, 7)]
    anew = parameters_of(dict(zip(days, groups, strict=True)))
    before = parameters_of(dict(zip(days[:2], groups[:2], strict=True)))
    fitted = []
    monkeypatch.setattr("roundtrip.alive.fit", lambda *counts: fitted.append(counts) or fit(*counts))
    carried = parameters_of(dict(zip(days, groups, strict=True)), built=before, dates_from=date(2024, 7, 1))
    pd.testing.assert_frame_equal(carried, anew)
    assert len(fitted) == 1


def test_a_search_without_an_end_is_said(monkeypatch):
    monkeypatch.setattr("roundtrip.alive.fit", lambda *_: None)
    found = parameters_of({date(2024, 3, 31): grouped(simulated(600, TRUTH, 130, seed=8))})
    assert found[["status", "repeat_customers"]].iloc[0].tolist()[0] == "search_did_not_end"
    assert found["r"].isna().all()


def test_what_comes_later_moves_no_earlier_parameter():
    first = grouped(simulated(600, TRUTH, 130, seed=9))
    then = parameters_of({date(2024, 3, 31): first})
    later = parameters_of(
        {date(2024, 3, 31): first, date(2024, 6, 30): grouped(simulated(900, CDNOW, 130, 10))}
    )
    columns = ["fitted_on", "status", "r", "alpha_weeks", "a", "b", "parameters_from", "log_likelihood"]
    pd.testing.assert_frame_equal(then[columns], later[columns].iloc[:1])
    assert later["r"].nunique() == 2


def test_nobody_at_all_gives_typed_columns():
    found = parameters_of({})
    assert len(found) == 0
    assert found["r"].dtype == float
