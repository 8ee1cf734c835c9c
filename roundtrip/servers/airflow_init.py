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
    from roundtrip.airflow.database import set_up
    from roundtrip.airflow.environment import prepare_manifest

    password = os.environ.get(PASSWORD, "")
    if not password:
        raise BadInput(f"{PASSWORD} is not set", "set AIRFLOW_ADMIN_PASSWORD in .env")
    set_up(password)
    prepare_manifest(home)


if __name__ == "__main__":
    try:
        airflow_init(Home.from_env())
    except RoundtripError as error:
        sys.exit(str(error))
