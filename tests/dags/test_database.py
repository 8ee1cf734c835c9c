"""Airflow's own database is set up whatever its secrets look like."""

import json
import sqlite3

import pytest

from roundtrip.airflow import environment
from roundtrip.errors import RoundtripError
from roundtrip.home import Home


def test_a_password_that_begins_with_a_dash_is_no_option(home: Home):
    made = environment.airflow_secrets(home) | {"admin_password": "-begins-with-a-dash"}
    (home.secrets_dir / "airflow.json").write_text(json.dumps(made), encoding="utf-8")

    environment._prepare_database(home)

    connection = sqlite3.connect(home.airflow_dir / "airflow.db")
    assert connection.execute("SELECT username FROM ab_user").fetchall() == [(environment.ADMIN,)]
    connection.close()


def test_a_set_up_that_fails_says_why_and_where_its_log_is(home: Home):
    home.airflow_dir.mkdir(parents=True)
    (home.airflow_dir / "airflow.db").write_text("no database", encoding="utf-8")

    with pytest.raises(RoundtripError, match="file is not a database") as failed:
        environment._prepare_database(home)

    assert str(home.logs_dir / "airflow" / "prepare.log") in failed.value.hint
