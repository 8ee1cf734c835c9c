"""Every DAG and every task follows the house's policy (roundtrip/airflow/policy.py)."""

import ast
import json
from pathlib import Path

import pytest

from roundtrip.airflow.environment import manifest_file
from roundtrip.airflow.follow import DAG_ORDER
from roundtrip.build import dbt_environment
from roundtrip.home import PROJECT_ROOT
from roundtrip.stages import STAGES

DAG_FILES = sorted((PROJECT_ROOT / "dags").glob("*.py"))
TAGS = {"ingestion", "warehouse", "machine-learning", "retention", "reporting"}
HEAVY = {
    "great_expectations", "mlflow", "sklearn", "pandas", "numpy", "lightgbm", "shap", "matplotlib",
    "altair", "duckdb", "dbt", "pyarrow",
}  # fmt: skip
LIGHTS = "ModelLight"
#: Calls the DAG that asks a human, when a plan waits; the day's road goes on without it.
ASIDE = {"announce_round"}


@pytest.fixture
def stage_tasks(dags: dict) -> dict[str, dict]:
    """Stage name -> task, over all DAGs, without the models' lights."""
    return {
        name: task
        for dag in dags.values()
        for name, task in dag["tasks"].items()
        if task["operator"] != LIGHTS
    }


def test_every_dag_file_gives_the_dag_of_its_name_without_an_import_error(described: dict):
    assert described["import_errors"] == {}
    assert {dag["file"]: dag_id for dag_id, dag in described["dags"].items()} == {
        file.name: file.stem for file in DAG_FILES
    }


def test_reading_the_dag_files_is_quick_and_loads_no_heavy_library(described: dict):
    assert HEAVY & set(described["modules"]) == set()
    # Two seconds on an idle machine; a heavy import alone costs five.
    assert described["seconds"] < 30


@pytest.mark.parametrize("file", DAG_FILES, ids=lambda file: file.stem)
def test_a_dag_file_only_wires(file):
    text = file.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 100
    assert "airflow" in text, "Airflow ignores a file that does not name it"
    for statement in ast.parse(text).body:
        is_docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        assert is_docstring or isinstance(statement, ast.ImportFrom | ast.With), ast.unparse(statement)


def test_every_dag_says_what_it_reads_and_writes_and_what_to_do(dags: dict):
    for dag_id, dag in dags.items():
        for heading in ("**Reads**", "**Writes**", "**When**", "**When it fails**"):
            assert heading in dag["doc"], f"{dag_id} does not say {heading}"


def test_every_dag_has_one_allowed_tag_one_run_at_a_time_and_may_be_given_a_date(dags: dict):
    for dag_id, dag in dags.items():
        assert len(dag["tags"]) == 1, dag_id
        assert set(dag["tags"]) <= TAGS, dag_id
        assert dag["max_active_runs"] == 1, dag_id
        assert dag["catchup"] is False, dag_id
        assert dag["params"]["as_of"]["format"] == "date", dag_id


def test_every_task_has_owner_retries_backoff_timeout_callback_and_words(stage_tasks: dict):
    for name, task in stage_tasks.items():
        assert task["owner"] == "roundtrip", name
        assert task["retries"] >= 1, name
        assert task["backoff"] > 1, name
        assert task["has_retry_policy"], name
        assert task["timeout_s"], name
        assert task["callbacks"] == ["record_failure"], name
        assert task["doc"], name


def test_a_light_owns_up_to_its_owner_and_is_neither_tried_again_nor_recorded(dags: dict):
    lights = [task for task in dags["build"]["tasks"].values() if task["operator"] == LIGHTS]
    assert lights
    for light in lights:
        assert light["owner"] == "roundtrip"
        assert (light["retries"], light["callbacks"]) == (0, [])
        assert light["timeout_s"]
        assert light["doc"]


def test_whoever_writes_a_duckdb_file_takes_the_only_writers_slot(stage_tasks: dict):
    writers = {name for name, task in stage_tasks.items() if task["pool"] == "warehouse_writer"}
    assert writers == {
        "read_files",
        "load",
        "erase",
        "identify",
        "build_warehouse",
        "publish",
        "publish_scores",
        "publish_actions",
    }


def test_every_stage_is_one_task_of_its_dag_in_the_stages_order(dags: dict):
    for dag_id in DAG_ORDER:
        stages = [stage.name for stage in STAGES if stage.dag == dag_id]
        tasks = {
            name: task
            for name, task in dags[dag_id]["tasks"].items()
            if task["operator"] != LIGHTS and name not in ASIDE
        }
        assert set(tasks) == set(stages)
        for before, after in zip([None, *stages], stages, strict=False):
            # The stage before and nothing else: a light must not open the way while dbt still tests.
            assert tasks[after]["upstream"] == ([before] if before else []), after


def test_every_dag_waits_for_what_the_one_before_announces_at_its_very_end(dags: dict):
    announced = []
    for dag_id in DAG_ORDER:
        assert dags[dag_id]["waits_for"] == announced, dag_id
        last = [stage.name for stage in STAGES if stage.dag == dag_id][-1]
        outlets = {
            name: task["outlets"]
            for name, task in dags[dag_id]["tasks"].items()
            if task["outlets"] and name not in ASIDE
        }
        assert list(outlets) == [last], dag_id
        announced = outlets[last]
    assert announced == ["roundtrip://report"]


def test_the_road_starts_once_a_day(dags: dict):
    assert {dag_id: dag["cron"] for dag_id, dag in dags.items() if dag["cron"]} == {"ingest": "0 4 * * *"}


def test_every_model_of_the_manifest_has_a_light_wired_as_the_models_depend(dags: dict, dags_home):
    nodes = json.loads(manifest_file(dags_home).read_text(encoding="utf-8"))["nodes"]
    built = {
        unique_id: node for unique_id, node in nodes.items() if node["resource_type"] in ("model", "seed")
    }
    lights = {name: task for name, task in dags["build"]["tasks"].items() if task["operator"] == LIGHTS}
    assert set(lights) == {f"models.{node['name']}" for node in built.values()}
    for node in built.values():
        parents = {f"models.{nodes[p]['name']}" for p in node["depends_on"].get("nodes", []) if p in built}
        assert set(lights[f"models.{node['name']}"]["upstream"]) == (parents or {"build_warehouse"})


def test_no_dag_reads_what_a_build_is_writing(dags_home):
    """Half a manifest takes the DAG `build` out of order until its file is read again, minutes later."""
    target = Path(dbt_environment(dags_home)["DBT_TARGET_PATH"])
    assert target not in manifest_file(dags_home).parents
