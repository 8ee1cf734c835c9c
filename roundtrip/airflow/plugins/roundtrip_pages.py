"""Airflow's menu leads to what a run is for: the start page with the reports, and MLflow.

Airflow reads this folder (`core.plugins_folder`). Without the servers of `make up` there is nowhere to lead.
"""

import os
from typing import ClassVar

from airflow.plugins_manager import AirflowPlugin

#: Variable with the address -> what stands in the menu.
_PAGES = {"ROUNDTRIP_REPORTS_URL": "Roundtrip reports", "ROUNDTRIP_MLFLOW_URL": "MLflow"}


class RoundtripPages(AirflowPlugin):
    """Links in the navigation. Not framed: each of these servers asks for its own login."""

    name = "roundtrip_pages"
    external_views: ClassVar[list[dict[str, str]]] = [
        {"name": name, "href": os.environ[variable], "destination": "nav"}
        for variable, name in _PAGES.items()
        if os.environ.get(variable)
    ]
