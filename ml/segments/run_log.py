"""What finding segments leaves in MLflow: once for the same findings, in words and pictures."""

from datetime import date

from ml import tracking
from ml.segments import plots
from ml.segments.migrations import TABLE as MIGRATIONS
from ml.segments.settings import PROFILES
from ml.settings import digest
from roundtrip.home import Home


def log(home: Home, as_of: date, summary: dict, found: dict, tables: dict, parameters: dict) -> str:
    """A run of the experiment of segments; the id of the finished one where nothing has changed.

    Args:
        found: stage.look_at. tables: table → (rows, columns), as written.
    """
    texts = {table: rows.to_csv(index=False) for table, (rows, _) in tables.items()}
    key = digest([summary, texts, parameters])
    if done := tracking.finished_run_id(home, key, tracking.SEGMENTS):
        return done
    name, note = f"Segments of {as_of} · 客户分群", describe(summary)
    noted = tracking.noted_run(home, tracking.SEGMENTS, name, key, as_of, note, status=summary["status"])
    with noted as (mlflow, run):
        mlflow.log_dict(parameters, "parameters.json")
        mlflow.log_metrics(_metrics(summary))
        for name, figure in _pictures(as_of, found, tables, parameters).items():
            mlflow.log_figure(figure, f"plots/{name}")
        for table in (PROFILES, MIGRATIONS):
            mlflow.log_text(texts[table], f"{table}.csv")
        if found["clusters"]:
            mlflow.log_text(found["candidates"].to_csv(index=False), "candidates.csv")
            mlflow.log_text(found["confusion"].to_csv(), "clusters_by_segment.csv")
            mlflow.log_text(found["proposal"]["rules"].to_csv(index=False), "proposed_rules.csv")
            mlflow.log_text(found["proposal"]["words"], "proposed_tree.txt")
        mlflow.log_dict(summary, "summary.json")
    return run.info.run_id


def describe(summary: dict) -> str:
    """The findings in words for somebody who has never heard of a Rand index."""
    clusters = summary["clusters"]
    parts = []
    if clusters is None:
        parts.append(f"**No clusters**: {summary['customers']:,} customers are too few to look for any.")
    else:
        kind = clusters["kind"].replace("_", " ")
        parts.append(
            f"**{clusters['number']} clusters by {kind}** of {summary['customers']:,} customers. With other "
            f"customers drawn, the clusters agree to {clusters['rand_index_of_draws']:.2f} (1: the same, 0: "
            f"chance); {clusters['verdicts'].count('stable')} of them are stable."
        )
        if clusters["rand_index_with_rules"] is not None:
            parts.append(
                "With the segments of the published rules they agree to "
                f"{clusters['rand_index_with_rules']:.2f}. The rules ask what a customer can be offered, the "
                "clusters who is like whom: full agreement is no aim."
            )
        if clusters["fidelity"] is not None:
            parts.append(
                f"The proposed rules (`proposed_rules.csv`) call {clusters['fidelity']:.0%} of the customers "
                f"as their cluster is named; calling everybody the same would be right for "
                f"{clusters['baseline']:.0%}. They change nothing by themselves: see docs/segments.md."
            )
    stay = summary["migrations"]["monthly_stay_share"]
    if stay is not None:
        parts.append(f"From one month to the next {stay:.0%} of the customers stay in their segment.")
    parts += [f"- Left out: {words}." for words in summary["left_out"]]
    return "\n\n".join(parts)


def _metrics(summary: dict) -> dict[str, float]:
    clusters = summary["clusters"] or {}
    found = {
        "customers": summary["customers"],
        "associations": summary["associations"],
        "preferences": summary["preferences"],
        "monthly_stay_share": summary["migrations"]["monthly_stay_share"],
        "clusters": clusters.get("number"),
        "rand_index_of_draws": clusters.get("rand_index_of_draws"),
        "rand_index_with_rules": clusters.get("rand_index_with_rules"),
        "proposal_fidelity": clusters.get("fidelity"),
    }
    found |= {f"jaccard.cluster_{place}": value for place, value in enumerate(clusters.get("jaccards", []))}
    return {name: float(value) for name, value in found.items() if value is not None}


def _pictures(as_of: date, found: dict, tables: dict, parameters: dict) -> dict:
    """File name → figure; only of what there is."""
    drawn, words = {}, parameters["measures"]
    profile, (moves, _) = found["profiles"], tables[MIGRATIONS]
    for kind, name in (("rule", "profiles_of_rules.png"), ("cluster", "profiles_of_clusters.png")):
        part = profile[profile["kind"] == kind]
        if len(part):
            heads = part.drop_duplicates("segment").itertuples()
            labels = {row.segment: _label(row) for row in heads}
            drawn[name] = plots.profile_map(
                part.rename(columns={"segment": "group"}), labels, words, f"Customers of {as_of} by {kind}"
            )
    if len(moves):
        days = f"{moves['from_date'].iloc[0]} to {moves['to_date'].iloc[0]}"
        drawn["migrations.png"] = plots.migration_map(moves, f"Need segments, {days}")
    if found["clusters"]:
        clusters = found["clusters"]
        heads = profile[profile["kind"] == "cluster"].drop_duplicates("segment").itertuples()
        labels = [_label(row).replace("\n", ", ") for row in heads]
        draws = len(found["jaccards"])
        drawn["stability.png"] = plots.stability_bars(
            found["jaccards"],
            labels,
            found["verdicts"],
            parameters["clusters"],
            f"Stability in {draws} draws, {as_of}",
        )
        drawn["criteria.png"] = plots.criteria_lines(
            found["candidates"], (clusters["kind"], clusters["number"]), f"Which clusters? {as_of}"
        )
    return drawn


def _label(row) -> str:
    like = f"\nlike {row.like_segment.replace('_', ' ')}" if isinstance(row.like_segment, str) else ""
    return f"{row.segment.replace('_', ' ')}, {row.share:.0%}{like}"
