"""Looking after the model in use: customers that change, scores that come true or not, who hears of it."""

import json
import shutil
from datetime import date

import numpy as np
import pandas as pd
import pytest

from ml import drift, tracking
from ml.drift import monitor
from ml.matured import matured
from ml.settings import parameters
from ml.shadow import TABLE as SHADOW
from roundtrip.home import Home
from tests.model_fixture import a_version, publish_scores
from tests.published_fixture import change_published, publish_made_up

AS_OF = date(2024, 6, 30)
#: A month whose outcomes are known for nearly all by AS_OF.
SCORED_ON = date(2023, 5, 31)


@pytest.fixture(scope="module")
def released(tmp_path_factory) -> Home:
    """A published warehouse, and a champion released for its customers; no test may change it."""
    folder = tmp_path_factory.mktemp("drift")
    home = Home(folder / "home")
    assert publish_made_up(home, customers=900) == AS_OF
    a_version(home, AS_OF, folder)
    return home


@pytest.fixture
def home(released, tmp_path) -> Home:
    """The same warehouse and champion (the artifacts stay where they are)."""
    own = Home(tmp_path / "home")
    shutil.copytree(released.root, own.root, ignore=shutil.ignore_patterns("artifacts"))
    return own


def product(home: Home) -> pd.DataFrame:
    return pd.read_parquet(home.products_dir / drift.TABLE / f"{AS_OF}.parquet")


def state_of(home: Home, subject: str) -> str:
    rows = product(home)
    return rows.loc[(rows["kind"] == "population") & (rows["subject"] == subject), "state"].item()


def test_the_customers_of_the_release_have_not_moved(home):
    found = monitor(home, AS_OF)
    assert (found["status"], found["alarms"], found["warnings"]) == ("stable", [], [])
    assert found["score_psi"] == pytest.approx(0)
    rows = product(home)
    assert list(rows.columns) == list(drift.COLUMNS)
    assert set(rows["subject"]) == {"overdue_ratio", "web_events_90d", drift.SCORE}
    assert (rows["value"].abs() < 1e-9).all()
    assert set(rows["model_version"]) == {"roundtrip-churn/1"}


def test_the_findings_are_a_run_in_mlflow_with_words_and_pictures(home):
    found = monitor(home, AS_OF)
    _, client = tracking.open_mlflow(home)
    run = client.get_run(found["run_id"])
    note = run.data.tags["mlflow.note.content"]
    assert note.index("All is as it was") < note.index("与该版本发布时一致")
    assert run.data.metrics["psi.web_events_90d"] == pytest.approx(0)
    assert [item.path for item in client.list_artifacts(found["run_id"], "plots")] == ["plots/stability.png"]
    runs = client.search_runs([tracking.experiment_id(home, tracking.MONITORING)])
    again = monitor(home, AS_OF)
    assert again == found
    assert len(client.search_runs([tracking.experiment_id(home, tracking.MONITORING)])) == len(runs)
    trainings = client.search_runs([tracking.experiment_id(home)])
    assert found["run_id"] not in {run.info.run_id for run in trainings}


def test_another_population_is_an_alarm_and_a_signal_to_train(home):
    change_published(home, "UPDATE marts.customer_features SET web_events_90d = web_events_90d + 20")
    found = monitor(home, AS_OF)
    assert found["status"] == "drift"
    assert any("the scores have shifted" in words for words in found["alarms"])
    assert any("web_events_90d" in words for words in found["alarms"])
    assert found["warnings"] == found["alarms"]
    assert found["warnings_zh"] == found["alarms_zh"]
    assert found["alarms_zh"][0].startswith("评分分布已偏移：稳定性指数")
    assert found["features_moved"] == ["web_events_90d"]
    assert (state_of(home, "web_events_90d"), state_of(home, "overdue_ratio")) == ("alarm", "ok")
    signal = json.loads((home.monitoring_dir / f"{AS_OF}.json").read_text())
    assert (signal["alarms"], signal["model_version"]) == (found["alarms"], "roundtrip-churn/1")


def test_a_source_that_stops_is_an_alarm(home):
    change_published(home, "UPDATE marts.customer_features SET web_events_90d = NULL")
    found = monitor(home, AS_OF)
    assert "no longer known for most customers, though they were: web_events_90d" in found["alarms"][0]


def test_a_column_that_is_gone_is_an_alarm_and_no_crash(home):
    change_published(home, "ALTER TABLE marts.customer_features DROP COLUMN web_events_90d")
    found = monitor(home, AS_OF)
    assert "web_events_90d" in found["alarms"][0]
    assert found["score_psi"] is None


def test_without_a_champion_there_is_nothing_to_watch(home):
    (home.mlflow_dir / "mlflow.db").unlink()
    home.champions_file.unlink()
    stale = home.monitoring_dir / f"{AS_OF}.json"
    stale.parent.mkdir()
    stale.write_text("{}")
    assert monitor(home, AS_OF) == {"status": "nothing_to_watch", "as_of": AS_OF.isoformat(), "warnings": []}
    assert not stale.exists()


def scores(home: Home, of: str, version: str = "roundtrip-churn/1") -> None:
    """Publish scores of SCORED_ON; `of`: good (the chance, noisy), high (that and too high), reversed."""
    import duckdb

    with duckdb.connect(str(home.current_db), read_only=True) as connection:
        rows = connection.execute(
            "SELECT customer_id, as_of_date, is_churned FROM marts.churn_labels WHERE as_of_date = ?"
            " AND is_churned IS NOT NULL ORDER BY customer_id",
            [SCORED_ON],
        ).df()
    random = np.random.default_rng(0)
    churned = rows["is_churned"].astype(float)
    knows = random.normal(1.2 * churned, 1)
    # Two normal densities one apart: the chance of having churned is a sigmoid of where somebody lies.
    odds = churned.mean() / (1 - churned.mean()) * np.exp(1.2 * knows - 0.72)
    chance = odds / (1 + odds)
    rows["churn_probability"] = {"good": chance, "high": chance**0.3, "reversed": 1 - chance}[of]
    rows["model_version"] = version
    publish_scores(home, {"customer_scores": rows.drop(columns="is_churned")})


def test_scores_that_come_true_are_no_alarm(home):
    scores(home, "good")
    (found,) = matured(home, AS_OF, parameters())
    assert found["scored_on"] == SCORED_ON.isoformat()
    assert found["known"] == 1
    assert found["calibration_error"]["low"] < 0.05
    assert found["roc_auc"]["low"] > 0.7
    assert found["said_minus_seen"]["low"] < 0 < found["said_minus_seen"]["high"]
    assert monitor(home, AS_OF)["alarms"] == []


@pytest.mark.parametrize(
    ("of", "words"), [("high", "too high"), ("reversed", "ranked worse than the inactivity rule")]
)
def test_scores_that_do_not_are_an_alarm(home, of, words):
    scores(home, of)
    found = monitor(home, AS_OF)
    assert found["status"] == "drift"
    assert any(words in alarm for alarm in found["alarms"])
    assert "plots/outcomes.png" in {
        item.path for item in tracking.open_mlflow(home)[1].list_artifacts(found["run_id"], "plots")
    }


def test_of_a_version_out_of_force_it_is_a_remark(home):
    scores(home, "high", version="roundtrip-churn/0")
    found = monitor(home, AS_OF)
    assert (found["alarms"], found["status"]) == ([], "watch")
    assert any("roundtrip-churn/0's scores" in remark for remark in found["remarks"])


def test_outcomes_that_are_not_known_yet_judge_nobody(home):
    scores(home, "reversed")
    (found,) = matured(home, date(2023, 7, 31), parameters())
    assert (found["known"], found["rows"]) == (0, 0)
    assert "roc_auc" not in found


def test_a_better_challenger_is_an_alarm(home, tmp_path):
    import duckdb

    a_version(home, AS_OF, tmp_path, status="refused")
    with duckdb.connect(str(home.current_db), read_only=True) as connection:
        rows = connection.execute(
            "SELECT customer_id, as_of_date, hash(customer_id) % 100 / 100.0 AS champion_probability,"
            " CAST(is_churned AS DOUBLE) AS challenger_probability, 'roundtrip-churn/1' AS champion_version,"
            " 'roundtrip-churn/2' AS challenger_version"
            " FROM marts.churn_labels WHERE as_of_date = ? AND is_churned IS NOT NULL",
            [SCORED_ON],
        ).df()
    waits = monitor(home, AS_OF)
    assert "scores in the shadow; 0 of its outcomes" in waits["remarks"][0]
    publish_scores(home, {SHADOW: rows})
    found = monitor(home, AS_OF)
    assert "roundtrip-churn/2 in the shadow has an AUC +" in found["alarms"][0]
    row = product(home).query("kind == 'challenger'").iloc[0]
    assert (row["subject"], row["state"]) == ("roundtrip-churn/2", "alarm")
