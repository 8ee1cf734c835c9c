"""What a company planned, held against what was hidden from it."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from benchmarks.spending import best_by, by_lot, down_a_ranking, knowable
from ml.uplift.frame import FEATURES, read_uplift_frame
from roundtrip.company import Company
from roundtrip.duck import connect
from roundtrip.home import Home
from roundtrip.strategies import of_company

#: Channels a customer can be reached by, as purposes of consent.
_CHANNELS = "('email', 'sms', 'push', 'phone', 'wechat')"
_CALL = "care_call"


@dataclass(frozen=True)
class Judged:
    """A plan's treatment arm: money, the net value it expected, the true one of each way to spend it."""

    spent: float
    expected: float
    net: dict[str, float]


def policies(home: Home, landing: Path, as_of: date) -> Judged:
    """The plan of `as_of` beside other ways of spending its money.

    Costs are those of the strategies. The others choose among customers who have not refused every channel
    and are no prospects, one action each, and no more calls than the call centre has places.
    """
    options = _options(home, landing, as_of)
    plan = pd.read_parquet(home.rounds_dir / f"R-{as_of}" / "plan.parquet")
    treated = plan.loc[plan["arm"] == "treatment", ["customer_id", "action", "cost", "expected_net_value"]]
    spent = float(treated["cost"].sum())
    worth = treated.merge(options, on=["customer_id", "action"], how="left")["true_value"].fillna(0.0).sum()
    reachable = options[options["is_reachable"]].reset_index(drop=True)
    money, places = spent, _places(landing)
    ways = {
        "highest risk": down_a_ranking(reachable, "churn_probability", money, places),
        "highest value": down_a_ranking(reachable, "expected_value_12m", money, places),
        "random": by_lot(reachable, money, places),
        "knows what can be seen": best_by(reachable, reachable["known_value"], money, places),
        "knows every effect": best_by(reachable, reachable["true_value"], money, places),
    }
    net = {"the plan": float(worth) - spent} | {name: way.net_value for name, way in ways.items()}
    return Judged(spent, float(treated["expected_net_value"].fillna(-treated["cost"]).sum()), net)


def _options(home: Home, landing: Path, as_of: date) -> pd.DataFrame:
    """Every customer (no prospects) and action, as benchmarks.spending wants them."""
    costs = {row.action: row.unit_cost for row in of_company(home, as_of).rows if row.unit_cost is not None}
    with connect(home.current_db, home.tmp_dir, read_only=True) as warehouse:
        options = warehouse.execute(
            f"""WITH refused AS (
                    SELECT customer_id FROM marts.customer_consents
                    WHERE purpose IN {_CHANNELS} AND NOT is_granted
                    GROUP BY 1 HAVING count(DISTINCT purpose) = 5
                )
                SELECT c.customer_id, e.action, CAST(e.effect_on_value AS DOUBLE) AS true_value,
                       s.churn_probability, s.expected_value_12m,
                       c.customer_id NOT IN (SELECT customer_id FROM refused) AS is_reachable
                FROM marts.dim_customers AS c
                JOIN read_parquet('{landing}/truth/accounts.parquet') AS a USING (customer_id)
                JOIN read_parquet('{landing}/truth/action_effects.parquet') AS e ON e.customer_id = a.person
                LEFT JOIN marts.customer_scores AS s
                    ON s.customer_id = c.customer_id AND s.as_of_date = ?
                WHERE c.lifecycle_stage <> 'prospect' AND c.may_be_profiled
                ORDER BY ALL""",
            [as_of],
        ).df()
    known = ["expected_margin", "expected_return", *FEATURES]
    customers = read_uplift_frame(home, as_of).customers[["customer_id", *known]]
    options = options.merge(customers, on="customer_id", how="left")
    options = options.assign(cost=options["action"].map(costs)).dropna(subset=["cost"]).reset_index(drop=True)
    return options.assign(known_value=knowable(options, known))


def _places(landing: Path) -> dict[str, int]:
    """Calls that the call centre can make in a round, by action; empty: as many as are wanted."""
    capacity = Company.describe(landing, None).settings["retention"].get("channel_capacity", {})
    return {_CALL: capacity["phone"]} if "phone" in capacity else {}
