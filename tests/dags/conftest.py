"""The DAGs as Airflow sees them, described once for all tests of this folder."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from roundtrip.airflow.environment import airflow_environment, prepare_manifest
from roundtrip.home import PROJECT_ROOT, Home


@pytest.fixture(scope="session")
def dags_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home that holds no more than what Airflow needs to read the DAG files: dbt's manifest."""
    home = Home(tmp_path_factory.mktemp("dags") / "home")
    prepare_manifest(home)
    return home


@pytest.fixture(scope="session")
def described(dags_home: Home) -> dict:
    """What tests/dags/describe_dags.py finds."""
    result = dags_home.root / "dags.json"
    environment = airflow_environment(dags_home)
    # As where nobody has said otherwise; the environment of a laptop switches the clock off.
    del environment["ROUNDTRIP_SCHEDULE"]
    subprocess.run(
        [sys.executable, Path(__file__).with_name("describe_dags.py"), PROJECT_ROOT / "dags", result],
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=300,
    )
    return json.loads(result.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def dags(described: dict) -> dict[str, dict]:
    assert not described["import_errors"]
    return described["dags"]
