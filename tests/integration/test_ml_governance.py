"""What is in production, and what happens when it is not there: history, rollback, fallback, the shadow."""

import json
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml import history, registry, retrain, tracking
from ml.score import score
from ml.settings import catalogue, digest, parameters
from ml.shadow import TABLE, compare, shadow_file
from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.publish import Actor
from tests.model_fixture import FEATURES, a_model, a_version, publish_scores
from tests.published_fixture import change_published, publish_made_up

FIRST, SECOND = date(2024, 4, 30), date(2024, 5, 31)
AS_OF = date(2024, 6, 30)
BY = Actor("anna", "2026-03-02T09:00:00+00:00")


@pytest.fixture(scope="module")
def two_champions(tmp_path_factory) -> Home:
    """A published warehouse; version 1 was in force from April, version 2 since May. Nobody may change it."""
    folder = tmp_path_factory.mktemp("governance")
    home = Home(folder / "home")
    assert publish_made_up(home, customers=300) == AS_OF
    a_version(home, FIRST, folder, a_model(-1.0))
    a_version(home, SECOND, folder, a_model(0.5))
    return home


@pytest.fixture
def home(two_champions, tmp_path) -> Home:
    """The same in a home of its own, its models' files too."""
    own = Home(tmp_path / "home")
    shutil.copytree(two_champions.root, own.root)
    _move_artifacts(own, str(two_champions.root), str(own.root))
    return own


def _move_artifacts(home: Home, old: str, new: str) -> None:
    """MLflow keeps full paths; a copied home would read, and spoil, the other one's files."""
    import sqlite3

    with sqlite3.connect(home.mlflow_dir / "mlflow.db") as connection:
        for table, column in (
            ("experiments", "artifact_location"),
            ("runs", "artifact_uri"),
            ("model_versions", "source"),
            ("model_versions", "storage_location"),
            ("logged_models", "artifact_location"),
        ):
            connection.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (old, new))


def client_of(home: Home):
    return tracking.open_mlflow(home)[1]


def moves(home: Home) -> list[tuple]:
    return [(move.action, move.version, move.predecessor) for move in history.moves(home)]


def go_back(home: Home, to: str | None = None, reason: str = "too many false alarms", as_of: date = AS_OF):
    return registry.roll_back(home, to, as_of, reason, BY, digest(parameters()))


def model_files(home: Home, number: str) -> Path:
    """The folder with model.json of a version."""
    place = tracking.open_mlflow(home)[0].artifacts.download_artifacts(f"models:/{registry.MODEL}/{number}")
    assert Path(place).is_relative_to(home.root)
    return Path(place) / "artifacts" / "model"


def lose_alias(home: Home) -> None:
    client_of(home).delete_registered_model_alias(registry.MODEL, registry.ALIAS)


# --- history and rollback ---------------------------------------------------------------------------------


def test_the_history_says_what_when_why_and_what_before(two_champions):
    first, second = history.moves(two_champions)
    assert (first.version, first.predecessor, second.version, second.predecessor) == ("1", None, "2", "1")
    assert (second.as_of, second.action) == (SECOND.isoformat(), "promoted")
    assert second.reason == "version 2 is good"
    assert second.trigger == "it was time"
    registered = client_of(two_champions).get_model_version(registry.MODEL, "2").creation_timestamp
    assert datetime.fromisoformat(second.at) == datetime.fromtimestamp(registered // 1000, UTC)


def test_promoting_the_same_version_again_adds_no_line(home):
    version = registry.champion_for(home, AS_OF)
    before = home.champions_file.read_bytes()
    assert registry.make_champion(home, version, "again")
    assert home.champions_file.read_bytes() == before


def test_killed_between_the_move_and_its_line_the_line_comes_once(home, tmp_path):
    version = a_version(home, AS_OF, tmp_path, status="refused")
    client_of(home).set_registered_model_alias(registry.MODEL, registry.ALIAS, version.number)
    for _ in range(2):
        assert registry.make_champion(home, version, "good")
        assert moves(home)[2:] == [("promoted", "3", "2")]


def test_lines_are_only_ever_added(home):
    before = home.champions_file.read_bytes()
    go_back(home)
    assert home.champions_file.read_bytes().startswith(before)


def test_a_rollback_goes_to_the_version_before_and_says_who_and_why(home):
    move = go_back(home)
    assert (move.version, move.predecessor, move.by, move.at) == ("1", "2", "anna", BY.acts_at)
    assert move.reason == "too many false alarms"
    assert registry.champion_for(home, AS_OF).number == "1"
    assert score(home, AS_OF)["model_version"] == "roundtrip-churn/1"


def test_a_killed_rollback_is_finished_by_the_same_call(home):
    client_of(home).set_registered_model_alias(registry.MODEL, registry.ALIAS, "1")
    go_back(home)
    assert moves(home)[2:] == [("rolled_back", "1", "2")]


@pytest.mark.parametrize(
    ("to", "reason", "as_of", "words"),
    [
        ("2", "why", AS_OF, "in force already"),
        ("9", "why", AS_OF, "no version 9"),
        ("1", "  ", AS_OF, "reason is empty"),
        ("1", "why", FIRST - timedelta(days=1), "may not score"),
    ],
)
def test_a_rollback_that_makes_no_sense_is_refused(home, to, reason, as_of, words):
    with pytest.raises(BadInput, match=words):
        go_back(home, to, reason, as_of)
    assert len(history.moves(home)) == 2


def test_a_version_that_was_refused_is_nothing_to_go_back_to(home, tmp_path):
    a_version(home, AS_OF, tmp_path, status="refused")
    with pytest.raises(BadInput, match="never in force"):
        go_back(home, "3")


def test_a_version_that_cannot_be_loaded_is_nothing_to_go_back_to(home):
    (model_files(home, "1") / "model.json").unlink()
    with pytest.raises(BadInput, match="cannot be loaded"):
        go_back(home, "1")
    assert registry.champion_for(home, AS_OF).number == "2"


def test_a_move_by_hand_in_mlflow_is_found_and_written_down(home, tmp_path):
    client_of(home).set_registered_model_alias(registry.MODEL, registry.ALIAS, "1")
    a_version(home, AS_OF, tmp_path)
    assert moves(home)[2:] == [("found", "1", "2"), ("promoted", "3", "1")]


def test_a_line_of_an_older_home_is_understood(home):
    old = {"as_of": "2024-04-30", "version": "1", "reason": "good", "run_id": "r"}
    home.champions_file.write_text(json.dumps(old) + "\n" + json.dumps({**old, "run_id": None}) + "\n")
    assert moves(home) == [("promoted", "1", None), ("rolled_back", "1", "1")]


# --- whether a training is due ----------------------------------------------------------------------------


def due(home: Home, as_of: date) -> retrain.Decision:
    champion = registry.champion_for(home, as_of)
    return retrain.decide(home, as_of, champion, digest(parameters()), parameters())


def raise_alarm(home: Home, as_of: date, version: str = "roundtrip-churn/2", in_chinese: bool = True) -> None:
    home.monitoring_dir.mkdir(parents=True, exist_ok=True)
    found = {"model_version": version, "alarms": ["the scores have shifted"]}
    found |= {"alarms_zh": ["评分分布已偏移"]} if in_chinese else {}
    (home.monitoring_dir / f"{as_of}.json").write_text(json.dumps(found))


@pytest.mark.parametrize(
    ("days", "trigger", "words"),
    [
        (27, None, "due on 2024-06-28"),
        (28, "schedule", "28 days ago"),
        (0, "same_date", "for this very date"),
    ],
)
def test_a_training_is_due_by_the_calendar(home, days, trigger, words):
    decision = due(home, SECOND + timedelta(days=days))
    assert decision.trigger == trigger
    assert words in decision.reason


@pytest.mark.parametrize(
    ("seen_after", "now_after", "trigger"),
    [(8, 8, "drift"), (8, 12, "drift"), (3, 6, None), (9, 8, None)],
    ids=["at once", "still", "too soon", "known later only"],
)
def test_an_alarm_makes_it_due_before_its_time(home, seen_after, now_after, trigger):
    raise_alarm(home, SECOND + timedelta(days=seen_after))
    decision = due(home, SECOND + timedelta(days=now_after))
    assert decision.trigger == trigger
    assert ("the scores have shifted" in decision.reason) == (trigger == "drift")
    assert ("评分分布已偏移" in decision.reason.zh) == (trigger == "drift")


def test_an_alarm_from_before_there_were_chinese_words_is_told_in_english(home):
    raise_alarm(home, SECOND + timedelta(days=8), in_chinese=False)
    assert due(home, SECOND + timedelta(days=8)).reason.zh == "监测到漂移：the scores have shifted"


def test_an_alarm_over_another_version_is_none(home):
    raise_alarm(home, SECOND + timedelta(days=8), version="roundtrip-churn/1")
    assert due(home, SECOND + timedelta(days=8)).trigger is None


def test_other_parameters_make_it_due(home):
    champion = registry.champion_for(home, AS_OF)
    assert retrain.decide(home, AS_OF, champion, "another", parameters()).trigger == "parameters"


def test_a_column_that_is_gone_makes_it_due(home):
    change_published(home, "ALTER TABLE marts.customer_features DROP COLUMN web_events_90d")
    decision = due(home, SECOND + timedelta(days=1))
    assert (decision.trigger, "web_events_90d" in decision.reason) == ("schema", True)


def test_after_a_refusal_the_wait_begins_anew(home, tmp_path):
    a_version(home, AS_OF, tmp_path, status="refused")
    assert due(home, AS_OF + timedelta(days=27)).trigger is None
    assert due(home, AS_OF + timedelta(days=28)).trigger == "schedule"


def test_a_rollback_is_not_overruled_the_next_day(home):
    go_back(home)
    decision = due(home, AS_OF + timedelta(days=1))
    assert (decision.trigger, "too many false alarms" in decision.reason) == (None, True)
    assert due(home, AS_OF + timedelta(days=28)).trigger == "schedule"
    champion = registry.champion_for(home, AS_OF)
    mended = retrain.decide(home, AS_OF + timedelta(days=1), champion, "mended", parameters())
    assert mended.trigger == "parameters"


# --- a champion that is not there -------------------------------------------------------------------------


def test_without_the_alias_the_last_one_in_force_scores_and_it_is_said(home):
    lose_alias(home)
    summary = score(home, AS_OF)
    assert (summary["scored_by"], summary["model_version"]) == ("earlier_champion", "roundtrip-churn/2")
    assert "alias `champion` is missing" in summary["warnings"][0]


@pytest.mark.parametrize("harm", ["model.json is gone", "model.json was changed"])
def test_a_champion_that_cannot_be_loaded_is_replaced_by_the_one_before(home, harm):
    file = model_files(home, "2") / "model.json"
    if harm.endswith("gone"):
        file.unlink()
    else:
        file.write_text(file.read_text().replace("0.5", "0.6"))
    summary = score(home, AS_OF)
    assert (summary["scored_by"], summary["model_version"]) == ("earlier_champion", "roundtrip-churn/1")
    assert "version 2 cannot be loaded" in summary["warnings"][0]
    assert "version 1" in summary["warnings"][-1]
    assert set(pd.read_parquet(summary["path"])["model_version"]) == {"roundtrip-churn/1"}


def test_a_version_deleted_in_mlflow_is_replaced_by_the_one_before(home):
    client_of(home).delete_model_version(registry.MODEL, "2")
    summary = score(home, AS_OF)
    assert summary["model_version"] == "roundtrip-churn/1"
    assert any("not in MLflow any more" in warning for warning in summary["warnings"])


def test_who_was_taken_back_does_not_stand_in(home):
    go_back(home)
    (model_files(home, "1") / "model.json").unlink()
    summary = score(home, AS_OF)
    assert summary["scored_by"] == "inactivity_rule"


def test_when_none_can_be_loaded_the_rule_scores_and_every_row_says_why(home):
    for number in ("1", "2"):
        (model_files(home, number) / "model.json").unlink()
    summary = score(home, AS_OF)
    assert (summary["scored_by"], summary["model_version"]) == ("inactivity_rule", "inactivity-rule")
    assert len(summary["warnings"]) == 3
    scores = pd.read_parquet(summary["path"])
    scored = scores[scores["risk_band"] != "not_applicable"]
    assert set(scored["reason_2"]) == {catalogue()["fixed_reasons"]["rule_instead"]["en"]}


def test_when_mlflow_is_gone_the_rule_scores_and_it_is_said(home):
    (home.mlflow_dir / "mlflow.db").unlink()
    summary = score(home, AS_OF)
    assert summary["scored_by"] == "inactivity_rule"
    assert "mlflow.db is gone" in summary["warnings"][0]


def test_after_a_lost_database_old_lines_name_nobody_new(home, tmp_path):
    (home.mlflow_dir / "mlflow.db").unlink()
    version = a_version(home, AS_OF, tmp_path, status="refused")
    assert version.number == "1", "numbers begin again"
    found = registry.in_force(home, AS_OF)
    assert found.versions == []
    assert any("version 1, in force by the history, is not in MLflow" in words for words in found.warnings)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("ALTER TABLE marts.customer_features DROP COLUMN web_events_90d", "lacks web_events_90d"),
        (
            "ALTER TABLE marts.customer_features ALTER web_events_90d TYPE VARCHAR USING 'many'",
            "no numbers in web_events_90d",
        ),
    ],
)
def test_another_schema_is_an_error_that_names_columns_and_what_to_do(home, change, words):
    change_published(home, change)
    with pytest.raises(BadInput, match=words) as refused:
        score(home, AS_OF)
    assert "roundtrip stage train" in refused.value.hint


# --- the challenger ---------------------------------------------------------------------------------------


def test_without_a_challenger_there_is_no_shadow(home):
    shadow_file(home, AS_OF).parent.mkdir(parents=True)
    shadow_file(home, AS_OF).write_text("left by a challenger that has since won")
    assert score(home, AS_OF)["challenger"] is None
    assert not shadow_file(home, AS_OF).exists()


def test_a_refused_version_scores_in_the_shadow_and_changes_no_score(home, tmp_path):
    before = pd.read_parquet(score(home, AS_OF)["path"])
    a_version(home, AS_OF, tmp_path, a_model(3.0), status="refused")
    summary = score(home, AS_OF)
    assert summary["challenger"] == "roundtrip-churn/3"
    after = pd.read_parquet(summary["path"])
    pd.testing.assert_frame_equal(after, before)
    shadow = pd.read_parquet(shadow_file(home, AS_OF)).set_index("customer_id")
    scored = after.dropna(subset="churn_probability").set_index("customer_id")
    assert list(shadow.index) == list(scored.index)
    assert (shadow["champion_probability"] == scored["churn_probability"]).all()
    assert (shadow["challenger_probability"] > shadow["champion_probability"]).all()


def test_a_challenger_that_cannot_score_is_a_warning(home, tmp_path):
    a_version(home, AS_OF, tmp_path, a_model(features=[*FEATURES, "searches_90d"]), status="refused")
    change_published(home, "ALTER TABLE marts.customer_features DROP COLUMN searches_90d")
    summary = score(home, AS_OF)
    assert (summary["challenger"], summary["scored_by"]) == (None, "champion")
    assert "searches_90d" in summary["warnings"][0]


def _shadows(home: Home, noise_of: str) -> None:
    """Shadow scores of three months whose outcomes are known; one of the two knows nothing."""
    with_labels = """
        SELECT customer_id, as_of_date, CAST(is_churned AS INTEGER) AS label,
               hash(customer_id) % 1000 / 1000.0 AS noise
        FROM marts.churn_labels
        WHERE NOT is_censored AND as_of_date BETWEEN '2023-01-31' AND '2023-03-31'"""
    import duckdb

    with duckdb.connect(str(home.current_db), read_only=True) as connection:
        rows = connection.execute(with_labels).df()
    knows = 0.3 * rows["label"] + 0.5 * rows["noise"]
    rows["champion_version"], rows["challenger_version"] = "roundtrip-churn/2", "roundtrip-churn/3"
    for who in ("champion", "challenger"):
        rows[f"{who}_probability"] = rows["noise"] if who == noise_of else knows
    publish_scores(home, {TABLE: rows})


@pytest.mark.parametrize(
    ("noise_of", "verdict"), [("champion", "challenger_better"), ("challenger", "champion_better")]
)
def test_champion_and_challenger_are_compared_when_outcomes_are_known(home, tmp_path, noise_of, verdict):
    a_version(home, AS_OF, tmp_path, status="refused")
    champion = registry.champion_for(home, AS_OF)
    assert compare(home, AS_OF, champion, parameters())["verdict"] == "too_early"
    _shadows(home, noise_of)
    found = compare(home, AS_OF, champion, parameters())
    assert found["verdict"] == verdict
    assert found["rows"] > 300
    change_published(home, "UPDATE marts.churn_labels SET horizon_ends_on = DATE '2024-07-01'")
    later = compare(home, AS_OF, champion, parameters())
    assert (later["verdict"], later["rows"]) == ("too_early", 0), "not known yet on the date"


def test_the_served_model_answers_with_probabilities_and_names_what_is_missing(two_champions):
    model, _ = registry.load(two_champions, registry.champion_for(two_champions, AS_OF))
    rows = pd.DataFrame({"web_events_90d": [0.0, 4.0], "overdue_ratio": [1.0, 0.5], "more": [1, 2]})
    # The linear model looks at ln(1 + x): 0.5 + 2 of overdue_ratio - 0.5 of web_events_90d, in log-odds.
    log_odds = 0.5 + 2 * np.log1p(rows["overdue_ratio"]) - 0.5 * np.log1p(rows["web_events_90d"])
    assert model.predict(rows) == pytest.approx(1 / (1 + np.exp(-log_odds)), abs=1e-6)
    with pytest.raises(Exception, match="web_events_90d"):
        model.predict(rows[["overdue_ratio"]])
