"""Airflow's own database. `python -m roundtrip.airflow.database` sets it up.

One process for all commands: each `airflow` command alone would spend seven seconds on imports.
"""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from roundtrip.airflow.environment import ADMIN, airflow_secrets
from roundtrip.airflow.policy import WRITER_POOL
from roundtrip.home import Home


def set_up(admin_password: str) -> None:
    """Migrate the database that Airflow's settings name, create the writers' pool and the admin.

    Safe to repeat: the admin keeps the password of the first time.
    """
    from airflow.cli import cli_parser

    parser = cli_parser.get_parser()
    for command in commands(admin_password):
        arguments = parser.parse_args(command)
        arguments.func(arguments)


def commands(admin_password: str) -> list[list[str]]:
    """What is asked of `airflow`, in turn."""
    person = ["--username", ADMIN, "--firstname", "Roundtrip", "--lastname", "Admin", "--role", "Admin"]
    # With an equals sign: one generated password in 64 begins with a dash and would be read as an option.
    access = ["--email=admin@localhost", f"--password={admin_password}"]
    return [
        ["db", "migrate"],
        # Before the admin, whose role is made of these permissions.
        ["sync-perm"],
        ["pools", "set", WRITER_POOL, "1", "One writer at a time: DuckDB files have one."],
        ["users", "create", *person, *access],
    ]


def _let_readers_and_writers_meet(database: Path) -> None:
    # With a write-ahead log a reader does not stop a writer; the setting stays in the file.
    connection = sqlite3.connect(database)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()


def end_interrupted_runs(home: Home) -> None:
    """End the DAG runs that a killed run left open, lest Airflow takes them up again in front of a new one.

    For an Airflow that does not run. Written to the database because ending a run through the API leaves
    its DAG marked as having its one run (`exceeds_max_non_backfill`), and no other run is created then.
    """
    connection = sqlite3.connect(home.airflow_dir / "airflow.db")
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    try:
        with connection:
            connection.execute(
                "UPDATE task_instance SET state = 'failed', end_date = ?, trigger_id = NULL WHERE state IN "
                "('scheduled', 'queued', 'running', 'restarting', 'deferred', 'up_for_retry')",
                (now,),
            )
            connection.execute(
                "UPDATE dag_run SET state = 'failed', end_date = ? WHERE state IN ('queued', 'running')",
                (now,),
            )
            # Events of such runs that no DAG has taken yet.
            connection.execute("DELETE FROM asset_dag_run_queue")
            connection.execute("UPDATE dag SET exceeds_max_non_backfill = 0")
    finally:
        connection.close()


if __name__ == "__main__":
    here = Home.from_env()
    set_up(airflow_secrets(here)["admin_password"])
    _let_readers_and_writers_meet(here.airflow_dir / "airflow.db")
