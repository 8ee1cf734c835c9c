"""How good a model is on parts of the customers: segments, countries, age bands, months.

The groups are those of the test row's own month, read from the published warehouse; they are measured by,
never learned from.
"""

import itertools
import re

import pandas as pd

from ml.evaluate import evaluate
from ml.frame import open_published
from roundtrip.home import Home

#: Read from marts.customer_features; age_years becomes age_band.
_OF_FEATURES = ("country", "gender", "age_years")


def read_groups(home: Home, rows: pd.DataFrame, parameters: dict) -> pd.DataFrame:
    """For each row the group it is in, by every grouping column that this company has.

    Args:
        rows: customer_id and as_of_date, of month ends.

    Returns:
        In the order and with the index of `rows`: the columns of `evaluation.groups` as text, None where
        unknown, and `month` (YYYY-MM). A column without any value is left out.
    """
    rules = parameters["evaluation"]["groups"]
    keys = rows[["customer_id", "as_of_date"]].reset_index(drop=True).assign(place=range(len(rows)))
    with open_published(home) as connection:
        there = set(
            connection.execute(
                "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'marts'"
            ).fetchall()
        )
        monthly = [name for name in rules["segments"] if ("fct_customer_months", name) in there]
        features = [name for name in _OF_FEATURES if ("customer_features", name) in there]
        from_features = [
            name for name in rules["segments"] if name not in monthly and ("customer_features", name) in there
        ]
        selected = [f"m.{name}" for name in monthly] + [f"f.{name}" for name in [*features, *from_features]]
        join = (
            "LEFT JOIN marts.fct_customer_months m ON m.customer_id = k.customer_id"
            " AND m.as_of_date = k.as_of_date::DATE"
            if monthly
            else ""
        )
        connection.register("keys", keys)
        found = connection.execute(
            f"""SELECT {", ".join(["k.place", *selected])} FROM keys k
                LEFT JOIN marts.customer_features f ON f.customer_id = k.customer_id
                AND f.as_of_date = k.as_of_date::DATE {join} ORDER BY k.place"""
        ).df()
    if "age_years" in found:
        found["age_band"] = age_bands(found.pop("age_years"), rules["age_bands"])
    wanted = [name for name in [*rules["segments"], *rules["fairness"]] if name in found]
    groups = found[wanted].astype(object).where(found[wanted].notna(), None)
    groups = groups[[name for name in wanted if groups[name].notna().any()]].map(_as_text)
    groups["month"] = pd.to_datetime(keys["as_of_date"]).dt.strftime("%Y-%m")
    return groups.set_index(rows.index)


def age_bands(years: pd.Series, lower_ends: list[int]) -> pd.Series:
    """`<30`, `30-44`, …, `60+`; None where the age is unknown."""
    first, *_ = lower_ends
    names = [f"<{first}"]
    names += [f"{low}-{high - 1}" for low, high in itertools.pairwise(lower_ends)]
    names.append(f"{lower_ends[-1]}+")
    edges = [float("-inf"), *lower_ends, float("inf")]
    cut = pd.cut(years.astype(float), edges, right=False, labels=names)
    return cut.astype(object).where(cut.notna(), None)


def _as_text(value) -> str | None:
    return None if value is None else str(value)


def levels(values: pd.Series, most: int) -> list[str]:
    """The largest groups of a column, the largest first (months and age bands in order); ties by name."""
    counts = values.dropna().value_counts()
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return in_order(str(values.name), [level for level, _ in ordered[:most]])


def in_order(column: str, names: list[str]) -> list[str]:
    """Months and age bands in their own order, everything else as it is."""
    if column == "month":
        return sorted(names)
    if column == "age_band":
        return sorted(names, key=lambda name: (not name.startswith("<"), int(re.search(r"\d+", name)[0])))
    return names


def is_too_small(label: pd.Series, customer: pd.Series, rules: dict) -> bool:
    """Whether a group has too few churned rows, kept rows or customers to tell anything about it."""
    churned = int(label.sum())
    return (
        min(churned, len(label) - churned) < rules["min_rows_each_class"]
        or customer.nunique() < rules["min_customers"]
    )


def is_told(entry: dict) -> bool:
    """Whether a group of evaluate_groups was large enough to be measured."""
    return not entry["is_too_small"]


def evaluate_groups(
    groups: pd.DataFrame, probabilities: dict, test: pd.DataFrame, parameters: dict
) -> dict[str, list[dict]]:
    """All metrics with intervals for every group of every column.

    Args:
        groups: of read_groups, for the rows of `test`.
        probabilities: model → shape (n,).
        test: label, customer_id.

    Returns:
        Column → groups, largest first (months in order): group, rows, customers, base_rate, is_too_small, and
        `models` as of ml.evaluate.evaluate (absent where too small).
    """
    rules = parameters["evaluation"]["groups"]
    found = {}
    for column in groups:
        names = levels(groups[column], rules["max_levels"] if column != "month" else len(groups))
        found[column] = []
        for name in names:
            mask = (groups[column] == name).to_numpy()
            label, customer = test.loc[mask, "label"], test.loc[mask, "customer_id"]
            entry = {
                "group": name,
                "rows": int(mask.sum()),
                "customers": int(customer.nunique()),
                "base_rate": float(label.mean()),
                "is_too_small": is_too_small(label, customer, rules),
            }
            if not entry["is_too_small"]:
                judged = evaluate(
                    {model: values[mask] for model, values in probabilities.items()},
                    label,
                    customer,
                    parameters,
                    replicates=parameters["evaluation"]["group_replicates"],
                )
                entry["models"] = judged["models"]
            found[column].append(entry)
    return found
