"""Training, the registry and scoring on real files: a made-up warehouse and an MLflow of its own."""

import json
import shutil
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from ml import history, registry, tracking
from ml.score import COLUMNS, score
from ml.settings import catalogue, parameters
from ml.train import train
from roundtrip.errors import BadInput
from roundtrip.home import Home
from tests.published_fixture import change_published, publish_made_up

AS_OF = date(2024, 6, 30)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Home, dict]:
    """A home with a published warehouse and its first training; no test may change it."""
    home = Home(tmp_path_factory.mktemp("ml") / "home")
    assert publish_made_up(home, customers=1000) == AS_OF
    return home, train(home, AS_OF)


@pytest.fixture
def copied(trained, tmp_path) -> Home:
    """A home of its own with the same warehouse and the same champion (the artifacts stay where they are)."""
    home = Home(tmp_path / "home")
    shutil.copytree(trained[0].root, home.root, ignore=shutil.ignore_patterns("artifacts", "products"))
    return home


@pytest.fixture
def untrained(copied) -> Home:
    """The same warehouse and an MLflow without runs or models (its tables, 6 s to make, are kept)."""
    import sqlite3

    with sqlite3.connect(copied.mlflow_dir / "mlflow.db") as connection:
        for table in ("runs", "registered_model_aliases", "model_versions", "registered_models"):
            connection.execute(f"DELETE FROM {table}")
    copied.champions_file.unlink()
    return copied


def client_of(home: Home):
    return tracking.open_mlflow(home)[1]


def runs_of(home: Home) -> list:
    return client_of(home).search_runs([tracking.experiment_id(home)])


def scores_of(home: Home, as_of: date = AS_OF) -> pd.DataFrame:
    return pd.read_parquet(score(home, as_of)["path"])


def test_a_model_that_beats_the_rule_becomes_champion(trained):
    home, summary = trained
    assert summary["status"] == "promoted", summary
    assert summary["evaluation"]["differences"][f"{summary['kind']} - rule"]["low"] > 0
    champion = client_of(home).get_model_version_by_alias(registry.MODEL, registry.ALIAS)
    assert str(champion.version) == summary["champion"] == summary["version"]
    assert champion.tags["reason"] == summary["reason"]
    assert json.loads((home.mlflow_dir / "champions.jsonl").read_text())["version"] == summary["version"]
    json.dumps(summary)


def test_it_says_everywhere_why_it_was_trained(trained):
    home, summary = trained
    assert summary["trained_because"] == {
        "trigger": "first",
        "reason": "there is no champion yet",
        "reason_zh": "尚无在用模型",
    }
    run = client_of(home).get_run(summary["run_id"])
    assert run.data.tags["trigger"] == "first"
    assert "\n\nTrained because there is no champion yet." in run.data.tags["mlflow.note.content"]
    (move,) = history.moves(home)
    assert (move.trigger, move.reason) == ("there is no champion yet", summary["reason"])
    assert client_of(home).get_model_version(registry.MODEL, summary["version"]).tags["trigger"] == "first"


def test_the_gate_says_what_it_has_looked_at(trained):
    _, summary = trained
    for words in ("beats the inactivity rule", "calibration error", "fairness"):
        assert words in summary["reason"]


def card_of(home: Home) -> dict:
    return json.loads((home.mlflow_dir / "champion.json").read_text(encoding="utf-8"))


def test_the_card_says_what_the_training_measured(trained):
    home, summary = trained
    models, card = summary["evaluation"]["models"], card_of(home)
    auc = models[summary["kind"]]["roc_auc"]
    assert card["status"] == "champion"
    assert card["model_version"] == f"{registry.MODEL}/{summary['version']}"
    assert (card["test_auc"], *card["test_auc_ci"]) == (auc["value"], auc["low"], auc["high"])
    assert card["baseline_auc"] == models["rule"]["roc_auc"]["value"] < card["test_auc"]
    assert card["trained_as_of"] == AS_OF.isoformat()


def test_the_run_holds_what_a_reader_needs(trained):
    home, summary = trained
    client = client_of(home)
    run = client.get_run(summary["run_id"])
    for tag in ("as_of", "data_hash", "parameters_hash", "code_version", "mlflow.note.content"):
        assert run.data.tags[tag]
    assert {"roc_auc", "pr_auc", "top_decile_lift", "brier", "calibration_error"} <= set(run.data.metrics)
    plots = {item.path for item in client.list_artifacts(summary["run_id"], "plots")}
    drawn = ("roc_pr", "calibration", "gains", "importance", "groups")
    assert plots == {f"plots/{name}.png" for name in drawn}
    candidates = {run.data.tags.get("candidate") for run in runs_of(home)}
    assert {"rule", "logistic", "lightgbm"} <= candidates


def test_every_candidates_run_says_in_words_what_it_is(trained):
    home, summary = trained
    inside = {run.data.tags["candidate"]: run for run in runs_of(home) if "candidate" in run.data.tags}
    assert set(inside) == set(summary["evaluation"]["models"])
    chosen = inside[summary["kind"]]
    assert chosen.data.tags["role"] == "chosen"
    assert inside["rule"].info.run_name == "Baseline: inactivity rule"
    for name, run in inside.items():
        measured = summary["evaluation"]["models"][name]
        assert run.data.metrics["expected_max_profit"] == measured["expected_max_profit"]["value"]
        assert f"{measured['roc_auc']['value']:.1%}" in run.data.tags["mlflow.note.content"]


def test_descriptions_begin_with_the_card_and_lead_to_it(trained):
    home, summary = trained
    client = client_of(home)
    run = client.get_run(summary["run_id"])
    note = run.data.tags["mlflow.note.content"]
    version = client.get_model_version(registry.MODEL, summary["version"])
    place = f"#/experiments/{run.info.experiment_id}/runs/{summary['run_id']}/artifacts/"
    there = {item.path for item in client.list_artifacts(summary["run_id"], "model_card")}
    assert note.startswith("[Who will stop booking?](#/experiments/")
    for language, title in (("en", "Who will stop booking?"), ("zh", "谁将不再预订？")):
        link = f"[{title}]({place}model_card/model_card.{language}.html)"
        assert link in note.splitlines()[0]
        assert f"### {title}" in note
        assert link in version.description
        assert f"model_card/model_card.{language}.html" in there
    lift = summary["evaluation"]["models"][summary["kind"]]["top_decile_lift"]["value"]
    assert note.count(f"{lift:.1f}") >= 2, "the key figures, in both languages"
    for name in ("roundtrip-churn", "roundtrip-churn-monitoring"):
        found = client.get_experiment_by_name(name)
        assert found is None or "每次运行" in found.tags["mlflow.note.content"]


def test_an_experiment_of_an_earlier_version_gets_its_words(copied):
    client = client_of(copied)
    number = client.get_experiment_by_name("roundtrip-churn").experiment_id
    client.set_experiment_tag(number, "mlflow.note.content", "old words")
    assert tracking.experiment_id(copied) == number
    assert "每次运行" in client.get_experiment(number).tags["mlflow.note.content"]


def test_the_model_card_is_in_the_run_and_beside_the_model(trained):
    home, summary = trained
    client = client_of(home)
    cards = {item.path for item in client.list_artifacts(summary["run_id"], "model_card")}
    expected = {f"model_card.{language}.{ending}" for language in ("en", "zh") for ending in ("html", "md")}
    assert {f"model_card/{name}" for name in (*expected, "pictures")} == cards
    beside = home.mlflow_dir / "model_card"
    assert expected < {file.name for file in beside.iterdir()}
    page = (beside / "model_card.en.html").read_text(encoding="utf-8")
    assert f"roundtrip-churn/{summary['version']}" in page
    assert summary["about"]["data_hash"] in page


def test_every_group_is_judged_or_said_to_be_too_small(trained):
    evaluation = trained[1]["evaluation"]
    fairness = evaluation["fairness"]
    assert set(fairness["columns"]) == {"country", "gender", "age_band"}
    statuses = {entry["status"] for entries in fairness["columns"].values() for entry in entries}
    assert statuses <= {"within", "unclear", "outside", "too_small"}
    # Everybody is female in the made-up company: there are no others to compare with.
    assert [entry["status"] for entry in fairness["columns"]["gender"]] == ["too_small"]
    assert {entry["group"] for entry in evaluation["groups"]["country"]} == {"DE", "FR", "CN"}


def test_the_served_model_is_plain_files_with_a_signature(trained):
    home, summary = trained
    files = {file.name for file in (home.mlflow_dir / "artifacts" / "models").rglob("*") if file.is_file()}
    assert "served.py" in files
    assert "input_example.json" in files
    assert not [name for name in files if name.endswith((".pkl", ".pickle", ".joblib"))]
    _, needed = registry.load(home, registry.champion_for(home, AS_OF))
    assert set(needed) <= set(catalogue()["features"])
    assert "tickets_90d" not in needed
    assert any("tickets_90d" in message for message in summary["messages"])


def test_the_same_training_is_reused_not_repeated(trained):
    home, summary = trained
    before = len(runs_of(home))
    assert train(home, AS_OF) == summary
    assert len(runs_of(home)) == before


def test_a_young_champion_is_not_trained_again(trained):
    home, summary = trained
    later = train(home, AS_OF + timedelta(days=27))
    assert (later["status"], later["champion"]) == ("champion_is_fresh", summary["version"])
    assert later["trained_because"]["trigger"] is None
    assert "27 days ago" in later["trained_because"]["reason"]


def test_a_killed_run_is_closed_and_not_taken_for_a_result(copied):
    client = client_of(copied)
    killed = client.create_run(tracking.experiment_id(copied), tags={"run_key": "k"})
    assert registry.finished_run(copied, "k") is None
    assert client.get_run(killed.info.run_id).info.status == "KILLED"


def test_every_customer_gets_one_row(trained):
    home, summary = trained
    scores = scores_of(home)
    assert list(scores.columns) == COLUMNS
    assert scores["customer_id"].is_unique
    assert scores["customer_id"].is_monotonic_increasing
    assert len(scores) == 1000
    assert (scores["model_version"] == f"roundtrip-churn/{summary['version']}").all()
    thresholds = parameters()["bands"]
    scored = scores[scores["risk_band"] != "not_applicable"]
    assert scored["churn_probability"].between(0.001, 0.999).all()
    assert (scored["churn_probability"] >= thresholds["high"]).eq(scored["risk_band"] == "high").all()
    assert (scored["churn_probability"] < thresholds["medium"]).eq(scored["risk_band"] == "low").all()
    assert scored[["expected_bookings", "lifetime_value", "reason_1", "reason_3_zh"]].notna().all(axis=None)
    rest = scores[scores["risk_band"] == "not_applicable"]
    assert rest[["churn_probability", "expected_bookings", "lifetime_value"]].isna().all(axis=None)
    words = catalogue()["fixed_reasons"]
    assert set(rest["reason_1"]) == {words["prospect"]["en"], words["lost"]["en"]}


def test_scores_are_those_of_the_served_model(trained):
    home, _ = trained
    scores = scores_of(home).set_index("customer_id")
    model, needed = registry.load(home, registry.champion_for(home, AS_OF))
    from ml.frame import feature_sql, open_published

    with open_published(home) as connection:
        rows = connection.execute(
            f"SELECT f.customer_id, {feature_sql(needed)} FROM marts.customer_features f "
            "WHERE f.as_of_date = ? AND f.is_scorable",
            [AS_OF],
        ).df()
    by_hand = pd.Series(model.predict(rows[needed]), index=rows["customer_id"])
    assert np.allclose(by_hand, scores.loc[by_hand.index, "churn_probability"])


def test_scoring_twice_leaves_the_same_bytes(copied):
    path = score(copied, AS_OF)["path"]
    first = Path(path).read_bytes()
    score(copied, AS_OF)
    assert Path(path).read_bytes() == first
    assert pq.read_schema(path).field("as_of_date").type == "date32[day]"


def test_new_levels_and_infinite_values_are_scored(copied):
    change_published(
        copied,
        "UPDATE marts.customer_features SET country = 'XX', overdue_ratio = 'inf' WHERE is_scorable",
        "UPDATE marts.customer_features SET acquisition_channel = NULL",
    )
    scores = scores_of(copied)
    assert scores.loc[scores["risk_band"] != "not_applicable", "churn_probability"].notna().all()


def test_a_column_the_champion_needs_and_that_is_gone_is_named(copied):
    change_published(copied, "ALTER TABLE marts.customer_features DROP COLUMN web_events_90d")
    with pytest.raises(BadInput, match="web_events_90d"):
        score(copied, AS_OF)


def test_a_date_that_is_not_published_is_refused(trained):
    with pytest.raises(BadInput, match="2024-07-01"):
        score(trained[0], date(2024, 7, 1))


def test_a_past_date_is_not_scored_by_a_model_that_knows_its_future(copied):
    past = date(2024, 5, 31)
    summary = score(copied, past)
    assert summary["scored_by"] == "inactivity_rule"


def test_a_worse_candidate_leaves_the_champion_and_is_not_tried_again_at_once(copied):
    before = registry.champion_for(copied, AS_OF)
    later = publish_made_up(copied, customers=1000, as_of=AS_OF + timedelta(days=31))
    change_published(
        copied,
        "UPDATE marts.churn_labels SET is_churned = hash(customer_id, as_of_date) % 2 = 0"
        " WHERE NOT is_censored",
    )
    summary = train(copied, later)
    assert summary["status"] == "refused"
    assert "does not clearly beat the inactivity rule" in summary["reason"]
    assert summary["champion"] == before.number
    assert registry.champion_for(copied, later) == before
    assert train(copied, later + timedelta(days=1))["status"] == "refused_recently"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE marts.churn_labels SET is_churned = false", "both outcomes"),
        ("UPDATE marts.churn_labels SET is_censored = true, is_churned = NULL", "all censored"),
        ("DELETE FROM marts.churn_labels WHERE as_of_date > DATE '2022-04-30'", "more history"),
        ("DELETE FROM marts.churn_labels", "customers who booked"),
    ],
)
def test_too_little_data_is_said_logged_and_promotes_nothing(untrained, change, words):
    change_published(untrained, change)
    summary = train(untrained, AS_OF)
    assert summary["status"] == "too_little_data"
    assert any(words in missing for missing in summary["what_is_missing"])
    run = client_of(untrained).get_run(summary["run_id"])
    assert (run.info.status, run.data.tags["status"]) == ("FINISHED", "too_little_data")
    assert registry.champion_for(untrained, AS_OF) is None
    scored = score(untrained, AS_OF)
    assert (scored["scored_by"], scored["model_version"]) == ("inactivity_rule", "inactivity-rule")


def test_without_a_champion_the_card_says_what_is_missing(untrained):
    change_published(untrained, "DELETE FROM marts.churn_labels WHERE customer_id <> 'c1'")
    summary = train(untrained, AS_OF)
    assert card_of(untrained) == {
        "status": "too_little_data",
        "note": "; ".join(summary["what_is_missing"]),
        "note_zh": "；".join(summary["what_is_missing_zh"]),
    }


def test_without_a_champion_the_rule_scores_and_says_so(untrained):
    scores = scores_of(untrained)
    scored = scores[scores["risk_band"] != "not_applicable"]
    assert set(scored["reason_2"]) == {catalogue()["fixed_reasons"]["rule"]["en"]}
    with_ratio = scored.merge(_ratios(untrained), on="customer_id").sort_values("overdue_ratio")
    assert with_ratio["churn_probability"].is_monotonic_increasing
    late = with_ratio["overdue_ratio"] > 1
    assert with_ratio.loc[late, "reason_1"].str.startswith("Raises the risk").all()
    assert with_ratio.loc[~late, "reason_1"].str.startswith("Lowers the risk").all()


def test_without_prices_there_is_no_value_and_everything_else(untrained):
    publish_made_up(untrained, customers=60, months=14, has_prices=False)
    scores = scores_of(untrained, date(2023, 2, 28))
    assert scores["lifetime_value"].isna().all()
    assert scores["expected_bookings"].notna().any()


def test_without_customers_there_is_an_empty_product(untrained):
    change_published(untrained, "DELETE FROM marts.dim_customers", "DELETE FROM marts.customer_features")
    assert scores_of(untrained).empty


def _ratios(home: Home) -> pd.DataFrame:
    from ml.frame import open_published

    with open_published(home) as connection:
        return connection.execute(
            "SELECT customer_id, overdue_ratio FROM marts.customer_features WHERE as_of_date = ?", [AS_OF]
        ).df()
