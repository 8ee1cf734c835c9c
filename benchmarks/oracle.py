"""How near the champion comes to what can be known at all.

The company is lived on for a year: that is what really happens. From the same saved state it is then lived on
many times with other dice. The share of futures in which a customer does not book is the best risk there can
be, and its AUC the highest that any ranking of these customers can expect. It is asked of two oracles:

`knows all` knows the whole hidden state, with the need at which each customer takes the next trip.
`all but the next trip` does not: in every future that threshold is drawn anew, given that the need of today
has not reached it, and so is what happens on the trips that are booked but not over.

The first is a strict bound for any model. The second is the fair mark, since the threshold is a die that
nobody has seen; but as people browse more when a trip comes due, a model can learn a little of it.
"""

import copy
import json
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from scipy import special

from ml import registry
from ml.card import ORACLE_FILE, write_card
from ml.evaluate import Scored, evaluate, roc_auc
from ml.frame import open_published
from ml.rule import InactivityRule
from ml.settings import parameters as model_parameters
from roundtrip.company import Company
from roundtrip.files import write_atomically
from roundtrip.home import Home
from roundtrip.simulate import company as simulated
from roundtrip.simulate import dice as dice_of
from roundtrip.simulate import saving, simulate
from roundtrip.simulate.accounts import person_of
from roundtrip.simulate.dice import Dice
from roundtrip.simulate.orders import no_orders
from roundtrip.simulate.parameters import Parameters
from roundtrip.simulate.trips import BY_CUSTOMER, BY_SUPPLIER
from roundtrip.simulate.world import World
from roundtrip.stages import STAGES, run_stage

CUSTOMERS, MONTHS, SEED, FUTURES = 5_000, 48, 7, 60
#: With few futures an oracle's AUC is too low (endless_auc), and the champion looks nearer to it than it is.
FUTURES_FOR_THE_CARD = 40
#: Horizons are at most 365 days.
_MONTHS_AHEAD = 12
_REPLICATES = 1_000
ALL, FAIR, CHAMPION, RULE = "knows all", "all but the next trip", "champion", "inactivity rule"


@dataclass(frozen=True)
class Judged:
    """AUCs of several rankings of the same customers.

    Attributes:
        auc: by name, of the customers there are.
        draws: by name, of customers drawn with replacement (paired: the same draws for all).
    """

    auc: dict[str, float]
    draws: dict[str, np.ndarray]

    def interval(self, of) -> tuple[float, float]:
        """95 % by customer; `of` takes AUCs by name, as numbers or as arrays of draws."""
        low, high = np.percentile(of(self.draws), [2.5, 97.5])
        return float(low), float(high)


@dataclass(frozen=True)
class Compared:
    """One company's champion beside its oracles.

    Attributes:
        judged: AUCs of ALL, FAIR, CHAMPION and RULE on what then happened.
        calibration_error: of the champion's probabilities (value, low, high).
        churned: 1 for each scored customer who booked nothing, shape (n,).
        endless: AUC of ALL and FAIR if there were endless futures.
        scored_by: what scored, in words.
        early_warning: of the champion's training (ml.early_warning); {} where a rule scored.
    """

    judged: Judged
    calibration_error: dict[str, float]
    churned: np.ndarray
    endless: dict[str, float]
    scored_by: str
    early_warning: dict


def main(
    console: Console,
    customers: int = CUSTOMERS,
    futures: int = FUTURES,
    seeds: list[int] | None = None,
    home: Path | None = None,
    landing: Path | None = None,
) -> None:
    """Simulate, train, look ahead, print a table for each seed and one of all.

    Args:
        home, landing: a simulated company that is scored already, instead: its card then shows the ratio.
    """
    if home:
        place = Home(home)
        folder = landing or Path(Company.load(place).landing)
        found = compare_with_oracles(place, folder, futures, "as published")
        _print(console, found, futures)
        if futures < FUTURES_FOR_THE_CARD:
            console.print(f"not on the card: fewer than {FUTURES_FOR_THE_CARD} futures flatter the champion")
        else:
            _show_on_the_card(place, found)
        return
    all_found = {}
    for seed in seeds or [SEED]:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "landing"
            simulate(folder, customers, MONTHS, seed)
            place, scored_by = _walk_to_the_scores(folder, Path(scratch) / "home")
            all_found[seed] = compare_with_oracles(place, folder, futures, scored_by)
        _print(console, all_found[seed], futures)
    if len(all_found) > 1:
        console.print(_table_of_seeds(all_found))


def compare_with_oracles(home: Home, landing: Path, futures: int, scored_by: str) -> Compared:
    """Live the company on from its saved state, once as it happens and many times with other dice."""
    scored = scored_customers(home, landing)
    world, _ = saving.load(landing / simulated.STATE_FILE)
    risks = {
        ALL: live_futures(world, scored, futures, with_new_thresholds=False),
        FAIR: live_futures(world, scored, futures, with_new_thresholds=True),
    }
    label = ~books(world, scored)
    ranks = {name: found.mean(axis=0) for name, found in risks.items()}
    said = scored["churn_probability"].to_numpy()
    ranks |= {CHAMPION: said, RULE: scored["rule"].to_numpy()}
    evaluation = evaluate({CHAMPION: said}, label, scored["person"], model_parameters())
    champion = registry.champion_for(home, date.fromisoformat(Company.load(home).settings["as_of"]))
    trained = registry.summary_of(home, champion) if champion else {}
    return Compared(
        judged=judge(ranks, label),
        calibration_error=evaluation["models"][CHAMPION]["calibration_error"],
        churned=label,
        endless={name: endless_auc(found, label) for name, found in risks.items()},
        scored_by=scored_by,
        early_warning=trained.get("evaluation", {}).get("early_warning", {}),
    )


def _print(console: Console, found: Compared, futures: int) -> None:
    label, error = found.churned, found.calibration_error
    console.print(_table(found.judged, f"{len(label):,} customers, {label.mean():.1%} without a booking"))
    console.print(
        f"champion: {found.scored_by}; {futures} futures each, {_REPLICATES:,} draws of the customers"
    )
    console.print(f"champion: calibration error {_percent(error)}")
    for name, auc in found.endless.items():
        console.print(f"{name}: AUC {auc:.3f} if there were endless futures")
    console.print(f"lead days before a loss: {_lead_days(found.early_warning)}")


def _show_on_the_card(home: Home, found: Compared) -> None:
    """Write the ratio to the fair oracle beside the model, and its card again."""
    as_of = date.fromisoformat(Company.load(home).settings["as_of"])
    champion = registry.champion_for(home, as_of)
    if champion is None:
        return
    judged = found.judged
    low, high = judged.interval(lambda auc: auc[CHAMPION] / auc[FAIR])
    ratio = {"value": judged.auc[CHAMPION] / judged.auc[FAIR], "low": low, "high": high}
    said = {"model_version": f"{registry.MODEL}/{champion.number}", "oracle": FAIR, "ratio": ratio}
    write_atomically(home.mlflow_dir / ORACLE_FILE, json.dumps(said, indent=2))
    write_card(home, as_of, {})


def _table_of_seeds(all_found: dict[int, Compared]) -> Table:
    table = Table(
        *("seed", "champion AUC", f"/ {ALL}", f"/ {FAIR}", "calibration error", "lead days"), title="By seed"
    )
    for seed, found in all_found.items():
        auc = found.judged.auc
        cells = [f"{auc[CHAMPION]:.3f}"]
        for name in (ALL, FAIR):
            low, high = found.judged.interval(lambda auc, name=name: auc[CHAMPION] / auc[name])
            cells.append(f"{auc[CHAMPION] / auc[name]:.1%} ({low:.1%} to {high:.1%})")
        error = _percent(found.calibration_error)
        table.add_row(str(seed), *cells, error, _lead_days(found.early_warning))
    return table


def _percent(of: dict[str, float]) -> str:
    return f"{of['value']:.1%} ({of['low']:.1%} to {of['high']:.1%})"


def _lead_days(early_warning: dict) -> str:
    if early_warning.get("status") != "measured":
        return f"not measured ({early_warning.get('why', 'no champion')})"
    rankings, best = early_warning["rankings"], early_warning["best_rule"]
    model, rule, gap = (
        rankings["model"]["mean_lead_days"],
        rankings[best]["mean_lead_days"],
        early_warning["difference"],
    )
    return (
        f"{model['value']:.0f} ({model['low']:.0f} to {model['high']:.0f}), best rule ({best}) "
        f"{rule['value']:.0f}, difference {gap['value']:+.0f} ({gap['low']:+.0f} to {gap['high']:+.0f})"
    )


def _walk_to_the_scores(landing: Path, folder: Path) -> tuple[Home, str]:
    """A home in which the company's customers are scored, and what scored them."""
    home = Home(folder)
    company = Company.describe(landing, None)
    company.save(home)
    for stage in STAGES:
        summary = run_stage(stage.name, home, date.fromisoformat(company.settings["as_of"]))
        if stage.name == "score":
            return home, f"{summary['scored_by']} ({summary['model_version']})"
    raise AssertionError("no stage scores")


def scored_customers(home: Home, landing: Path) -> pd.DataFrame:
    """Who has a churn probability, without the people who hold two accounts.

    Returns:
        person (number in the world), churn_probability, rule (the inactivity rule's probability), as_of and
        horizon_ends_on (epoch days); in order of person.
    """
    as_of = date.fromisoformat(Company.load(home).settings["as_of"])
    with open_published(home) as connection:
        found = connection.execute(
            """
            SELECT customer_id, s.churn_probability, f.overdue_ratio, as_of_date, l.horizon_ends_on
            FROM read_parquet($scores) AS s
            JOIN marts.customer_features AS f USING (customer_id, as_of_date)
            JOIN marts.churn_labels AS l USING (customer_id, as_of_date)
            WHERE s.churn_probability IS NOT NULL AND customer_id IN (
                SELECT min(customer_id) FROM read_parquet($accounts) GROUP BY person HAVING count(*) = 1
            )
            """,
            {
                "scores": str(home.products_dir / "customer_scores" / f"{as_of}.parquet"),
                "accounts": str(landing / "truth" / "accounts.parquet"),
            },
        ).df()
    person, _ = person_of(found["customer_id"].str[1:].astype(np.int64).to_numpy())
    rule = InactivityRule.default(model_parameters())
    return pd.DataFrame(
        {
            "person": person,
            "churn_probability": found["churn_probability"],
            "rule": rule.probability(found["overdue_ratio"]),
            "as_of": _days(found["as_of_date"]),
            "horizon_ends_on": _days(found["horizon_ends_on"]),
        }
    ).sort_values("person", ignore_index=True)


def _days(dates: pd.Series) -> np.ndarray:
    return dates.to_numpy("datetime64[D]").astype(np.int64)


def live_futures(
    world: World, scored: pd.DataFrame, futures: int, *, with_new_thresholds: bool
) -> np.ndarray:
    """Whether each of `scored` books nothing, in each future; shape (futures, people), bool.

    Args:
        with_new_thresholds: the need at which customers take the next trip, and what they will find on those
            already booked, are drawn anew in each future; otherwise they are as in the world.
    """
    found = np.empty((futures, len(scored)), dtype=bool)
    for number in range(futures):
        future = copy.deepcopy(world)
        future.dice = Dice(world.seed + 1 + number)
        if with_new_thresholds:
            u = future.dice.unit("another threshold", np.arange(len(future.state)))
            future.state.threshold = thresholds_above(future.p, future.people.need_type, future.state.need, u)
            lines = future.open.lines
            future.open.lines = lines.assign(key=dice_of.split(lines["key"].to_numpy(), number))
        found[number] = ~books(future, scored)
    return found


def thresholds_above(p: Parameters, need_type: np.ndarray, need: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Thresholds as state.thresholds draws them, given that they lie above a need; shapes (n,)."""
    drawn = np.empty(len(need))
    for at, kind in enumerate(p.need_types.values()):
        rows = np.flatnonzero(need_type == at)
        passed = special.gammainc(kind.regularity, kind.regularity * np.maximum(need[rows], 0))
        drawn[rows] = dice_of.gamma(passed + (1 - passed) * u[rows], kind.regularity)
    # The largest number of the table may lie below a need.
    return np.maximum(drawn, need + 1e-6)


def books(world: World, scored: pd.DataFrame) -> np.ndarray:
    """Whether each of `scored` books within the horizon, nothing being done to anybody; changes the world."""
    world.reach(world.lived + _MONTHS_AHEAD)
    place = np.full(int(scored["person"].max()) + 1, -1)
    place[scored["person"]] = np.arange(len(scored))
    as_of, horizon_ends_on = scored["as_of"].to_numpy(), scored["horizon_ends_on"].to_numpy()
    has_booked = np.zeros(len(scored), dtype=bool)
    for _ in range(_MONTHS_AHEAD):
        lines = world.live(no_orders(), with_visits=False).lines
        # A second account, opened from now on, is somebody else to the company.
        lines = lines[(lines["person"] < len(place)) & (lines["copy"] == 0)]
        who = place[lines["person"]]
        lines, who = lines[who >= 0], who[who >= 0]
        has_booked[who[counts(lines, as_of[who], horizon_ends_on[who])]] = True
    return has_booked


def counts(lines: pd.DataFrame, as_of: np.ndarray, horizon_ends_on: np.ndarray) -> np.ndarray:
    """Which booking lines keep a customer, as in churn_labels; days are epoch days, one entry a line.

    Booked after as_of, up to the end of the horizon, and not cancelled by then.
    """
    booked_on, fate_on = (lines[name].to_numpy() // 86_400 for name in ("booked_at", "fate_at"))
    is_cancelled = np.isin(lines["fate"], (BY_CUSTOMER, BY_SUPPLIER)) & (fate_on <= horizon_ends_on)
    return (booked_on > as_of) & (booked_on <= horizon_ends_on) & ~is_cancelled


def judge(ranks: dict[str, np.ndarray], label: np.ndarray, replicates: int = _REPLICATES) -> Judged:
    """AUCs with a bootstrap by customer (Efron 1979): drawing customers is weighting each by its draws."""
    scored = {name: Scored(values, label) for name, values in ranks.items()}
    random, n = np.random.default_rng(SEED), len(label)
    weights = [np.bincount(random.integers(0, n, n), minlength=n).astype(float) for _ in range(replicates)]
    return Judged(
        auc={name: roc_auc(each, np.ones(n)) for name, each in scored.items()},
        draws={name: np.array([roc_auc(each, w) for w in weights]) for name, each in scored.items()},
    )


def endless_auc(stays_away: np.ndarray, label: np.ndarray) -> float:
    """The AUC that a share of futures tends to as they become more.

    With few, shares are noisy and the AUC too low, by about a constant over their number (Richardson 1911).
    """

    def auc(found: np.ndarray) -> float:
        return roc_auc(Scored(found.mean(axis=0), label), np.ones(len(label)))

    half = len(stays_away) // 2
    return 2 * auc(stays_away) - (auc(stays_away[:half]) + auc(stays_away[half:])) / 2


def _table(judged: Judged, title: str) -> Table:
    table = Table("", "AUC", "champion minus this", "champion / this", "the same above 0.5", title=title)

    def cell(of, shown: str) -> str:
        low, high = judged.interval(of)
        return f"{of(judged.auc):{shown}} ({low:{shown}} to {high:{shown}})"

    for name in (ALL, FAIR, CHAMPION, RULE):
        cells = [cell(lambda auc, name=name: auc[name], ".3f")]
        if name != CHAMPION:
            cells.append(cell(lambda auc, name=name: auc[CHAMPION] - auc[name], "+.3f"))
        if name in (ALL, FAIR):
            cells += [
                cell(lambda auc, name=name: auc[CHAMPION] / auc[name], ".1%"),
                cell(lambda auc, name=name: (auc[CHAMPION] - 0.5) / (auc[name] - 0.5), ".1%"),
            ]
        table.add_row(name, *cells)
    return table
