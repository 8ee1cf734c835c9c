"""Stage find_segments: clusters beside the rules' segments, what customers prefer. Due once a month."""

from datetime import date, timedelta

import numpy as np
import pandas as pd

from ml.frame import open_published
from ml.segments import associations, clustering, measures, migrations, naming, preferences, run_log
from ml.segments.settings import PROFILES
from ml.segments.settings import parameters as read_parameters
from ml.segments.stability import agreement_of_draws, verdict
from roundtrip.home import Home
from roundtrip.products import newest_before, write_product

COLUMNS = {
    "as_of_date": "date",
    "kind": "string",
    "segment": "string",
    "like_segment": "string",
    "customers": "integer",
    "share": "double",
    "stability": "double",
    "stability_verdict": "string",
    "measure": "string",
    "value": "double",
    "value_of_all": "double",
    "distance": "double",
    "description": "string",
    "description_zh": "string",
}


def is_due(home: Home, as_of: date) -> bool:
    """Whether no earlier date of the same month has its profiles yet."""
    before = newest_before(home, PROFILES, as_of)
    return before is None or not before.stem.startswith(f"{as_of:%Y-%m}")


def find_segments(home: Home, as_of: date) -> dict:
    """Cluster the customers of a date, and count what they prefer; the first run of each month does it.

    Writes `products/<table>/<as_of>.parquet` of segment_profiles, segment_migrations, line_associations and
    customer_preferences, and a run in MLflow.

    Returns:
        `status`: not_due | too_few_customers (no clusters; all else is there) | found; `clusters` with the
        kind, their number, adjusted Rand index over the draws and with the rules, `proposal`; `migrations`,
        `associations`, `preferences`, `left_out` in sentences, `run_id`.

    Raises:
        BadInput: no published warehouse.
    """
    summary = {"as_of": as_of.isoformat(), "status": "not_due"}
    if not is_due(home, as_of):
        return summary
    parameters = read_parameters()
    with open_published(home) as connection:
        customers = measures.read_customers(connection, as_of, parameters)
        moves = migrations.read_migrations(connection, as_of, parameters["migrations"]["months"])
        stay = migrations.monthly_stay_share(connection, as_of, parameters["migrations"]["months"])
        lines = associations.read_associations(connection, as_of, parameters)
        preferred = preferences.read_preferences(connection, as_of, lines, parameters)
    found = look_at(customers, as_of, parameters)
    tables = {
        PROFILES: (found["profiles"], COLUMNS),
        migrations.TABLE: (moves, migrations.COLUMNS),
        associations.TABLE: (lines, associations.COLUMNS),
        preferences.TABLE: (preferred, preferences.COLUMNS),
    }
    summary |= {
        "status": found["status"],
        "customers": customers.of,
        "left_out": customers.left_out,
        "clusters": found["clusters"],
        "migrations": {"customers": int(moves["customers"].sum()), "monthly_stay_share": stay},
        "associations": len(lines),
        "preferences": len(preferred),
    }
    summary["run_id"] = run_log.log(home, as_of, summary, found, tables, parameters)
    # The profiles last: they say that the month is done.
    for table, (rows, columns) in reversed(tables.items()):
        write_product(rows, columns, home.products_dir / table / f"{as_of}.parquet")
    return summary


def look_at(customers: measures.Customers, as_of: date, parameters: dict) -> dict:
    """Profiles of the rules' segments and, of enough customers, clusters with all that is asked of them.

    Returns:
        status, profiles (COLUMNS), clusters (for the summary) and, where there are any, candidates, jaccards,
        verdicts, names, confusion, proposal.
    """
    rows, names = customers.rows, customers.names
    scale = measures.scale_of(rows, names, parameters) if names and len(rows) else None
    by_rule = _told("rule", rows, rows["need_segment"], customers, scale, as_of, parameters)
    too_few = len(rows) < parameters["frame"]["min_customers"] or len(names) < 2
    if too_few:
        return {"status": "too_few_customers", "profiles": by_rule, "clusters": None}
    points = scale.apply(rows)
    candidates = clustering.compare(points, parameters)
    kind, k = candidates.loc[0, "kind"], int(candidates.loc[0, "k"])
    seed = parameters["seed"]
    chosen = clustering.fit(kind, k, points, parameters, seed)
    labels = chosen.assign(points)
    some = clustering.some_of(points, parameters["clusters"]["final_rows"], np.random.default_rng(seed))
    draws = agreement_of_draws(
        lambda drawn, draw: clustering.fit(kind, k, drawn, parameters, seed + draw + 1).assign,
        some,
        chosen.assign(some),
        parameters["clusters"]["final_draws"],
        seed,
    )
    agreed = naming.agreement(labels, rows["need_segment"])
    # A named tree needs names: without rules the clusters are their own.
    named = np.array([agreed["names"][label] or f"cluster_{label}" for label in labels])
    # From the next month on: what was said of earlier dates stays.
    next_month = (as_of.replace(day=1) + timedelta(days=32)).replace(day=1)
    proposal = naming.proposed_rules(rows, named, next_month, parameters)
    means = draws.jaccards.mean(axis=0)
    verdicts = [verdict(value, parameters) for value in means]
    clusters = pd.Series(labels, index=rows.index).map("cluster_{}".format)
    by_cluster = _told("cluster", rows, clusters, customers, scale, as_of, parameters)
    number = by_cluster["segment"].str.removeprefix("cluster_").astype(int)
    by_cluster["like_segment"] = number.map(dict(enumerate(agreed["names"])))
    by_cluster["stability"] = number.map(dict(enumerate(means)))
    by_cluster["stability_verdict"] = number.map(dict(enumerate(verdicts)))
    return {
        "status": "found",
        "profiles": pd.concat([by_rule, by_cluster], ignore_index=True) if len(by_rule) else by_cluster,
        "candidates": candidates,
        "jaccards": draws.jaccards,
        "verdicts": verdicts,
        "names": agreed["names"],
        "confusion": agreed["confusion"],
        "proposal": proposal,
        "clusters": {
            "kind": kind,
            "number": k,
            "rand_index_of_draws": float(draws.rand_indices.mean()),
            "rand_index_with_rules": agreed["adjusted_rand_index"],
            "jaccards": [float(value) for value in means],
            "verdicts": verdicts,
            "like_segments": agreed["names"],
            "fidelity": proposal["fidelity"],
            "baseline": proposal["baseline"],
        },
    }


def _told(kind: str, rows, groups, customers, scale, as_of: date, parameters: dict) -> pd.DataFrame:
    """Profiles of groups with their descriptions, as COLUMNS; empty where nobody is in a group."""
    empty = pd.DataFrame({name: pd.Series(dtype="object") for name in COLUMNS})
    if scale is None or groups.notna().sum() == 0:
        return empty
    profile = naming.profiles(rows, groups, scale, customers.names).rename(columns={"group": "segment"})
    words = parameters["measures"]
    for column, language in (("description", "en"), ("description_zh", "zh")):
        texts = {
            segment: naming.described(part, words, customers.currency, language)
            for segment, part in profile.groupby("segment")
        }
        profile[column] = profile["segment"].map(texts)
    return profile.assign(
        as_of_date=as_of, kind=kind, like_segment=None, stability=None, stability_verdict=None
    )[list(COLUMNS)]
