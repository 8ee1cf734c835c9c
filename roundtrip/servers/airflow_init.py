"""Set up Airflow in a container, once before its servers start: `python -m roundtrip.servers.airflow_init`.

On one machine `roundtrip.airflow.environment.prepare` does the same for the home's own SQLite file.
Everything it does can be repeated: a second run changes nothing.
"""

import os
import sys

from roundtrip.errors import BadInput, RoundtripError
from roundtrip.home import Home

PASSWORD = "ROUNDTRIP_AIRFLOW_ADMIN_PASSWORD"


def airflow_init(home: Home) -> None:
    """Migrate Airflow's database, make the writers' pool and the admin, and dbt's manifest.

    Raises:
        BadInput: the admin's password is not set.
    """
    from airflow.cli import cli_parser

    from roundtrip.airflow.policy import WRITER_POOL
    from roundtrip.build import parse_project

    password = os.environ.get(PASSWORD, "")
    if not password:
        raise BadInput(f"{PASSWORD} is not set", "set AIRFLOW_ADMIN_PASSWORD in .env")
    person = ["--username", "admin", "--firstname", "Roundtrip", "--lastname", "Admin"]
    commands = [
        ["db", "migrate"],
        # Before the admin, whose role is made of these permissions.
        ["sync-perm"],
        ["pools", "set", WRITER_POOL, "1", "One writer at a time: DuckDB files have one."],
        ["users", "create", *person, "--role", "Admin", "--email", "admin@localhost", "--password", password],
    ]
    parser = cli_parser.get_parser()
    for command in commands:
        arguments = parser.parse_args(command)
        arguments.func(arguments)
    parse_project(home)


if __name__ == "__main__":
    try:
        airflow_init(Home.from_env())
    except RoundtripError as error:
        sys.exit(str(error))
