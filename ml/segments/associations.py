"""Lines that go together: in one trip, and in the trip after it (association rules; Agrawal et al. 1993).

Frequent sets by FP-growth (Han et al. 2000, mlxtend). Trips of one customer are not independent, so what is
certain is judged by how many *customers* stand behind a rule, not how many trips.
"""

from datetime import date

import numpy as np
import pandas as pd

TABLE = "line_associations"
COLUMNS = {
    "as_of_date": "date",
    "kind": "string",
    "antecedent": "string",
    "consequent": "string",
    "trips": "integer",
    "customers": "integer",
    "support": "double",
    "confidence": "double",
    "confidence_low": "double",
    "lift": "double",
    "p_value_adjusted": "double",
}

#: Trips of a customer: bookings whose travel (or booking, where no travel date is known) lies close together.
_TRIPS = """
    CREATE OR REPLACE TEMP TABLE trip_lines AS
    WITH dated AS (
        SELECT b.customer_id, b.service_line,
            coalesce(b.travel_start, CAST(b.booked_at AS DATE)) AS starts_on,
            coalesce(b.travel_end, b.travel_start, CAST(b.booked_at AS DATE)) AS ends_on
        FROM marts.fct_bookings b JOIN marts.dim_customers c USING (customer_id)
        WHERE c.may_be_profiled AND NOT starts_with(b.status, 'cancelled')
            AND CAST(b.booked_at AS DATE) <= $as_of AND b.booked_at > $as_of::DATE - to_months($months)
    ), placed AS (
        SELECT *, starts_on > coalesce(max(ends_on) OVER earlier, starts_on) + $gap::INTEGER AS is_new
        FROM dated
        WINDOW earlier AS (
            PARTITION BY customer_id ORDER BY starts_on, ends_on, service_line
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )
    ), numbered AS (
        SELECT *, sum(CAST(is_new AS INTEGER)) OVER (
            PARTITION BY customer_id ORDER BY starts_on, ends_on, service_line ROWS UNBOUNDED PRECEDING
        ) AS trip
        FROM placed
    )
    SELECT customer_id, trip, min(starts_on) AS starts_on, list_sort(list(DISTINCT service_line)) AS lines
    FROM numbered GROUP BY customer_id, trip
"""
#: A row a trip; of kind `next` the trip and the one after it, where that begins within `days`.
_BASKETS = {
    "together": "SELECT customer_id, lines AS before, []::VARCHAR[] AS after FROM trip_lines",
    "next": """
        SELECT customer_id, lines AS before, next_lines AS after FROM (
            SELECT *, lead(lines) OVER w AS next_lines, lead(starts_on) OVER w AS next_starts_on
            FROM trip_lines WINDOW w AS (PARTITION BY customer_id ORDER BY trip)
        ) WHERE next_starts_on <= starts_on + $days::INTEGER
    """,
}


def read_associations(connection, as_of: date, parameters: dict) -> pd.DataFrame:
    """Rules that are no accident, strongest first: COLUMNS.

    kind `together`: who has the antecedent in a trip has the consequent in the same one; `next`: in the trip
    after it. `support` is the share of trips with both, `confidence` that among those with the antecedent,
    and `confidence_low` the lower end of its Wilson interval counting customers. Kept: support of
    `min_support`, `min_customers` with the antecedent, a lift above 1, and a probability of so many by chance
    (one-sided exact hypergeometric, Holm's correction) under 1 - `confidence`.
    """
    rules = parameters["associations"]
    connection.execute(_TRIPS, {"as_of": as_of, "months": rules["months"], "gap": rules["trip_gap_days"]})
    found = [_of_kind(connection, kind, rules) for kind in _BASKETS]
    connection.execute("DROP TABLE trip_lines")
    tried = pd.concat(found, ignore_index=True)
    tried["p_value_adjusted"] = _holm(tried.pop("p_value").to_numpy(float))
    kept = tried[(tried["lift"] > 1) & (tried["p_value_adjusted"] < 1 - rules["confidence"])]
    kept = kept.sort_values(
        ["kind", "confidence_low", "antecedent", "consequent"], ascending=[True, False, True, True]
    )
    return kept.assign(as_of_date=as_of).reset_index(drop=True)[list(COLUMNS)]


def _of_kind(connection, kind: str, rules: dict) -> pd.DataFrame:
    """All rules with enough support and customers, with what they are judged by."""
    values = {"days": rules["next_days"]} if kind == "next" else {}
    # The same set of lines by the same customer more than once weighs as often; customers are counted apart.
    sets = connection.execute(
        f"SELECT before, after, count(*) AS trips FROM ({_BASKETS[kind]}) GROUP BY ALL ORDER BY ALL", values
    ).df()
    if sets.empty:
        return _nothing()
    hits = _frequent(sets, kind, rules["min_support"])
    if hits.empty:
        return _nothing()
    # Sets of lines as bits, so that each trip is held against each rule in two comparisons.
    lines = sorted({line for side in ("before", "after") for found in sets[side] for line in found})
    bit = {line: 1 << place for place, line in enumerate(lines)}
    for side in ("antecedent", "consequent"):
        hits[f"{side}_bits"] = [sum(bit[line] for line in found) for found in hits[f"{side}_lines"]]
    sides = {"before": "before", "after": "before" if kind == "together" else "after"}
    bits = ", ".join(
        f"list_sum(list_transform({column}, x -> 1::BIGINT << (list_position($lines, x) - 1))) AS {side}"
        for side, column in sides.items()
    )
    connection.register(
        "candidate_rules", hits[["antecedent", "consequent", "antecedent_bits", "consequent_bits"]]
    )
    counted = connection.execute(
        f"""
        WITH sides AS (
            SELECT DISTINCT customer_id, {bits} FROM ({_BASKETS[kind]})
        ), marked AS (
            SELECT s.customer_id, r.antecedent, r.consequent,
                bool_or(s.before & r.antecedent_bits = r.antecedent_bits) AS has_antecedent,
                bool_or(s.after & r.consequent_bits = r.consequent_bits) AS has_consequent,
                bool_or(s.before & r.antecedent_bits = r.antecedent_bits
                    AND s.after & r.consequent_bits = r.consequent_bits) AS has_both
            FROM candidate_rules r CROSS JOIN sides s GROUP BY ALL
        )
        SELECT antecedent, consequent, count(*) AS everybody,
            count(*) FILTER (has_antecedent) AS with_antecedent,
            count(*) FILTER (has_consequent) AS with_consequent,
            count(*) FILTER (has_both) AS with_both
        FROM marked GROUP BY antecedent, consequent
        """,
        values | {"lines": lines},
    ).df()
    connection.unregister("candidate_rules")
    both = hits.merge(counted, on=["antecedent", "consequent"])
    both = both[both["with_antecedent"] >= rules["min_customers"]]
    if both.empty:
        return _nothing()
    return _judged(both, kind, rules["confidence"])


def _frequent(sets: pd.DataFrame, kind: str, min_support: float) -> pd.DataFrame:
    """Rules by FP-growth: antecedent, consequent (names, and as lists), trips, support, confidence, lift."""
    from mlxtend.frequent_patterns import association_rules, fpgrowth

    names = sorted(
        {("before", line) for lines in sets["before"] for line in lines}
        | {("after", line) for lines in sets["after"] for line in lines}
    )
    marks = pd.DataFrame(
        {(side, line): [line in lines for lines in sets[side]] for side, line in names}, columns=names
    )
    # FP-growth counts rows, so each set stands as often as it came.
    baskets = marks.loc[marks.index.repeat(sets["trips"])].reset_index(drop=True)
    baskets.columns = range(len(names))
    frequent = fpgrowth(baskets, min_support=min_support, max_len=3)
    if frequent.empty or frequent["itemsets"].map(len).max() < 2:
        return pd.DataFrame()
    rules = association_rules(frequent, metric="support", min_threshold=0)
    sides = {
        column: rules[column].map(lambda items: {names[item][0] for item in items})
        for column in ("antecedents", "consequents")
    }
    ends_in = "before" if kind == "together" else "after"
    of_kind = sides["antecedents"].map(lambda found: found == {"before"}) & sides["consequents"].map(
        lambda found: found == {ends_in}
    )
    one = rules["consequents"].map(len) == 1
    rules = rules[of_kind & one].reset_index(drop=True)
    lines = {
        column: rules[column].map(lambda items: sorted(names[item][1] for item in items))
        for column in ("antecedents", "consequents")
    }
    return pd.DataFrame(
        {
            "antecedent": lines["antecedents"].map("; ".join),
            "consequent": lines["consequents"].map("; ".join),
            "antecedent_lines": lines["antecedents"],
            "consequent_lines": lines["consequents"],
            "trips": (rules["support"] * len(baskets)).round().astype(int),
            "support": rules["support"],
            "confidence": rules["confidence"],
            "lift": rules["lift"],
        }
    )


def _judged(rules: pd.DataFrame, kind: str, confidence: float) -> pd.DataFrame:
    from scipy.stats import hypergeom, norm

    n, z = rules["with_antecedent"].to_numpy(float), norm.ppf((1 + confidence) / 2)
    # Wilson (1927), at the confidence among trips with the customers as the sample size.
    share = rules["confidence"].to_numpy(float)
    middle, half = share + z**2 / (2 * n), z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    chance = hypergeom.sf(
        rules["with_both"] - 1, rules["everybody"], rules["with_consequent"], rules["with_antecedent"]
    )
    return rules.assign(
        kind=kind,
        customers=rules["with_both"],
        confidence_low=(middle - half) / (1 + z**2 / n),
        p_value=chance,
    )[[*_JUDGED]]


_JUDGED = (*(name for name in COLUMNS if name not in ("as_of_date", "p_value_adjusted")), "p_value")


def _nothing() -> pd.DataFrame:
    kinds = {"string": "str", "integer": "int64", "double": "float64"}
    return pd.DataFrame({name: pd.Series(dtype=kinds[COLUMNS.get(name, "double")]) for name in _JUDGED})


def _holm(p_values: np.ndarray) -> np.ndarray:
    """Holm (1979): the chance that any of the rules kept so is an accident."""
    order = np.argsort(p_values, kind="stable")
    steps = np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1))
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(steps, 1)
    return adjusted
